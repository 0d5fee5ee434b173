"""Start-up checks, by id."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

NODE_PACKAGE = Path("node_modules") / "bootstrap" / "dist" / "css" / "bootstrap.min.css"


@register()
def front_end_is_installed(**_: Any) -> list[CheckMessage]:
    """places.W001: Bootstrap's files are there."""
    if (settings.BASE_DIR / NODE_PACKAGE).exists():
        return []
    return [
        CheckWarning("The front-end packages are not installed.", hint="Run `make run`, or `npm ci`.", id="places.W001")
    ]


@register()
def data_folder_takes_files(**_: Any) -> list[CheckMessage]:
    """places.E001: files can be written under VAR_DIR."""
    probe = settings.VAR_DIR / ".probe"
    try:
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        hint = f"Make {settings.VAR_DIR} writable, or set VAR_DIR to a folder that is."
        return [Error(f"Nothing can be written to {settings.VAR_DIR}: {error.strerror}.", hint=hint, id="places.E001")]
    return []


@register()
def private_origins_are_pairs(**_: Any) -> list[CheckMessage]:
    """places.E002: FETCH_ALLOW_PRIVATE lists host:port pairs."""
    wrong = [item for item in settings.FETCH_ALLOW_PRIVATE if not item.rpartition(":")[2].isdigit() or ":" not in item]
    if not wrong:
        return []
    hint = "Write pairs such as 127.0.0.1:9000,[::1]:9000."
    return [Error(f"FETCH_ALLOW_PRIVATE has {', '.join(sorted(wrong))}.", hint=hint, id="places.E002")]


@register()
def contact_is_an_address(**_: Any) -> list[CheckMessage]:
    """places.E004: CONTACT_EMAIL is an e-mail address."""
    try:
        validate_email(settings.CONTACT_EMAIL or "nobody@example.org")
    except ValidationError:
        hint = "Give an address such as pictures@example.org, or none."
        return [Error(f"CONTACT_EMAIL is {settings.CONTACT_EMAIL!r}.", hint=hint, id="places.E004")]
    return []


@register(deploy=True)
def operator_is_named(**_: Any) -> list[CheckMessage]:
    """places.W002: the privacy page of a public site says who runs it."""
    if not settings.SITE_URL or (settings.OPERATOR_NAME and settings.CONTACT_EMAIL):
        return []
    hint = "Set OPERATOR_NAME and CONTACT_EMAIL."
    return [CheckWarning("The privacy page does not say who runs this site.", hint=hint, id="places.W002")]


@register()
def engine_is_known(**_: Any) -> list[CheckMessage]:
    """places.E003: ENGINE names an engine."""
    # Imported here: only commands check, and the web process does without NumPy.
    from ml.engine import EngineError, candidates

    try:
        candidates.check(settings.ENGINE)
    except EngineError as error:
        return [Error(str(error), id="places.E003")]
    return []
