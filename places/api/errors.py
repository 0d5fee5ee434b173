"""One envelope for every error of the API."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import Http404, UnreadablePostError
from rest_framework.exceptions import APIException, MethodNotAllowed, NotFound, UnsupportedMediaType
from rest_framework.response import Response

from errors import UserError
from places.doors import retry_after, status_of


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the envelope for what a person can cause; None leaves the rest to the log and a 500."""
    known = _as_user_error(error, context)
    if known is None:
        return None
    status = error.status_code if isinstance(error, APIException) else status_of(known.code)
    headers = {"Retry-After": str(seconds)} if (seconds := retry_after(known)) else {}
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(context["view"].allowed_methods)
    return Response({"error": {"code": known.code, "message": known.message}}, status=status, headers=headers)


def _as_user_error(error: Exception, context: dict[str, Any]) -> UserError | None:
    if isinstance(error, UserError):
        return error
    if isinstance(error, (Http404, NotFound)):
        return UserError("not_found", "There is nothing at this address.")
    if isinstance(error, MethodNotAllowed):
        return UserError("method_not_allowed", "This address does not take {method}.", method=context["request"].method)
    if isinstance(error, UnsupportedMediaType):
        return UserError("bad_form", "Please send multipart/form-data, a form, or JSON.")
    if isinstance(error, (APIException, SuspiciousOperation, UnreadablePostError, RecursionError, UnicodeError)):
        return UserError("bad_form", "The request could not be read. Send `image` as multipart, or `url`.")
    return None
