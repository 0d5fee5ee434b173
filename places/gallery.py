"""The site's own pictures: taken in, embedded, and found by look."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.core.files.base import ContentFile
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, ExpressionWrapper, FloatField, OuterRef, Q, QuerySet, Value
from pgvector.django import CosineDistance
from PIL import Image
from redis.exceptions import RedisError

from errors import UserError
from ml import picture as pictures
from ml.header import inspect
from places import broker, copies, denying, looks, newcomers, prelabelling, storage
from places.models import Denied, Embedding, ModelVersion, Picture, Place, Search
from places.models.picture import UNDECIDED
from places.recognising import recogniser
from places.sending import send

if TYPE_CHECKING:
    from ml.recognise import Recogniser

log = logging.getLogger(__name__)
THUMBNAIL_SIDE = 400
LOST = "Its file is missing."
TAKEN_DOWN = "It looks like a picture that was taken down."
CANDIDATES = 100  # of the index's search; the figures are in docs/benchmarks/gallery.md


class Neighbour(NamedTuple):
    """A picture of the gallery and the cosine of its embedding to the asked one, -1 to 1."""

    picture: Picture
    score: float


def take_in(data: bytes, place: Place | None, *, content_hash: str = "", **fields: Any) -> Picture:
    """Keep a picture's bytes as they came; a search worker decodes and embeds them.

    ``content_hash`` is of what the bytes were made of, where they are not as they came. Raises UserError with a
    picture's codes, or ``duplicate`` when the place has it already.
    """
    inspect(data)
    picture = Picture(place=place, content_hash=content_hash or hashlib.sha256(data).hexdigest(), **fields)
    if denying.denied().denies_picture(picture.content_hash):
        raise UserError("opted_out", "This picture was taken down. Please choose another one.")
    try:
        with transaction.atomic():
            picture.save(force_insert=True)
    except IntegrityError as error:
        raise UserError("duplicate", "This place has the same picture already.") from error
    picture.original.save("", ContentFile(data))
    return picture


def withdraw(search: Search) -> None:
    """Take back a photo that its owner gave, unless a curator has found a use for it."""
    unused = (*UNDECIDED, Picture.Status.REJECTED)
    for picture in Picture.objects.filter(search=search, status__in=unused):
        remove(picture)


def remove(picture: Picture) -> None:
    """Delete a picture with its files."""
    storage.delete(picture.original.name or "", picture.image, picture.thumbnail)
    picture.delete()


def embed(pk: UUID, loaded: tuple[Recogniser, ModelVersion] | None = None) -> None:
    """Decode a picture once, keep it upright with a thumbnail, embed it and say what it seems to show.

    By ``loaded``, a model that is about to serve, else by the one that serves: only what that says moves the picture
    (``prelabelling``).
    """
    picture = Picture.objects.filter(pk=pk).first()
    if picture is None:
        return
    model, version = loaded or recogniser()
    image = _decoded(picture)
    if image is None:
        return
    signature = looks.signature(image)
    Picture.objects.filter(pk=pk).update(**signature._asdict())
    if picture.look is None:
        copies.join(pk, signature.look)
    judged = model.judge(image)
    answer = prelabelling.said(judged, model.places.labels)
    if version.serving:
        new = newcomers.current(version).known.slugs
        answer = prelabelling.beside(answer, newcomers.predict(model, version, judged), new)
    values = {"vector": judged.embedding.tolist(), "style": judged.style.tolist(), "answer": answer}
    Embedding.objects.update_or_create(picture=picture, model_version=version, defaults=values)
    if version.serving:
        prelabelling.apply(pk, answer, version)


def _decoded(picture: Picture) -> Image.Image | None:
    """Return a picture's pixels, kept upright from now on; None, with the reason in its row, if it cannot be used."""
    try:
        data = storage.read(picture.image or str(picture.original.name))
        image = pictures.decode(data)
    except UserError as error:
        Picture.objects.filter(pk=picture.pk).update(problem=error.message)
        return None
    except FileNotFoundError:
        Picture.objects.filter(pk=picture.pk).update(problem=LOST)
        return None
    if not picture.image:
        if denying.denies_image(data, image):
            denying.add(Denied.Kind.SHA256, picture.content_hash)
            Picture.objects.filter(pk=picture.pk).update(status=Picture.Status.REJECTED, problem=TAKEN_DOWN)
            return None
        _keep_upright(picture, image)
    return image


