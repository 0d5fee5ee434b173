"""TensorFlow Serving's REST form: pictures in base64 in, the model's vector over its index table out.

Paths, shapes, statuses and errors are those of https://www.tensorflow.org/tfx/serving/api_rest, so a client of that
protocol works unchanged. The model's name is ``places``; a version is the number of a ``ModelVersion``.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, JsonResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import APIException, MethodNotAllowed, ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from errors import UserError
from ml.header import MAX_BYTES
from places import doors, serving, uploads
from places.models import ModelVersion, Place

NAME, SIGNATURE = "places", "serving_default"
# Base64 has no commas, so a body with more of them is none of ours; parsed, it would be thirty times its size.
MOST_COMMAS = 2 * serving.MOST
# So many bodies are parsed at a time, since each takes several times its size; others wait a moment for their turn.
parsing = threading.BoundedSemaphore(4)
PARSED_WITHIN_S = 1.0
STATUSES = {"not_found": 404, "too_large_bytes": 413, "slow_down": 429, "internal": 500, "busy": 503, "queue_down": 503}


class Failure(serializers.Serializer[None]):
    """TensorFlow Serving's error."""

    error = serializers.CharField()


class Predictions(serializers.Serializer[None]):
    """One vector a picture: ``predictions`` for ``instances``, ``outputs`` for ``inputs``."""

    predictions = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()), required=False)
    outputs = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()), required=False)


