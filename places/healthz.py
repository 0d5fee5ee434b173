"""``/healthz``: a door for whoever watches the site."""

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from places import health


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Say whether everything answers, and what does not: 200 or 503."""
    report = health.report()
    return JsonResponse(report, status=200 if report["ok"] else 503)


urlpatterns = [path("healthz", healthz)]
