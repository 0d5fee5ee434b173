"""Where the network looked, and how it sees: on the page, and as pictures that go with the photo."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from PIL import Image

from ml.engine.openvino import OpenVino
from ml.heatmap import FirstLayer, Tail
from ml.preset import to_input
from places import explaining, searching, storage
from places.models import Place, Search
from tests.answers import GRID, answered, heat_at, place, text, tree_of
from tests.drawn import jpeg
from tests.site import ROOT, Site
from tests.visitor import Visitor, tree, words

BUNDLE = ROOT / "ml" / "starter" / "places"
TOP = "It looked mostly in the upper middle."


@pytest.fixture
def tower(db: None, plain_static: None) -> Place:
    return place("tower")


def seen(search: Search, file: str) -> Image.Image:
    """One of the pictures that are drawn of a search's photo."""
    answer = Client().get(f"/media/searches/{search.pk}/{file}")
    assert answer.status_code == 200, file
    assert (answer["Cache-Control"], answer["X-Robots-Tag"]) == ("private, no-store", "noindex")
    return Image.open(io.BytesIO(b"".join(answer)))


def test_an_answer_offers_its_heat_map_and_says_in_words_where_it_is_hot(tower: Place) -> None:
    page = tree_of(f"/s/{answered(tower, heat=heat_at(2, 7)).pk}/")
    (button,) = page.xpath("//main//button[@data-heat]")
    assert button.get("aria-pressed") == "false"
    assert page.xpath("//main//*[@role='status']/@data-words") == [TOP]
    assert not page.xpath("//*[@id='frame']//*[contains(@class, 'heat')]"), "it is off until it is asked for"


def test_without_scripts_it_is_a_link_to_the_same(tower: Place) -> None:
    search = answered(tower, heat=heat_at(2, 7))
    page = tree_of(f"/s/{search.pk}/")
    assert page.xpath("//a[@class='scriptless']/@href") == [f"/s/{search.pk}/sees/#looked"]
    assert TOP in text(tree_of(f"/s/{search.pk}/sees/"), "//*[@id='looked']")


@pytest.mark.parametrize(
    ("row", "column", "told"),
    [
        (1, 1, "mostly in the upper left"),
        (7, 1, "mostly on the left"),
        (7, 7, "mostly in the middle"),
        (12, 7, "mostly in the lower middle"),
        (12, 12, "mostly in the lower right"),
    ],
)
def test_the_hot_part_has_a_name(tower: Place, row: int, column: int, told: str) -> None:
    assert explaining.looked(answered(tower, heat=heat_at(row, column, radius=1))) == told


def test_what_is_hot_nearly_everywhere_is_no_part(tower: Place) -> None:
    assert explaining.looked(answered(tower, heat=heat_at(7, 7, radius=6))) == "all over the photo"


@pytest.mark.parametrize(
    "values", [{"heat": None}, {"heat": [[0.0] * GRID] * GRID}, {"kind": "unknown"}, {"place": None}, {"photo": ""}]
)
def test_without_a_place_or_without_heat_nothing_is_offered(tower: Place, values: dict[str, Any]) -> None:
    search = answered(tower, heat=heat_at(2, 7))
    Search.objects.filter(pk=search.pk).update(**values)
    page = tree_of(f"/s/{search.pk}/")
    assert not page.xpath("//main//*[@data-heat or @class='scriptless']")


def test_the_heat_map_has_the_photos_aspect_and_is_clear_where_nothing_is_hot(tower: Place) -> None:
    image = seen(answered(tower, heat=heat_at(2, 2)), "heat.png")
    assert (image.mode, image.size) == ("RGBA", (200, 150))
    alpha = np.asarray(image)[:, :, 3]
    assert alpha[20, 25] > 150
    assert alpha[75:, 100:].max() == 0


def test_of_a_crop_the_heat_lies_in_the_crop(tower: Place) -> None:
    search = answered(tower, heat=heat_at(7, 7, radius=7), crop=[0.5, 0.0, 0.5, 0.5])
    alpha = np.asarray(seen(search, "heat.png"))[:, :, 3]
    assert alpha[:75, 100:].min() > 150
    assert max(alpha[75:].max(), alpha[:, :100].max()) == 0
    assert explaining.looked(search) == "mostly in the upper right"


def test_all_drawings_are_pictures_of_the_photo(tower: Place) -> None:
    search = answered(tower, heat=heat_at(2, 7))
    for file in ("overlay.jpg", "heat.jpg", "segmentation.jpg"):
        assert (seen(search, file).format, seen(search, file).size) == ("JPEG", (400, 300)), file


def test_the_maps_are_what_the_first_layer_makes_of_the_photo(tower: Place) -> None:
    search = answered(tower)
    image = Image.open(io.BytesIO(storage.read(search.photo)))
    eye = explaining.eye_of(search.model_version)
    assert eye and eye.first
    values = eye.first.maps(to_input(image, eye.preset))
    sheet = np.asarray(seen(search, "maps.jpg").convert("L"), np.float32)
    # Tiles are as light as their maps are strong: compared over the whole sheet, eight in a row.
    tiles = [sheet[r * 119 + 7 : r * 119 + 119, c * 119 + 7 : c * 119 + 119].mean() for r in range(8) for c in range(8)]
    strength = (values / np.maximum(values.max(axis=(1, 2), keepdims=True), 1e-6)).mean(axis=(1, 2))
    assert np.corrcoef(tiles, strength)[0, 1] > 0.9


