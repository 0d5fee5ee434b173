"""Changing the version that serves: promotion, roll-back, and what is kept of versions before.

promote (web) -> step (io): check, time the engines -> embed (search workers, in turns with searches) -> step: switch

While a version is promoted the old one serves; the pictures of the gallery and of the web are embedded with the new
one beside it. Which version serves is one column, so model and embeddings switch together: a worker reads it at each
task, and whatever it computed goes by the version that it read. Every step can be repeated, and the sweep repeats it,
so a worker or a site that is stopped meanwhile loses nothing.
"""

from __future__ import annotations

import logging
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from redis.exceptions import RedisError

from errors import UserError
from ml.bundle import BundleError
from places import broker, fetching, gallery, health, people
from places.models import Embedding, ModelVersion, Promotion, Search, WebEmbedding
from places.models.model_version import TRAINED
from places.recognising import recogniser
from places.sending import send

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import User

log = logging.getLogger(__name__)
A_TURN = 4  # pictures: a quarter of a second that a search may wait for
A_STEP = 400
LOST_AFTER = timedelta(seconds=60)  # longer than timing all engines takes
KEPT_BACK = 2  # versions before the one that serves whose embeddings stay
TRIED_LATELY = timedelta(days=1)


def promote(version: ModelVersion, by: User | None) -> Promotion:
    """Have ``version`` serve as soon as the pictures are embedded with it.

    Raises UserError, and changes nothing, when its bundle is not the one registered (``bad_bundle``), when it serves
    already (``serves``), or when another one is being promoted (``promoting``).
    """
    version.refresh_from_db()
    if version.serving:
        raise UserError("serves", "This version serves already.")
    version.checked()
    total = _left(version)
    try:
        with transaction.atomic():
            promotion = Promotion.objects.create(version=version, by=by, total=total)
            people.log(by, version, "Promotion begun.")
    except IntegrityError as error:
        other = Promotion.open()
        raise UserError(
            "promoting", "A version is being promoted already. Wait for it, or cancel it first: {version}",
            version=other.version if other else "",
        ) from error  # fmt: skip
    transaction.on_commit(lambda: _continue(promotion.pk))
    return promotion


def cancel(promotion: Promotion, by: User | None) -> None:
    """Leave everything as it is; what was embedded is kept for a day."""
    if promotion.end(Promotion.State.CANCELLED):
        people.log(by, promotion.version, "Promotion cancelled.")


def left(promotion: Promotion) -> int:
    """Return how many pictures are still to be embedded."""
    return _left(promotion.version)


def _left(version: ModelVersion) -> int:
    return gallery.lacking(version).count() + fetching.lacking(version).count()


def roll_back(by: User | None) -> ModelVersion:
    """Have the version serve again that did before; its embeddings are still there. A promotion is cancelled.

    Pictures that came since are embedded with it afterwards. Raises UserError ``no_way_back`` or ``bad_bundle``.
    """
    serving = ModelVersion.serving_places()
    before = Promotion.way_back(serving) if serving else None
    if before is None:
        raise UserError("no_way_back", "No version was promoted here, so there is none to go back to.")
    before.checked()
    with transaction.atomic():
        going_on = Promotion.open()
        if going_on is not None:
            cancel(going_on, by)
        _serve(before)
        Promotion.objects.create(
            version=before, before=serving, by=by, state=Promotion.State.DONE, rolled_back=True,
            finished_at=timezone.now(),
        )  # fmt: skip
        people.log(by, before, f"Rolled back from {serving}.")
    return before


def step(pk: int) -> None:
    """Bring a promotion one step further, unless another process is at it."""
    promotion = Promotion.open()
    if promotion is None or promotion.pk != pk or not promotion.claim(timezone.now() - LOST_AFTER):
        return
    try:
        is_new = promotion.prepared_at is None
        if is_new:
            _prepare(promotion)
        _go_on(promotion, is_new)
    except UserError as error:
        if error.code != "queue_down":
            promotion.end(Promotion.State.FAILED, str(error))
    except RedisError:
        log.warning("the promotion of %s waits: the queue is down", promotion.version)


def _prepare(promotion: Promotion) -> None:
    """Have the engines timed here, in no search worker, where searches would wait for that."""
    from ml.engine import EngineError, choice

    bundle = promotion.version.checked()
    try:
        choice.ranked(bundle, settings.ENGINE_CACHE_DIR, settings.ENGINE_THREADS, settings.ENGINE)
    except EngineError as error:
        raise UserError("bad_bundle", str(error)) from error
    Promotion.objects.filter(pk=promotion.pk).update(prepared_at=timezone.now(), heartbeat=timezone.now())


