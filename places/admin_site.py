"""The admin site: Django's own look, with a line on what is not running."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _

from places import health
from places.models import ModelVersion

LONGEST_NAME = 150
HOW_TO_START = {
    "search": _("No search worker is answering, so photos wait unread. Start it with `make run`."),
    "io": _("No io worker is answering, so addresses and web pictures wait. Start it with `make run`."),
    "train": _("No train worker is answering; training needs one. Start it with `make train-worker`."),
}


def staff(request: HttpRequest) -> User:
    """Return who asks: nobody but users who are staff gets into the admin."""
    assert isinstance(request.user, User)
    return request.user


class LoginForm(AdminAuthenticationForm):
    """Django's own, for names that can be."""

    def clean_username(self) -> str:
        """Refuse a name that no user can have before anybody stores it."""
        name: str = self.cleaned_data["username"]
        if len(name) > LONGEST_NAME:
            raise self.get_invalid_login_error()
        return name


class Site(AdminSite):
    """Says on its front page which workers answer and how to start those that do not."""

    site_header = settings.SITE_NAME
    site_title = settings.SITE_NAME
    index_title = _("Looking after the site")
    index_template = "admin/front.html"
    login_form = LoginForm

    def get_urls(self) -> list[Any]:
        """Put the pages that belong to no one model first: the ``PAGES`` of these modules."""
        from places.admin import collecting, exports, inbox, review

        own = [
            path(route, self.admin_view(view), name=name)
            for module in (inbox, exports, review, collecting)
            for route, view, name in module.PAGES
        ]
        return [*own, *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the front page."""
        from places.admin import front

        answering = health.answering_queues()
        context = {
            "workers": [(queue, queue in answering, how) for queue, how in HOW_TO_START.items()],
            "tasks": front.tasks(request.user),
            "serving": ModelVersion.serving_places(),
            **(extra_context or {}),
        }
        return super().index(request, context)