def test_the_first_layer_is_read_without_the_rest_of_the_network() -> None:
    alone, whole = FirstLayer.load(BUNDLE / "head.npz"), Tail.load(BUNDLE / "head.npz").first
    assert np.array_equal(alone.kernels, whole.kernels) and np.array_equal(alone.bias, whole.bias)
    assert (alone.stride, alone.sides) == (whole.stride, whole.sides)


def test_drawings_go_with_the_photo(tower: Place) -> None:
    search = answered(tower, heat=heat_at(2, 7))
    for file in storage.DRAWN:
        seen(search, file)
        assert storage.exists(storage.drawn_name(search.pk, file))
    searching.delete(search)
    assert not any(storage.exists(name) for name in storage.drawn_names(search.pk))
    answer = Client().get(f"/media/searches/{search.pk}/heat.png")
    assert answer.status_code == 410


@pytest.mark.parametrize("file", ["original.jpg", "heat.svg", "..", "heat.png%00"])
def test_there_are_no_other_drawings(tower: Place, file: str) -> None:
    search = answered(tower, heat=heat_at(2, 7))
    assert Client().get(f"/media/searches/{search.pk}/{file}").status_code == 404


def test_of_an_unknown_place_there_is_no_heat_map_but_kernels_and_maps(tower: Place) -> None:
    search = answered(None)
    assert Client().get(f"/media/searches/{search.pk}/overlay.jpg").status_code == 404
    page = tree_of(f"/s/{search.pk}/sees/")
    assert not page.xpath("//*[@id='looked']")
    drawn = page.xpath("//main//img/@src")
    assert len(drawn) == 2
    for path in drawn:
        answer = Client().get(path)
        assert answer.status_code == 200 and answer["Content-Type"].startswith("image/")


def test_how_it_sees_shows_the_five_likeliest_as_a_chart(tower: Place) -> None:
    place("gate")
    page = tree_of(f"/s/{answered(tower, heat=heat_at(2, 7)).pk}/sees/")
    rows = [" ".join(row.text_content().split()) for row in page.xpath("//section[@class='sees-sure']//li")]
    assert rows == ["Tower 90 %", "Gate 4 %"]
    assert len(page.xpath("//*[@id='looked']//figure/img")) == 3
    assert all(page.xpath("//main//img/@alt"))


@pytest.mark.parametrize("values", [{"state": "queued"}, {"state": "failed", "similar_state": "failed"}])
def test_before_an_answer_there_is_nothing_to_explain(tower: Place, values: dict[str, Any]) -> None:
    search = answered(tower, **values)
    for path in (f"/s/{search.pk}/sees/", f"/s/{search.pk}/compare/tower/"):
        answer = Client().get(path)
        assert (answer.status_code, answer["Location"]) == (303, f"/s/{search.pk}/")


def test_a_bundle_that_is_gone_takes_the_explanation_with_it_and_not_the_answer(tower: Place) -> None:
    search = answered(tower, heat=heat_at(2, 7))
    assert search.model_version
    search.model_version.path = "ml/starter/not-there"
    search.model_version.save()
    assert not tree_of(f"/s/{search.pk}/").xpath("//main//*[@data-heat]")
    assert Client().get(f"/media/models/{search.model_version.pk}/kernels.png").status_code == 404
    assert "Tower" in text(tree_of(f"/s/{search.pk}/sees/"))


def test_the_web_process_explains_without_the_engine() -> None:
    code = (
        "import django, sys; django.setup(); from pathlib import Path; import geosite.urls; "
        "from places import explaining; assert len(explaining.kernels(Path('ml/starter/places'))) > 1000; "
        "sys.exit(', '.join({'openvino', 'ncnn', 'torch'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.shared
def test_the_heat_of_an_answer_is_of_the_same_forward_pass(val: Path) -> None:
    from ml.recognise import Recogniser

    image = Image.open(val.parent.parent / "originals" / "taj-mahal.jpg").convert("RGB")
    model = Recogniser(BUNDLE, ROOT / "ml" / "starter" / "objects", wanted="openvino-f32")
    said = model.recognise(image)
    assert said.heat is not None
    outputs = OpenVino(model.places.model, "f32").infer(to_input(image, model.places.preset))
    tail = Tail.of(model.places)
    assert tail
    column = model.places.labels.index("taj-mahal")
    expected = tail.heat_maps(outputs["features"][0], outputs["pooled"][0], [column])[0]
    assert np.abs(said.heat - expected).max() < 0.02
    assert model.recognise(Image.open(io.BytesIO(jpeg(3))).convert("RGB")).heat is None


@pytest.mark.shared
def test_a_photo_that_is_sent_twice_is_explained_twice(site: Site, val: Path) -> None:
    photo = (val.parent.parent / "originals" / "taj-mahal.jpg").read_bytes()
    told = set()
    for visitor in (Visitor(site), Visitor(site)):
        page = visitor.ask(photo)
        site.ended(site.get(f"/api/v1/searches/{page.url.rstrip('/').rsplit('/', 1)[1]}/").json())
        page = visitor.get(page.url.removeprefix(site.url))
        (button,) = tree(page).xpath("//main//button[@data-heat]")
        assert visitor.get(button.get("data-heat")).headers["Content-Type"] == "image/png"
        told.add(
            words(visitor.get(tree(page).xpath("//a[@class='scriptless']/@href")[0])).partition("It looked")[2][:30]
        )
    assert len(told) == 1 and told.pop().startswith(" mostly")
