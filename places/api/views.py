"""Doors of the API: read the request, call one function, answer."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from errors import UserError
from ml.crop import parse
from places import feedback, searching, uploads
from places.api import serializers
from places.doors import check_rate, status_of
from places.models import Place, Search
from places.models.search import State
from places.presenting import present, present_place, present_places

TOKEN = "X-Owner-Token"
TOKEN_PARAMETER = OpenApiParameter(TOKEN, str, OpenApiParameter.HEADER, description="The owner's token.")
LONGEST_QUERY = 200


def problem(description: str) -> OpenApiResponse:
    """Return an error answer of the schema."""
    return OpenApiResponse(serializers.Error, description=description)


def find(pk: UUID) -> Search:
    """Return a search. Raises UserError ``not_found`` or ``gone``."""
    search = Search.objects.filter(pk=pk).select_related("place", "model_version").first()
    if search is None:
        raise UserError("not_found", "There is no such search.")
    if search.gone:
        raise UserError("gone", "This search was deleted or has expired. Please send the photo again.")
    return search


def find_own(request: Request, pk: UUID) -> Search:
    """Return a search whose owner is asking. Raises UserError ``forbidden`` beside what ``find`` raises."""
    search = find(pk)
    if not search.is_owner(request.headers.get(TOKEN, "")):
        raise UserError(
            "forbidden", "Only who sent the photo may do this. Send the owner's token as {header}.", header=TOKEN
        )
    return search


class Searches(APIView):
    """Asking: a photo, an address or an earlier search in, a search out."""

    parser_classes = [MultiPartParser, FormParser, JSONParser]

    @extend_schema(
        operation_id="search",
        request={
            "multipart/form-data": serializers.Question,
            "application/x-www-form-urlencoded": serializers.TextQuestion,
            "application/json": serializers.TextQuestion,
        },
        parameters=[TOKEN_PARAMETER],
        responses={
            201: serializers.Search,
            202: OpenApiResponse(serializers.Search, description="Not answered within two seconds: poll `url`."),
            400: problem("Not a photo, not an address, not a part of a photo, or not a form."),
            404: problem("No such search as `again` names."),
            410: problem("The search that `again` names, or its photo, is gone."),
            413: problem("Over 10 MB."),
            415: problem("A format that is not accepted."),
            422: problem("The photo, or what the address leads to, cannot be used."),
            429: problem("Too many searches in this minute."),
            500: problem("Something went wrong on our side."),
            503: problem("Too many photos are waiting, or the queue is down."),
        },
    )
    def post(self, request: Request) -> Response:
        """Send a photo (`image`), the address of one (`url`) or a search whose photo is kept (`again`).

        With `crop` only that part of the photo is looked at. The owner's token of the search that `again` names
        carries the photo's GPS position over.
        """
        began = time.monotonic()
        check_rate(request._request)
        uploads.limit(request._request)
        search, token = self._submit(request)
        search = searching.wait(search, settings.ANSWER_WITHIN_S - (time.monotonic() - began))
        if search.state == State.FAILED and status_of(search.error_code) < 500:
            return self._refusal(search)
        status = 201 if search.state in (State.DONE, State.FAILED) else 202
        body = present(search, owner=True) | {"owner_token": token}
        return Response(body, status=status, headers={"Location": body["url"]})

    @staticmethod
    def _submit(request: Request) -> tuple[Search, str]:
        """Submit what was asked, by whichever field it came. Raises UserError."""
        uploads.check_announced(request._request)
        data: Any = request.data
        uploads.check_received(request._request)
        crop = parse(_text(data, "crop"))
        if request.FILES:
            return searching.submit(data=uploads.read_one(request.FILES), crop=crop)
        if again := _text(data, "again"):
            source = find(_uuid(again))
            return searching.submit_again(source, crop, owner=source.is_owner(request.headers.get(TOKEN, "")))
        if url := _text(data, "url"):
            return searching.submit(url=url, crop=crop)
        raise UserError("no_file", "No photo came. Please send one in the field `image`, or an address in `url`.")

    @staticmethod
    def _refusal(search: Search) -> Response:
        """Answer what was found wrong within the two seconds as the 4xx it is."""
        status = status_of(search.error_code)
        if search.source_url and search.error_code.startswith(("bad_", "blocked_")):
            status = 422  # found behind the address, not in it
        return Response({"error": {"code": search.error_code, "message": search.error_told}}, status=status)


def _text(data: Any, name: str) -> str:
    """Return a field of a form or a JSON object, empty when it is not there. Raises UserError ``bad_form``."""
    value = data.get(name) if hasattr(data, "get") else None
    if value is not None and not isinstance(value, str):
        raise UserError("bad_form", "`{field}` has to be text.", field=name)
    return (value or "").strip()


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise UserError("bad_form", "`again` has to be the id of a search.") from error


class OneSearch(APIView):
    """Looking again, and deleting."""

    @extend_schema(
        operation_id="get_search",
        parameters=[TOKEN_PARAMETER],
        responses={200: serializers.Search, 404: problem("No such search."), 410: problem("Deleted or expired.")},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Return the search as it is now."""
        search = find(pk)
        owner = search.is_owner(request.headers.get(TOKEN, ""))
        return Response(present(search, owner=owner), headers={"Cache-Control": "private, no-store"})

    @extend_schema(
        operation_id="delete_search",
        parameters=[TOKEN_PARAMETER],
        responses={
            204: None,
            403: problem("Not the owner."),
            404: problem("No such search."),
            410: problem("Deleted or expired."),
        },
    )
    def delete(self, request: Request, pk: UUID) -> Response:
        """Delete the photo and its answer at once."""
        searching.delete(find_own(request, pk))
        return Response(status=204)


