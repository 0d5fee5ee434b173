"""Which language a reader gets: the one they chose, else what their browser asks for, else the site's."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.i18n import set_language


class LanguageMiddleware(LocaleMiddleware):
    """Django's own, which forgets to tell caches that the choice is in a cookie."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Name the language, and what it depends on; pictures have none."""
        if response.get("Content-Type", "").startswith("image/"):
            return response
        answer: Any = super().process_response(request, response)
        patch_vary_headers(answer, ["Cookie"])
        return response


# A stranger's page that sends this form changes a language and nothing else, so readers need no cookie for it.
choose = csrf_exempt(set_language)
