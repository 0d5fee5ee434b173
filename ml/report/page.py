"""The report as one HTML page that needs nothing else: no script, no network, pictures within."""

import base64
import csv
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from ml.datasets import Photo
from ml.report import charts
from ml.report.compare import rows
from ml.report.matrix import picture
from ml.report.words import decimal, percent, tail, titled

HERE = Path(__file__).parent
THUMB = 176  # pixels of the long side
GALLERY = 96  # photos a gallery shows; report.json has more


class ReportError(Exception):
    """A report that could not be written; the message is a sentence."""


@dataclass(frozen=True)
class Evaluation:
    """What a report shows: values as in report.json, photos that they name, by SHA-256, and every answer.

    Without photos, it shows their names only: such a report may go where the photos may not.
    """

    values: dict[str, Any]
    photos: dict[str, Photo]
    answers: list[dict[str, Any]] = field(default_factory=list)


def write(folder: Path, evaluation: Evaluation) -> Path:
    """Write report.html, report.json, confusion.png and answers.csv into ``folder``; return the first.

    All or none are replaced. Raises ReportError when there is no room or no right to.
    """
    _replace(
        folder,
        {
            "report.html": page(evaluation).encode(),
            "report.json": _json(evaluation.values),
            "confusion.png": picture(evaluation.values["confusion"], titled),
            "answers.csv": _csv(evaluation.answers),
        },
    )
    return folder / "report.html"


def write_comparison(folder: Path, evaluations: Sequence[Evaluation]) -> Path:
    """Write comparison.html and comparison.json, and a report on each into a folder of its own, into ``folder``."""
    for evaluation in evaluations:
        write(folder / key(evaluation), evaluation)

    values = _json([evaluation.values for evaluation in evaluations])
    _replace(folder, {"comparison.html": comparison(evaluations).encode(), "comparison.json": values})
    return folder / "comparison.html"


def key(evaluation: Evaluation) -> str:
    """Return the name of the folder of a report."""
    return f"{evaluation.values['name']}-{evaluation.values['bundle']}"


def page(evaluation: Evaluation) -> str:
    """Return report.html."""
    values, thumbs = evaluation.values, Thumbs(evaluation.photos)
    return _render("report.html", values=values, thumb=thumbs.uri, gallery=GALLERY)


def comparison(evaluations: Sequence[Evaluation]) -> str:
    """Return comparison.html."""
    found = [(each.values, key(each)) for each in evaluations]
    return _render("comparison.html", found=found, rows=rows([each.values for each in evaluations]))


class Thumbs:
    """Small pictures of photos as data URIs, each made once."""

    def __init__(self, photos: dict[str, Photo]) -> None:
        self.photos, self.made = photos, dict[str, str]()

    def uri(self, sha256: str) -> str:
        """Return the photo, at most ``THUMB`` pixels, as a data URI; nothing for a photo that is not at hand."""
        if sha256 not in self.photos:
            return ""
        if sha256 not in self.made:
            image = self.photos[sha256].open().convert("RGB")
            image.thumbnail((THUMB, THUMB), Image.Resampling.LANCZOS)
            out = io.BytesIO()
            image.save(out, "JPEG", quality=78)
            self.made[sha256] = f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
        return self.made[sha256]


def _render(template: str, **context: Any) -> str:
    style = (HERE / "style.css").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(titled=titled, percent=percent, decimal=decimal, tail=tail)
    # The policy holds wherever the page is shown: this style and pictures within, nothing else.
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template(template).render(style=Markup(style), digest=digest, charts=charts, **context)  # noqa: S704


def _json(values: Any) -> bytes:
    return (json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _csv(answers: Sequence[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    table = csv.DictWriter(out, ["photo", "truth", "said", "confidence"], extrasaction="ignore")
    table.writeheader()
    table.writerows(answers)
    return out.getvalue().encode()


def _replace(folder: Path, files: dict[str, bytes]) -> None:
    """Write ``files`` beside those of ``folder``, then put them in place."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".report-") as temporary:
            for name, content in files.items():
                (Path(temporary) / name).write_bytes(content)
            for name in files:
                os.replace(Path(temporary) / name, folder / name)
    except OSError as error:
        raise ReportError(f"The report cannot be written to {folder}: {error.strerror or error}.") from error
