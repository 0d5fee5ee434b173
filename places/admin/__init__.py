"""The curators' and operators' door: Django's admin."""

from places.admin import models, people, places, reports, training, versions  # noqa: F401  (registers them)
