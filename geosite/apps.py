"""The admin, with our own front page."""

from django.contrib.admin.apps import AdminConfig


class SiteAdmin(AdminConfig):
    """Django's admin as this site has it."""

    default_site = "places.admin_site.Site"