def _keep_upright(picture: Picture, image: Image.Image) -> None:
    original = picture.original.name
    picture.image = storage.save(f"pictures/{picture.pk}.jpg", pictures.to_jpeg(image))
    picture.thumbnail = storage.save(
        f"pictures/{picture.pk}-small.jpg", pictures.to_jpeg(image, max_side=THUMBNAIL_SIDE)
    )
    picture.width, picture.height = image.size
    picture.problem = ""
    picture.original.name = ""
    picture.save(update_fields=["image", "thumbnail", "width", "height", "problem", "original"])
    storage.delete(original or "")


def lacking(version: ModelVersion) -> QuerySet[Picture]:
    """Return the pictures that ``version`` has not embedded, or whose style or tone is not known.

    So are undecided ones of which it has not said what they show; those that cannot be read are left out.
    """
    seen = Embedding.objects.filter(picture=OuterRef("pk"), model_version=version, style__isnull=False)
    unsaid = Q(status__in=prelabelling.WAITING) & ~Exists(seen.filter(answer__isnull=False))
    return Picture.objects.filter(~Exists(seen) | Q(tone=None) | Q(look=None) | unsaid, problem="")


def missing(version: ModelVersion) -> list[UUID]:
    """Return the ids of those that ``lacking`` finds."""
    return list(lacking(version).values_list("pk", flat=True))


def have_read(picture: Picture) -> None:
    """Have a search worker read a picture; while the queue is down, the next ``send_missing`` does that."""
    with contextlib.suppress(UserError):
        send("embed_picture", str(picture.pk))


def send_missing() -> int:
    """Queue the pictures that the serving model has not embedded, unless some are queued already; return how many."""
    version = ModelVersion.serving_places()
    try:
        if version is None or broker.connection().llen("embed"):
            return 0
        waiting = missing(version)
        for pk in waiting:
            send("embed_picture", str(pk))
    except (UserError, RedisError):
        log.warning("pictures wait to be embedded: the queue is down")
        return 0
    return len(waiting)


def neighbours(
    vector: list[float], version: ModelVersion, place: Place | None = None, count: int = 24
) -> list[Neighbour]:
    """Return the approved pictures that look most like ``vector``, of one place or of all, best first."""
    found = Embedding.objects.filter(model_version=version, picture__status=Picture.Status.APPROVED)
    found = found.select_related("picture", "picture__place").defer("vector", "style", "picture__tone")
    if place is not None:
        found = found.filter(picture__place=place)
    cosine = CosineDistance("vector", vector)
    rows = nearest(found, cosine, count)
    if len(rows) < count and place is not None:
        # The index gives up where none of this place is near: order all of its pictures.
        rows = nearest(found, ExpressionWrapper(cosine + Value(0.0), output_field=FloatField()), count)
    return [Neighbour(row.picture, round(1.0 - row.distance, 4)) for row in rows]


def nearest(found: QuerySet[Any], distance: Any, count: int) -> list[Any]:
    """Return the rows of the ``count`` least distances, each with its ``distance``, as the database finds cheapest."""
    ranked = found.annotate(distance=distance).order_by("distance")
    with transaction.atomic(), connection.cursor() as cursor:
        # For this transaction only: pgvector looks at more of the graph, and on until enough pass the filter. One
        # process for it: starting a second takes longer than it saves.
        cursor.execute(
            "SELECT set_config('hnsw.ef_search', %s, true), set_config('hnsw.iterative_scan', 'strict_order', true),"
            " set_config('max_parallel_workers_per_gather', '0', true)",
            [str(CANDIDATES)],
        )
        return list(ranked[:count])
