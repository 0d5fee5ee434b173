"""What people ask to have taken down, and what therefore never comes back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crawler.sources.base import clean_link
from places.models.picture import Picture
from places.models.place import Place
from places.models.web import WebPicture

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User

_SHA256, _LOOK = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{16}")


class Report(models.Model):
    """What somebody wrote by the contact form or about one picture.

    open -> taken down or dismissed, by staff. ``address`` is what they pointed at, as they wrote it;
    ``image_url`` is there for a picture of the web, which a source may forget before anybody decides.
    """

    class Reason(models.TextChoices):
        RIGHTS = "rights", _("It is mine, and I do not want it here")
        PERSON = "person", _("It shows me, or somebody who does not want it")
        WRONG = "wrong", _("It does not show what is said of it")
        OFFENSIVE = "offensive", _("It is offensive or unlawful")
        OTHER = "other", _("Something else, or a question")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        TAKEN_DOWN = "taken_down", _("taken down")
        DISMISSED = "dismissed", _("dismissed")

    picture = models.ForeignKey(Picture, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=_("picture"))
    web_picture = models.ForeignKey(
        WebPicture, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=_("picture of the web")
    )
    address = models.CharField(_("address"), max_length=2000, blank=True)
    image_url = models.CharField(_("address of the picture itself"), max_length=2000, blank=True)
    reason = models.CharField(_("reason"), max_length=10, choices=Reason.choices)
    words = models.TextField(_("in their words"), max_length=2000, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField(_("written"), default=timezone.now, db_index=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("closed by"),
    )  # fmt: skip

    class Meta:
        verbose_name, verbose_name_plural = _("report"), _("reports")
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["-created_at"], condition=models.Q(state="open"), name="report_open"),
            models.Index(fields=["-closed_at"], name="report_closed"),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} ({self.created_at:%Y-%m-%d})"

    def close(self, state: str, by: User | None = None) -> bool:
        """Say what became of it, and who decided; return whether nobody had before.

        What was dismissed can still be taken down; what was taken down stays so.
        """
        undecided = Report.objects.filter(pk=self.pk).exclude(state=Report.State.TAKEN_DOWN)
        if state == Report.State.DISMISSED:
            undecided = undecided.filter(state=Report.State.OPEN)
        closed = undecided.update(state=state, closed_at=timezone.now(), closed_by=by)
        self.refresh_from_db()
        return bool(closed)


class Denied(models.Model):
    """One line of the deny-list: a host, an address, a file or the look of one that must not be shown or fetched."""

    class Kind(models.TextChoices):
        HOST = "host", _("host, and what is under it")
        PAGE = "page", _("address of a page or picture")
        SHA256 = "sha256", _("SHA-256 of a file")
        LOOK = "look", _("difference hash of a picture")

    kind = models.CharField(_("kind"), max_length=6, choices=Kind.choices)
    value = models.CharField(_("value"), max_length=2000)
    report = models.ForeignKey(
        Report, on_delete=models.SET_NULL, null=True, blank=True, editable=False, verbose_name=_("report")
    )
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("line of the deny-list"), _("deny-list")
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["kind", "value"], name="one_line_a_denied_thing")]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"

    def clean(self) -> None:
        """Bring the value into its one spelling. Raises ValidationError for what nothing could match."""
        self.value = spelling(self.kind, self.value)


def spelling(kind: str, value: str) -> str:
    """Return the one spelling of a value of the deny-list. Raises ValidationError."""
    text = value.strip()
    if kind == Denied.Kind.PAGE and (link := clean_link(text)):
        return link
    if kind == Denied.Kind.HOST and (link := clean_link(f"http://{text}/")) and link.count("/") == 3:
        return link.removeprefix("http://").rstrip("/")
    digits = {Denied.Kind.SHA256: _SHA256, Denied.Kind.LOOK: _LOOK}.get(Denied.Kind(kind)) if kind else None
    if digits is not None and digits.fullmatch(text.lower()):
        return text.lower()
    raise ValidationError(_("This is not what a line of this kind looks like."))


class FirstPictures(models.Model):
    """Whether a place of the first look has got its pictures, and when to ask for them (again)."""

    place = models.OneToOneField(Place, on_delete=models.CASCADE, related_name="first_pictures")
    done = models.BooleanField(_("done"), default=False)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    next_at = models.DateTimeField(_("next try"), default=timezone.now)

    class Meta:
        verbose_name = verbose_name_plural = _("first pictures")

    def __str__(self) -> str:
        return str(self.place)

    @classmethod
    def due(cls) -> FirstPictures | None:
        """Return a place whose turn it is, or None."""
        waiting = cls.objects.filter(done=False, next_at__lte=timezone.now())
        return waiting.order_by("next_at", "pk").select_related("place").first()

    @classmethod
    def postpone(cls, until: datetime) -> None:
        """Leave the source alone until then, for every place that still waits."""
        cls.objects.filter(done=False).update(next_at=until, tries=models.F("tries") + 1)
