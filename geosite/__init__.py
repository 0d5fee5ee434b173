"""The project: settings, addresses, processes."""

from geosite.celery import app as celery_app

__all__ = ["celery_app"]