def _go_on(promotion: Promotion, is_new: bool) -> None:
    """Hand pictures that are still to be embedded to the search processes; where there are none, switch.

    At first each process gets a message in any case, so that it has loaded the model before it is needed.
    """
    tables = (gallery.lacking(promotion.version), fetching.lacking(promotion.version))
    own, web = ([str(pk) for pk in rows.values_list("pk", flat=True)[:A_STEP]] for rows in tables)
    if not own and not web and not is_new:
        _switch(promotion)
        return
    lanes = max(1, health.processes_with_model())
    broker.connection().set(_lanes(promotion.pk), lanes)
    for lane in range(lanes):
        send("embed_for_promotion", promotion.pk, own[lane::lanes], web[lane::lanes])


def _lanes(pk: int) -> str:
    """Return the key that counts the search processes that are at work for a promotion."""
    return f"promotion:{pk}:lanes"


def embed(pk: int, own: Sequence[str], web: Sequence[str]) -> None:
    """Embed a few pictures with the version that is being promoted, and queue the others behind what waits by now.

    Searches and pictures take turns: behind all searches, a busy site's pictures would never be embedded.
    """
    from ml.engine import EngineError

    promotion = Promotion.open()
    if promotion is None or promotion.pk != pk:
        return
    try:
        loaded = recogniser(promotion.version)
        for each in own[:A_TURN]:
            gallery.embed(UUID(each), loaded)
        for each in web[: A_TURN - len(own[:A_TURN])]:
            fetching.embed(UUID(each), loaded)
    except (BundleError, EngineError) as error:
        promotion.end(Promotion.State.FAILED, str(error))
        return
    Promotion.objects.filter(pk=pk).update(heartbeat=timezone.now())
    rest = own[A_TURN:], web[max(0, A_TURN - len(own)) :]
    try:
        if any(rest):
            send("embed_for_promotion", pk, *rest)
        elif broker.connection().decr(_lanes(pk)) <= 0:
            resume()
    except (UserError, RedisError):
        log.warning("promotion %s waits for the sweep: the queue is down", pk)


def _switch(promotion: Promotion) -> None:
    """Have the new version serve, its embeddings with it."""
    promotion.version.checked()  # once more: that was minutes ago
    with transaction.atomic():
        serving = ModelVersion.serving_places()
        if not promotion.end(Promotion.State.DONE, before=serving):
            return  # cancelled meanwhile
        _serve(promotion.version)
        people.log(promotion.by, promotion.version, f"Promoted; before it, {serving} served.")


def _serve(version: ModelVersion) -> None:
    places = ModelVersion.objects.filter(kind=version.kind)
    list(places.select_for_update().order_by("pk").values_list("pk"))  # whoever else changes it waits
    places.filter(serving=True).update(serving=False)
    places.filter(pk=version.pk).update(serving=True)
    version.refresh_from_db()


def _continue(pk: int) -> None:
    try:
        send("continue_promotion", pk)
    except UserError:
        log.warning("promotion %s waits for the sweep: the queue is down", pk)


def resume() -> None:
    """Go on at once with the promotion that is going on: a step has ended, or a worker has started."""
    if (promotion := Promotion.open()) is not None:
        Promotion.objects.filter(pk=promotion.pk).update(heartbeat=None)
        _continue(promotion.pk)


def sweep() -> None:
    """Go on with a promotion whose message was lost."""
    if (promotion := Promotion.open()) is not None:
        _continue(promotion.pk)


def kept() -> set[int]:
    """Return the versions whose embeddings are needed: what serves, is promoted, has answered, and the way back."""
    needed: set[int] = set()
    version, steps = ModelVersion.serving_places(), 0
    while version is not None and version.pk not in needed and steps <= KEPT_BACK:
        needed.add(version.pk)
        version, steps = Promotion.way_back(version), steps + 1
    lately = Promotion.objects.filter(created_at__gt=timezone.now() - TRIED_LATELY)
    needed.update(lately.values_list("version", flat=True))
    if (promotion := Promotion.open()) is not None:
        needed.add(promotion.version_id)
    answered = Search.objects.filter(deleted_at=None).exclude(model_version=None)
    return needed | set(answered.values_list("model_version", flat=True).distinct())


def purge() -> int:
    """Delete the embeddings of versions that nobody needs any more; return how many."""
    if ModelVersion.serving_places() is None:
        return 0
    needed = kept()
    old = (table.objects.exclude(model_version__in=needed) for table in (Embedding, WebEmbedding))
    return sum(rows.delete()[0] for rows in old)


def retire(version: ModelVersion, by: User | None) -> None:
    """Delete a version's files; its row stays, because searches name it. Raises UserError ``needed``."""
    if version.path.partition("/")[0] != TRAINED:
        raise UserError("needed", "This version came with the site, so it stays.")
    serving, going_on = ModelVersion.serving_places(), Promotion.open()
    back = Promotion.way_back(serving) if serving else None
    if version.pk in {each.pk for each in (serving, back, going_on and going_on.version) if each is not None}:
        raise UserError("needed", "This version serves, or will, or is the way back, so it stays.")
    with transaction.atomic():
        ModelVersion.objects.filter(pk=version.pk).update(retired_at=timezone.now())
        people.log(by, version, "Retired: its files were deleted.")
    shutil.rmtree(version.folder, ignore_errors=True)
