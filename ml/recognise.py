"""A photo in, an answer out: what it shows, how sure that is, and where it lies among other photos."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml import engine
from ml.bundle import Bundle, BundleError
from ml.calibrate import OTHER, Answer, Calibration, Kind, answer, softmax
from ml.heatmap import Tail
from ml.preset import to_input

TOP = 5


class Embedded(NamedTuple):
    """Where a picture lies among others: ``embedding`` (512,) of unit length, and ``style`` (1056,) as in a bundle."""

    embedding: npt.NDArray[np.float32]
    style: npt.NDArray[np.float32]


class Judged(NamedTuple):
    """What a picture of the gallery is taken for, and where it lies.

    ``probabilities`` (C,) are over the bundle's labels; ``thing`` is what it shows if that is no place, else empty.
    ``kind``, ``confidence`` and ``predictions`` as in ``Recognition``, ``embedding`` and ``style`` as in ``Embedded``.
    """

    kind: Kind
    confidence: float
    predictions: list[tuple[str, float]]
    probabilities: npt.NDArray[np.float64]
    thing: str
    embedding: npt.NDArray[np.float32]
    style: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Recognition:
    """The answer for one photo.

    ``confidence``: probability that ``predictions[0]`` is right, whatever the kind. ``predictions``: five
    (slug, probability), best first. ``probabilities`` (C,): of all labels of the bundle, in their order.
    ``objects``: five (name, WordNet id, probability). ``embedding`` and ``style``: see ``Embedded``. ``heat``: (H, W),
    0 to 1, where the network looked for the place it names (Grad-CAM); None when it names none.
    """

    kind: Kind
    confidence: float
    predictions: list[tuple[str, float]]
    probabilities: npt.NDArray[np.float64]
    objects: list[tuple[str, str, float]]
    embedding: npt.NDArray[np.float32]
    style: npt.NDArray[np.float32]
    heat: npt.NDArray[np.float32] | None


class Recogniser:
    """Two bundles, loaded and checked: one knows places, the other the things that ImageNet names."""

    def __init__(
        self, places: Path, objects: Path, cache_dir: Path | None = None, threads: int = 0, wanted: str = "auto"
    ) -> None:
        self.places, self.objects = Bundle.load(places), Bundle.load(objects)
        if self.places.labels[-len(OTHER) :] != list(OTHER):
            raise BundleError(f"The bundle in {places} does not recognise places: its labels do not end with {OTHER}.")
        self.calibration = Calibration(**self.places.calibration)
        self.tail = Tail.of(self.places)
        self.places_engine = engine.load(self.places, cache_dir, threads, wanted)
        self.objects_engine = engine.load(self.objects, cache_dir, threads, wanted)

    def recognise(self, image: Image.Image) -> Recognition:
        """Answer for an upright RGB photo of any size."""
        seen = self._seen(image)
        said = answer(seen["logits"][0], self.places.labels, self.calibration, TOP)
        return Recognition(
            kind=said.kind,
            confidence=said.confidence,
            predictions=said.predictions,
            probabilities=said.probabilities,
            objects=self._objects(image),
            embedding=seen["embedding"][0],
            style=seen["style"][0],
            heat=self._heat(seen, said),
        )

    def probabilities(self, image: Image.Image) -> npt.NDArray[np.float64]:
        """Return the calibrated probabilities (C,) of all labels for an upright RGB photo, and nothing else."""
        return self.calibration.probabilities(self._seen(image)["logits"][0])

    def embed(self, image: Image.Image) -> Embedded:
        """Return where an upright RGB picture lies among others."""
        seen = self._seen(image)
        return Embedded(np.asarray(seen["embedding"][0]), np.asarray(seen["style"][0]))

    def judge(self, image: Image.Image) -> Judged:
        """Say what an upright RGB picture seems to show and where it lies, from one forward pass."""
        seen = self._seen(image)
        said = answer(seen["logits"][0], self.places.labels, self.calibration, TOP)
        return Judged(
            kind=said.kind,
            confidence=said.confidence,
            predictions=said.predictions,
            probabilities=said.probabilities,
            thing=self._objects(image)[0][0] if said.kind == "not_a_place" else "",
            embedding=np.asarray(seen["embedding"][0]),
            style=np.asarray(seen["style"][0]),
        )

    def _seen(self, image: Image.Image) -> dict[str, npt.NDArray[np.float32]]:
        """Return what the model of places answers, by output, for one picture."""
        return self.places_engine.infer(to_input(image, self.places.preset))

    def _heat(self, seen: dict[str, npt.NDArray[np.float32]], said: Answer) -> npt.NDArray[np.float32] | None:
        if self.tail is None or said.kind != "place":
            return None
        column = self.places.labels.index(said.predictions[0][0])
        return np.asarray(self.tail.heat_maps(seen["features"][0], seen["pooled"][0], [column])[0])

    def _objects(self, image: Image.Image) -> list[tuple[str, str, float]]:
        logits = self.objects_engine.infer(to_input(image, self.objects.preset))["logits"][0]
        probabilities = softmax(logits)
        named = [(self.objects.labels[i], float(probabilities[i])) for i in np.argsort(-probabilities)[:TOP]]
        return [(label["name"], label["wordnet_id"], p) for label, p in named]