def refused(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return an error as TensorFlow Serving words it."""
    headers: dict[str, str] = {}
    if isinstance(error, MethodNotAllowed):
        request = context["request"]
        status, message = 400, f"Malformed request: {request.method} {request.path}"
    elif isinstance(error, serving.BadPicture):
        status, message = 400, f"Picture {error.number}: {error.message}"
    elif isinstance(error, UserError):
        status, message = STATUSES.get(error.code, 400), error.message
        headers = {"Retry-After": str(seconds)} if (seconds := doors.retry_after(error)) else {}
    elif isinstance(error, APIException):
        status, message = error.status_code, str(error.detail)
    elif isinstance(error, (OperationalError, InterfaceError)):
        status, message = 503, "The site cannot answer just now. Please try again in a minute."
    else:
        return None
    return Response({"error": message}, status=status, headers=headers)


class Door(APIView):
    """What all addresses below share."""

    def get_exception_handler(self) -> Any:
        """Have errors in TensorFlow Serving's shape."""
        return refused


def problem(description: str) -> OpenApiResponse:
    """Return an error answer of the schema."""
    return OpenApiResponse(Failure, description=description)


PICTURES = {"instances": [{"b64": "/9j/4AAQSkZJRg=="}]}
EXAMPLES = [
    OpenApiExample("rows", PICTURES, request_only=True),
    OpenApiExample("rows with a name", {"instances": [{"image_bytes": PICTURES["instances"][0]}]}, request_only=True),
    OpenApiExample("columns", {"inputs": {"image_bytes": PICTURES["instances"]}}, request_only=True),
]


def documented(name: str) -> Any:
    """Return how the schema calls and describes a prediction."""
    return extend_schema(
        operation_id=name,
        description=(
            f"TensorFlow Serving's predict: at most {serving.MOST} pictures and {MAX_BYTES // 2**20} MB a request, in "
            "base64. Answers one vector of probabilities a picture; `metadata` has the index table."
        ),
        request={"application/json": OpenApiTypes.OBJECT},
        examples=EXAMPLES,
        responses={
            200: Predictions,
            400: problem("Not such a request, or a picture that cannot be used."),
            404: problem("This version does not serve."),
            413: problem("The body is too large."),
            429: problem("Too many pictures in this minute."),
            503: problem("No worker answers, or too many wait."),
        },
    )


@extend_schema_view(post=documented("tensorflow_predict"))
class Predict(Door):
    """Pictures in, vectors out."""

    def post(self, request: Request, version: int | None = None) -> Response:
        """Answer each picture with probabilities over the labels of the serving version."""
        served(version)
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BYTES:
            raise uploads.too_large()
        doors.check_rate(request._request)
        pictures, answered_as = received(request)
        if others := len(pictures) - 1:
            doors.check_rate(request._request, others)
        vectors = serving.predict(pictures)
        if version not in (None, vectors.version):
            raise nothing(version)  # another one was promoted meanwhile
        return Response({answered_as: vectors.rows})


@extend_schema_view(post=documented("tensorflow_predict_by_version"))
class PredictByVersion(Predict):
    """The same of one version."""


def served(version: int | None) -> ModelVersion:
    """Return the version that serves. Raises UserError ``not_found`` when another one is asked for."""
    serves = ModelVersion.serving_places()
    if serves is None or version not in (None, serves.pk):
        raise nothing(version)
    return serves


def nothing(version: int | None) -> UserError:
    """Return the error for a version that does not serve."""
    asked = f"Latest({NAME})" if version is None else f"Specific({NAME}, {version})"
    return UserError("not_found", "Servable not found for request: {asked}", asked=asked)


def received(request: Request) -> tuple[list[bytes], str]:
    """Return the pictures of a request, and under which key it is answered.

    The body is JSON whatever the request says that it is: `curl -d` says it is a form. Raises UserError ``bad_form``,
    or ``busy`` when many others are being read.
    """
    data = request.stream.read() if request.stream else b"{}"  # may take its time, so before its turn
    if data.count(b",") > MOST_COMMAS:
        raise wrong_number()
    if not parsing.acquire(timeout=PARSED_WITHIN_S):
        raise serving.too_many()
    try:
        return read(parsed(data))
    finally:
        parsing.release()


def parsed(data: bytes) -> dict[str, Any]:
    """Return the JSON object of a body. Raises ParseError."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ParseError("JSON Parse error: the body is not JSON.") from error
    if not isinstance(body, dict):
        raise ParseError("JSON Parse error: the body is not a JSON object.")
    return body


def read(body: dict[str, Any]) -> tuple[list[bytes], str]:
    """Return the pictures of a request, and under which key it is answered. Raises UserError ``bad_form``."""
    if (signature := body.get("signature_name") or SIGNATURE) != SIGNATURE:
        raise bad('Serving signature name: "{name}" not found in signature def', name=signature)
    if ("instances" in body) == ("inputs" in body):
        raise bad("Send the pictures either as 'instances' or as 'inputs'.")
    if "instances" in body:
        values, answered_as = body["instances"], "predictions"
    else:
        values, answered_as = _column(body["inputs"]), "outputs"
    if not isinstance(values, list) or not 1 <= len(values) <= serving.MOST:
        raise wrong_number()
    return [_picture(number, value) for number, value in enumerate(values)], answered_as


def bad(sentence: str, **values: object) -> UserError:
    """Return the refusal of a request that cannot be read."""
    return UserError("bad_form", sentence, **values)


def wrong_number() -> UserError:
    """Return the refusal of no pictures, or of too many."""
    return bad("A list of 1 to {most} pictures is expected.", most=serving.MOST)


def _column(inputs: Any) -> Any:
    """Return the one input's values; a picture alone is a list of one."""
    if isinstance(inputs, dict) and "b64" not in inputs:
        if len(inputs) != 1:
            raise bad("The model has one input: send one name in 'inputs'.")
        (inputs,) = inputs.values()
    return [inputs] if isinstance(inputs, dict) else inputs


def _picture(number: int, value: Any) -> bytes:
    """Return the bytes of ``{"b64": ...}``, which may stand under the input's name."""
    if isinstance(value, dict) and len(value) == 1 and "b64" not in value:
        (value,) = value.values()
    if not isinstance(value, dict) or set(value) != {"b64"} or not isinstance(value["b64"], str):
        raise bad('Picture {number} is not of the form {{"b64": "..."}}.', number=number)
    text = "".join(value["b64"].split())
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad("Picture {number} is not in base64.", number=number) from error


class Status(Door):
    """Which version serves."""

    @extend_schema(
        operation_id="tensorflow_status",
        responses={200: OpenApiTypes.OBJECT, 404: problem("This version does not serve.")},
    )
    def get(self, request: Request, version: int | None = None) -> Response:
        """Return the version's number and state, as TensorFlow Serving does."""
        row = {
            "version": str(served(version).pk),
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
        return Response({"model_version_status": [row]})


@extend_schema_view(get=extend_schema(operation_id="tensorflow_status_by_version"))
class StatusByVersion(Status):
    """The same of one version."""


class Metadata(Door):
    """What goes in and comes out."""

    @extend_schema(
        operation_id="tensorflow_metadata",
        responses={200: OpenApiTypes.OBJECT, 404: problem("This version does not serve.")},
    )
    def get(self, request: Request, version: int | None = None) -> Response:
        """Return the signature, and beside it the index table: what each number of a vector stands for."""
        model = served(version)
        signature = {
            "inputs": {"image_bytes": tensor("image_bytes", "DT_STRING", -1)},
            "outputs": {"scores": tensor("scores", "DT_FLOAT", -1, len(model.labels))},
            "method_name": "tensorflow/serving/predict",
        }
        return Response(
            {
                "model_spec": {"name": NAME, "signature_name": "", "version": str(model.pk)},
                "metadata": {
                    "signature_def": {"signature_def": {SIGNATURE: signature}},
                    "index_table": index_table(model),
                },
            }
        )


@extend_schema_view(get=extend_schema(operation_id="tensorflow_metadata_by_version"))
class MetadataByVersion(Metadata):
    """The same of one version."""


def tensor(name: str, kind: str, *shape: int) -> dict[str, Any]:
    """Return how TensorFlow Serving describes a tensor."""
    dimensions = [{"size": str(size), "name": ""} for size in shape]
    return {"dtype": kind, "tensor_shape": {"dim": dimensions, "unknown_rank": False}, "name": f"{name}:0"}


def index_table(model: ModelVersion) -> list[dict[str, Any]]:
    """Return a row for each number of a vector: its position, the label, and the place of that label as it is now."""
    named = Place.answering(model.labels)
    return [
        {"position": number, "label": label, "place": place and place.slug, "name": place and place.name}
        for number, (label, place) in enumerate((label, named[label]) for label in model.labels)
    ]


@csrf_exempt
def elsewhere(request: HttpRequest, model: str = NAME) -> JsonResponse:
    """Answer all other addresses of the protocol: there is no such model, or no such request."""
    if model != NAME:
        return JsonResponse({"error": f"Servable not found for request: Latest({model})"}, status=404)
    return JsonResponse({"error": f"Malformed request: {request.method} {request.path}"}, status=400)


OF = f"models/{NAME}"
BY = f"{OF}/versions/<int:version>"
urlpatterns = [
    path(f"{OF}:predict", Predict.as_view()),
    path(f"{BY}:predict", PredictByVersion.as_view()),
    path(OF, Status.as_view()),
    path(BY, StatusByVersion.as_view()),
    path(f"{OF}/metadata", Metadata.as_view()),
    path(f"{BY}/metadata", MetadataByVersion.as_view()),
    re_path(r"^models/(?P<model>[^/:]+)(?:/versions/\d+)?(?:/metadata|:\w+)?$", elsewhere),
    re_path(r"", elsewhere),
]
