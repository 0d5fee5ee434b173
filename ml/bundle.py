"""A bundle: a model with all that is needed to trust and to serve it, as a folder of plain files."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from ml.preset import Preset

FORMAT = 1
MANIFEST = "bundle.json"
MODEL = "model.onnx"
INT8 = "model.int8.onnx"
KINDS = frozenset({".onnx", ".npz", ".json", ".html", ".png", ".svg", ".csv"})  # nothing that could run, no pickle


class BundleError(Exception):
    """A folder that is no bundle, or not the bundle it says; the message is a sentence."""


@dataclass(frozen=True)
class Bundle:
    """What ``bundle.json`` says.

    ``labels``: slugs, then "unknown" and "not_a_place" (places), or {"name", "wordnet_id"} (objects).
    ``precisions``: those it may be computed in, fastest first.
    ``golden``: {"probabilities": softmax of the logits for the golden picture}.
    """

    name: str
    version: str
    network: str
    labels: list[Any]
    preset: Preset
    precisions: list[str]
    calibration: dict[str, Any]
    metrics: dict[str, Any]
    licences: list[str]
    golden: dict[str, Any]
    path: Path = field(compare=False)

    @property
    def model(self) -> Path:
        """The ONNX file."""
        return self.path / MODEL

    @property
    def int8(self) -> Path | None:
        """The ONNX file with 8-bit convolutions, when it was accepted."""
        path = self.path / INT8
        return path if path.exists() else None

    @classmethod
    def load(cls, folder: Path) -> "Bundle":
        """Read the bundle in ``folder`` and verify the SHA-256 of every file; raises BundleError."""
        manifest = _read_manifest(folder)
        _verify(folder, manifest["files"])
        try:
            values = {key: manifest[key] for key in _KEYS}
            return cls(**{**values, "preset": Preset.from_dict(values["preset"])}, path=folder)
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"{folder / MANIFEST} lacks something or says something odd: {error}.") from error


_KEYS = (
    "name", "version", "network", "labels", "preset", "precisions", "calibration", "metrics", "licences", "golden",
)  # fmt: skip


def write(folder: Path, bundle: Bundle, fill: Callable[[Path], None]) -> Bundle:
    """Write ``bundle`` to ``folder``, whole or not at all, in place of what was there.

    ``fill`` puts the files, ``model.onnx`` among them, into the folder it is given.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".bundle-") as temporary:
        new, old = Path(temporary) / "new", Path(temporary) / "old"
        new.mkdir(mode=0o755)
        fill(new)
        _write_manifest(new, bundle)
        Bundle.load(new)
        if folder.exists():
            folder.rename(old)
        try:
            new.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
    return Bundle.load(folder)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(manifest: dict[str, Any]) -> str:
    """Return the SHA-256 of everything in the manifest but the digest itself."""
    rest = {key: value for key, value in manifest.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _write_manifest(folder: Path, bundle: Bundle) -> None:
    files = {path.relative_to(folder).as_posix(): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    values = {key: value for key, value in asdict(bundle).items() if key in _KEYS}
    manifest = {"format": FORMAT, **values, "preset": bundle.preset.to_dict(), "files": files}
    manifest["digest"] = _digest(manifest)
    with open(folder / MANIFEST, "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(f"There is no bundle in {folder}: {MANIFEST} is missing.") from None
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} cannot be read: {error}.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BundleError(f"{path} is in a format that this version does not know; it knows format {FORMAT}.")
    if manifest.get("digest") != _digest(manifest):
        raise BundleError(f"{path} was changed after it was written.")
    return manifest


def _verify(folder: Path, files: dict[str, str]) -> None:
    """Raise BundleError unless ``folder`` holds exactly ``files``, each with its SHA-256."""
    for name, expected in files.items():
        if PurePosixPath(name).suffix not in KINDS:
            raise BundleError(f"The bundle in {folder} names {name}: files of that kind do not belong into one.")
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise BundleError(f"The bundle in {folder} names a file outside of it: {name}.")
        if not (folder / name).is_file():
            raise BundleError(f"The bundle in {folder} is not whole: {name} is missing.")
        if sha256(folder / name) != expected:
            raise BundleError(f"The bundle in {folder} is damaged: {name} is not the file it was written with.")
    if MODEL not in files:
        raise BundleError(f"The bundle in {folder} has no {MODEL}.")
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if extra := sorted(there - set(files) - {MANIFEST}):
        raise BundleError(f"The bundle in {folder} holds a file that it does not name: {extra[0]}.")
