"""A photo in, a place out: the whole way through both bundles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.golden import golden_picture
from ml.picture import decode
from ml.recognise import Recogniser

STARTER = Path(__file__).parent.parent / "ml" / "starter"


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser(STARTER / "places", STARTER / "objects", threads=2)


def test_a_drawn_bridge_is_taken_for_the_golden_gate_bridge(recogniser: Recogniser) -> None:
    seen = recogniser.recognise(golden_picture())
    assert seen.kind == "place"
    assert seen.predictions[0][0] == "golden-gate-bridge"
    assert seen.confidence > 0.6


def test_five_places_and_five_objects_come_best_first(recogniser: Recogniser) -> None:
    seen = recogniser.recognise(golden_picture())
    for probabilities in ([p for _, p in seen.predictions], [p for _, _, p in seen.objects]):
        assert len(probabilities) == 5
        assert probabilities == sorted(probabilities, reverse=True)
        assert 0 < sum(probabilities) <= 1
    assert not {"unknown", "not_a_place"} & {slug for slug, _ in seen.predictions}
    assert all(wordnet_id.startswith("n") and len(wordnet_id) == 9 for _, wordnet_id, _ in seen.objects)


def test_a_picture_has_one_embedding_and_one_style_however_it_is_asked_for(recogniser: Recogniser) -> None:
    embedding, style = recogniser.embed(golden_picture())
    assert embedding.shape == (512,)
    assert embedding.dtype == np.float32
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-3)
    assert style.shape == (1056,)
    seen = recogniser.recognise(golden_picture())
    np.testing.assert_array_equal(embedding, seen.embedding)
    np.testing.assert_array_equal(style, seen.style)


@pytest.mark.parametrize("size", [(1600, 40), (40, 1600), (32, 32)])
def test_any_shape_is_answered(recogniser: Recogniser, size: tuple[int, int]) -> None:
    seen = recogniser.recognise(golden_picture().resize(size))
    assert 0 <= seen.confidence <= 1


@pytest.mark.shared
@pytest.mark.parametrize("slug", ["golden-gate-bridge", "taj-mahal"])
def test_a_full_size_photo_of_a_known_place_is_surely_that_place(recogniser: Recogniser, val: Path, slug: str) -> None:
    photo = val.parent.parent / "originals" / f"{slug}.jpg"
    seen = recogniser.recognise(decode(photo.read_bytes()))
    assert (seen.kind, seen.predictions[0][0]) == ("place", slug)
    assert seen.confidence > 0.9


@pytest.mark.shared
def test_a_cat_is_no_place_but_a_cat(recogniser: Recogniser, val: Path) -> None:
    photo = val.parent / "notplace" / "animals" / "large-011.jpg"
    seen = recogniser.recognise(decode(photo.read_bytes()))
    assert seen.kind == "not_a_place"
    assert seen.confidence < 0.2
    assert [name for name, _, _ in seen.objects[:3]] == ["tabby", "tiger cat", "Egyptian cat"]
