"""What every door shares: statuses, rate limit, plain answers to errors, the first password."""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable

import redis
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import TooManyFieldsSent, ValidationError
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template import loader
from django.urls import reverse
from django.utils.datastructures import MultiValueDict

from errors import UserError
from places import broker
from places.models import FirstPassword

log = logging.getLogger(__name__)

STATUSES = {
    "no_file": 400,
    "one_file_only": 400,
    "empty_file": 400,
    "not_an_image": 400,
    "bad_form": 400,
    "bad_query": 400,
    "bad_url": 400,
    "bad_scheme": 400,
    "bad_port": 400,
    "blocked_address": 400,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "gone": 410,
    "too_large_bytes": 413,
    "unsupported_format": 415,
    "slow_down": 429,
    "internal": 500,
    "busy": 503,
    "queue_down": 503,
}
RETRY_AFTER_S = {"busy": 30, "queue_down": 30}
WHOLE_ADDRESS_BITS = {4: 24, 6: 56}
MOST_FIELDS = 5000  # of a form of the admin: a place with all that is near it, or a page of rows, has hundreds


def status_of(code: str) -> int:
    """Return the HTTP status of an error code: 422 for what is wrong inside a file or behind an address."""
    return STATUSES.get(code, 422)


class SlowDown(UserError):
    """One client asks too fast."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("slow_down", "That was fast. Please try again in {seconds} seconds.", seconds=retry_after)
        self.retry_after = retry_after


def retry_after(error: UserError) -> int | None:
    """Return after how many seconds to try again, or None."""
    if isinstance(error, SlowDown):
        return error.retry_after
    return RETRY_AFTER_S.get(error.code)


def address_of(request: HttpRequest) -> str:
    """Return the address a request comes from, through as many proxies as are ours."""
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    if settings.TRUSTED_PROXIES and len(forwarded) >= settings.TRUSTED_PROXIES:
        return forwarded[-settings.TRUSTED_PROXIES]
    return str(request.META.get("REMOTE_ADDR") or "")


def client_of(request: HttpRequest) -> str:
    """Return the network a request comes from: /24 or /56."""
    try:
        parsed = ipaddress.ip_address(address_of(request))
    except ValueError:
        return "unknown"
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ipaddress.ip_network((parsed, WHOLE_ADDRESS_BITS[parsed.version]), strict=False))


def check_rate(request: HttpRequest, times: int = 1) -> None:
    """Count a search, or as many as a request stands for, against its client's minute. Raises SlowDown."""
    _count(request, "rate", settings.RATE_LIMIT, 60, times)


def check_report_rate(request: HttpRequest) -> None:
    """Count a report against its client's hour. Raises SlowDown."""
    _count(request, "reports", settings.REPORT_LIMIT, 3600)


def _count(request: HttpRequest, what: str, limit: int, period_s: int, times: int = 1) -> None:
    """Raise SlowDown for what a client does more than ``limit`` times in a period; 0 is any number of times."""
    if not limit:
        return
    period, second = divmod(int(time.time()), period_s)
    key = f"{what}:{client_of(request)}:{period}"
    try:
        pipe = broker.connection().pipeline()
        pipe.incrby(key, times)
        pipe.expire(key, 2 * period_s)
        count = int(pipe.execute()[0])
    except redis.RedisError:
        return  # without the broker a search is refused anyway, and a report is welcome
    if count > limit:
        raise SlowDown(period_s - second)


def envelope(error: UserError, status: int) -> JsonResponse:
    """Return an error as the API words it."""
    return JsonResponse({"error": {"code": error.code, "message": error.message}}, status=status)


# What the admin's lists raise when their address is made up by hand.
BAD_LOOKUPS = (DataError, ValueError, OverflowError, ValidationError)
API_ERRORS = {
    400: ("bad_form", "The request could not be read. Please check its form."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
    500: ("internal", "Something went wrong on our side. Please try again."),
    503: ("busy", "The site cannot answer just now. Please try again in a minute."),
}


class ErrorsMiddleware:
    """Turns a database that is away into a 503, and any error under /api/ into the envelope."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, with the envelope where the API is asked."""
        response = self.get_response(request)
        is_json = response.get("Content-Type", "").startswith("application/json")
        if request.path.startswith("/api/") and response.status_code in API_ERRORS and not is_json:
            plain = envelope(UserError(*API_ERRORS[response.status_code]), response.status_code)
            for name in ("Retry-After", "Allow"):
                if name in response:
                    plain[name] = response[name]
            return plain
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer plainly, without the database, when it is the database that is away."""
        if isinstance(exception, (OperationalError, InterfaceError)):
            log.error("database is away: %s", exception)
            return HttpResponse(loader.render_to_string("503.html"), status=503, headers={"Retry-After": "30"})
        if request.path.startswith("/admin/") and isinstance(exception, BAD_LOOKUPS):
            log.warning("the admin was asked for what cannot be: %s", type(exception).__name__)
            return HttpResponse("This cannot be looked up. Please go back.", status=400, content_type="text/plain")
        return None


class LongFormsMiddleware:
    """Takes longer forms from staff in the admin than Django's one limit allows, which is for visitors."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Read such a form before Django refuses it."""
        if (
            request.method == "POST"
            and request.content_type == "application/x-www-form-urlencoded"
            and request.path.startswith(reverse("admin:index"))
            and request.user.is_staff
        ):
            _read_long(request)
        return self.get_response(request)


def _read_long(request: HttpRequest) -> None:
    """Read a form that is too long for Django piece by piece. Raises TooManyFieldsSent over ``MOST_FIELDS``."""
    fields, at_once = request.body.split(b"&"), settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    if len(fields) <= at_once:
        return
    if len(fields) > MOST_FIELDS:
        raise TooManyFieldsSent(f"The form has more than {MOST_FIELDS} fields.")
    form = QueryDict(mutable=True)
    for first in range(0, len(fields), at_once):
        form.update(QueryDict(b"&".join(fields[first : first + at_once])))
    form._mutable = False
    vars(request).update(_post=form, _files=MultiValueDict())  # where Django looks whether it has read the form


class FirstPasswordMiddleware:
    """Lets a user with a printed password do one thing in the admin: choose their own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Redirect to the password form until it was filled in."""
        allowed = {reverse(f"admin:{name}") for name in ("password_change", "logout", "login")}
        if request.path.startswith(reverse("admin:index")) and request.path not in allowed:
            user = request.user
            if isinstance(user, User) and FirstPassword.unchanged(user):
                return redirect("admin:password_change")
        return self.get_response(request)
