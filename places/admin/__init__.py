"""The curators' and operators' door: Django's admin."""

from places.admin import models, reports  # noqa: F401  (registers them)