class GiveFeedback(APIView):
    """Right, or wrong."""

    parser_classes = [JSONParser, FormParser, MultiPartParser]

    @extend_schema(
        operation_id="give_feedback",
        parameters=[TOKEN_PARAMETER],
        request=serializers.Feedback,
        responses={
            200: serializers.Feedback,
            400: problem("Not readable, or no such place."),
            403: problem("Not the owner."),
            404: problem("No such search."),
            410: problem("Deleted or expired."),
            413: problem("Too large."),
            415: problem("Neither JSON nor a form."),
        },
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Say whether the answer was right, and which place it is when it was not."""
        search = find_own(request, pk)
        uploads.check_announced(request._request)
        form = serializers.Feedback(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        feedback.give(search, right=given["right"], slug=given.get("place"), keep=given["keep"])
        return Response({"right": given["right"], "place": given.get("place"), "keep": given["keep"]})


class AllPlaces(APIView):
    """What the site knows."""

    @extend_schema(
        operation_id="list_places",
        parameters=[OpenApiParameter("q", str, description="Part of a name, at most 200 characters.")],
        responses={200: serializers.Places, 400: problem("The query is too long.")},
    )
    def get(self, request: Request) -> Response:
        """List the places, and say which of them are recognised."""
        query = request.query_params.get("q", "").strip()
        if len(query) > LONGEST_QUERY or "\x00" in query:
            raise UserError("bad_query", "Please search with at most 200 characters of a place's name.")
        places = present_places(query)
        return Response({"count": len(places), "results": places})


class OnePlace(APIView):
    """One place with what is near it."""

    @extend_schema(
        operation_id="get_place",
        responses={200: serializers.Place, 404: problem("No such place."), 410: problem("It was retired.")},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return a place; for one that was merged, the one that it became."""
        place = Place.answering([slug])[slug]
        if place is None and Place.objects.filter(slug=slug).exists():
            raise UserError("gone", "This place is not shown any more.")
        if place is None:
            raise UserError("not_found", "There is no such place.")
        return Response(present_place(place))


def nothing_here(request: Any, path: str = "") -> HttpResponseBase:
    """Answer what has no address under /api/."""
    from places.doors import API_ERRORS, envelope

    return envelope(UserError(*API_ERRORS[404]), 404)
