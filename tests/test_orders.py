"""Pictures like a photo, from rows: in three orders, near-copies folded, narrowed by licence and size. No worker."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone
from lxml import html

from places import finding, ranking
from places.models import Embedding, ModelVersion, Picture, Place, Search, WebEmbedding, WebPicture, WebQuery
from places.models.search import State
from places.pages.arranging import arrange
from places.presenting import present

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_broker")]
NUMBERS = {"vector": 512, "style": 1056, "tone": 125}
FAR_LOOK = 0x5555_5555_5555_5555


@pytest.fixture(autouse=True)
def plain_site(settings: Any) -> None:
    """Name static files plainly, and let Bing be away."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.BING_BASE_URL = "http://127.0.0.1:9"
    settings.FETCH_ALLOW_PRIVATE = frozenset({"127.0.0.1:9"})


@pytest.fixture
def model() -> ModelVersion:
    return ModelVersion.objects.create(kind="places", version="1", name="test", labels=["tower"], serving=True)


@pytest.fixture
def tower() -> Place:
    return Place.objects.create(
        slug="tower", name="Tall Tower", country="DE", latitude=52.5, longitude=13.4, query="Tall Tower"
    )


@pytest.fixture
def query() -> WebQuery:
    return WebQuery.objects.create(source="bing", text="Tall Tower", state="ok", fetched_at=timezone.now())


def turned(name: str, angle: float) -> list[float]:
    """Return a unit vector of as many numbers as the column ``name`` has, turned by ``angle`` from the first axis."""
    vector = np.zeros(NUMBERS[name])
    vector[:2] = np.cos(angle), np.sin(angle)
    return [float(number) for number in vector]


def in_gallery(
    model: ModelVersion, place: Place, angle: float, colour: float = 0, style: float = 0, **fields: Any
) -> Picture:
    """Return an approved picture that lies at these angles from the photo."""
    given = {
        "title": str(angle), "status": "approved", "content_hash": uuid4().hex, "thumbnail": "x", "image": "x",
        "width": 800, "height": 600, "look": int(np.random.default_rng(int(angle * 1e6)).integers(-(2**62), 2**62)),
    } | fields  # fmt: skip
    picture = Picture.objects.create(place=place, tone=turned("tone", colour), **given)
    Embedding.objects.create(
        picture=picture, model_version=model, vector=turned("vector", angle), style=turned("style", style)
    )
    return picture


def of_web(
    model: ModelVersion, query: WebQuery, angle: float | None, colour: float = 0, style: float = 0, **fields: Any
) -> WebPicture:
    """Return a picture of the web at these angles; without them, one that was not looked at yet."""
    position = query.pictures.count()
    given = {
        "title": f"web {angle}", "key": str(position), "position": position, "image_url": "https://a.example/1.jpg",
        "page_url": "https://www.a.example/page", "width": 1600, "height": 900,
    } | fields  # fmt: skip
    if angle is None:
        return WebPicture.objects.create(query=query, **given)
    hashed = int(np.random.default_rng(int(angle * 1e6) + 1).integers(-(2**62), 2**62))
    picture = WebPicture.objects.create(query=query, tone=turned("tone", colour), **({"look": hashed} | given))
    WebEmbedding.objects.create(
        picture=picture, model_version=model, vector=turned("vector", angle), style=turned("style", style)
    )
    return picture


def searched(model: ModelVersion, place: Place, *pictures: Picture | WebPicture, **fields: Any) -> Search:
    """Return an answered search that found these pictures."""
    results = [{"web" if isinstance(p, WebPicture) else "picture": str(p.pk)} for p in pictures]
    given = {
        "look": FAR_LOOK, "embedding": turned("vector", 0), "style": turned("style", 0), "tone": turned("tone", 0),
        "similar_state": State.DONE,
    }  # fmt: skip
    return Search.objects.create(
        state=State.DONE, kind="place", place=place, confidence=0.95, model_version=model,
        finished_at=timezone.now(), similar_results=results, timings={"recognise": 1}, **(given | fields),
    )  # fmt: skip


def titles(page: Any) -> list[str]:
    """Return the titles of the pictures that a page shows unfolded."""
    return [str(tile.xpath("string(.//bdi)")) for tile in page.xpath("//*[@id='similar']//*[@class='tile']")]


def page_of(search: Search, address: str = "") -> Any:
    """Return the tree of a search's page."""
    answer = Client().get(f"/s/{search.pk}/{address}")
    assert answer.status_code == 200
    return html.fromstring(answer.content.decode())


@pytest.fixture
def three(model: ModelVersion, tower: Place, query: WebQuery) -> Search:
    """A search whose pictures come in another sequence in each order."""
    return searched(
        model, tower,
        in_gallery(model, tower, 0.3, 0.2, 0.1, title="c"),
        of_web(model, query, 0.1, 0.3, 0.2, title="a"),
        in_gallery(model, tower, 0.2, 0.1, 0.3, title="b"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("order", "expected"), [("look", "abc"), ("colour", "bca"), ("style", "cab"), ("nonsense", "abc"), ("", "abc")]
)
def test_the_gallerys_and_the_webs_pictures_come_in_the_order_asked_for(
    three: Search, order: str, expected: str
) -> None:
    page = page_of(three, f"?order={order}")
    assert "".join(titles(page)) == expected
    chosen = page.xpath("//nav[@class='orders']/a[@aria-current]/@data-order")
    assert chosen == [order if order in ranking.ORDERS else "look"]


def test_scores_are_cosines_and_the_api_tells_all_three(three: Search) -> None:
    results = present(three)["similar"]["results"]
    assert [result["title"] for result in results] == ["a", "b", "c"]
    assert results[0]["score"] == pytest.approx(np.cos(0.1), abs=2e-3)
    assert results[0]["scores"] == {
        "look": results[0]["score"],
        "colour": pytest.approx(np.cos(0.3), abs=2e-3),
        "style": pytest.approx(np.cos(0.2), abs=2e-3),
    }
    assert [result["kind"] for result in results] == ["web", "gallery", "gallery"]


def test_what_was_not_looked_at_yet_has_no_score_and_comes_last(
    model: ModelVersion, tower: Place, query: WebQuery
) -> None:
    unseen = of_web(model, query, None, title="unseen")
    search = searched(model, tower, unseen, in_gallery(model, tower, 1.5, title="far"))
    assert [(r["title"], r["score"] is None) for r in present(search)["similar"]["results"]] == [
        ("far", False), ("unseen", True),
    ]  # fmt: skip
    assert page_of(search).xpath("//*[@id='pictures'][@data-waiting]")
    WebEmbedding.objects.create(
        picture=unseen, model_version=model, vector=turned("vector", 0.1), style=turned("style", 0)
    )
    assert titles(page_of(search)) == ["unseen", "far"], "scores are taken up when they are there"


def test_scores_of_another_model_version_do_not_count(model: ModelVersion, tower: Place) -> None:
    other = ModelVersion.objects.create(kind="places", version="2", name="test")
    search = searched(model, tower, in_gallery(other, tower, 0.1))
    assert present(search)["similar"]["results"][0]["scores"]["look"] is None


def test_near_copies_are_folded_under_the_one_with_a_licence_or_the_largest(
    model: ModelVersion, tower: Place, query: WebQuery
) -> None:
    copies: list[Picture | WebPicture] = [
        of_web(model, query, 0.1, title="small", look=7, width=300, height=200),
        of_web(model, query, 0.2, title="large", look=6, width=3000, height=2000),
        in_gallery(model, tower, 0.3, title="free", look=5, licence="CC0"),
    ]
    search = searched(model, tower, *copies, in_gallery(model, tower, 0.4, title="other"))
    page = page_of(search)
    assert titles(page) == ["free", "other"]
    assert page.xpath("normalize-space(//details[@class='copies']/summary)") == "and 2 near-copies"
    folded = page.xpath("//li[.//details]/*[@class='tile folded']")
    assert {tile.xpath("string(.//bdi)") for tile in folded} == {"small", "large"}
    groups = [result["group"] for result in present(search)["similar"]["results"]]
    assert len(set(groups)) == 2 and ranking.SAME not in groups


def test_near_copies_of_the_photo_itself_stand_above_largest_first(
    model: ModelVersion, tower: Place, query: WebQuery
) -> None:
    mirrored = 0x00FF_00FF_00FF_00FF  # rows of ones and of zeros change places in a mirror
    search = searched(
        model, tower,
        of_web(model, query, 0.5, title="copy", look=FAR_LOOK ^ 0b111, width=500, height=400),
        of_web(model, query, 0.6, title="larger", look=FAR_LOOK, width=5000, height=4000),
        in_gallery(model, tower, 0.1, title="other", look=mirrored),
    )  # fmt: skip
    page = page_of(search)
    same = page.xpath("//section[@class='same']")[0]
    assert "The same picture" in same.xpath("string(h2)")
    assert [tile.xpath("string(.//bdi)") for tile in same.xpath(".//*[@class='tile']")] == ["larger", "copy"]
    assert titles(page) == ["other"]
    assert [r["group"] == ranking.SAME for r in present(search)["similar"]["results"]] == [False, True, True]


def test_a_mirrored_copy_is_the_same_picture(model: ModelVersion, tower: Place) -> None:
    search = searched(
        model, tower, in_gallery(model, tower, 0.2, look=~0x00FF_00FF_00FF_00FF), look=0x00FF_00FF_00FF_00FF
    )
    assert present(search)["similar"]["results"][0]["group"] == ranking.SAME


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("?licence=cc", {"by", "huge"}),
        ("?licence=public", {"zero"}),
        ("?licence=unknown", {"plain"}),
        ("?size=1600", {"huge"}),
        ("?licence=cc&size=1600&order=colour", {"huge"}),
        ("?licence=<script>&size=abc", {"by", "zero", "plain", "huge"}),
        ("?licence=other", {"by", "zero", "plain", "huge"}),
    ],
)
def test_pictures_are_narrowed_by_licence_and_size_of_those_there_are(
    model: ModelVersion, tower: Place, address: str, expected: set[str]
) -> None:
    search = searched(
        model, tower,
        in_gallery(model, tower, 0.1, title="by", licence="CC BY-SA 4.0"),
        in_gallery(model, tower, 0.2, title="zero", licence="CC0"),
        in_gallery(model, tower, 0.3, title="plain"),
        in_gallery(model, tower, 0.4, title="huge", licence="cc-by-2.0", width=2000, height=1000),
    )  # fmt: skip
    page = page_of(search, address)
    assert set(titles(page)) == expected
    assert page.xpath("//select[@name='licence']/option/@value") == ["", "public", "cc", "unknown"]
    assert page.xpath("//select[@name='size']/option/@value") == ["", "1600"]


def test_nothing_is_offered_to_choose_where_all_are_alike(model: ModelVersion, tower: Place) -> None:
    page = page_of(searched(model, tower, in_gallery(model, tower, 0.1), in_gallery(model, tower, 0.2)))
    assert not page.xpath("//select")
    alone = page_of(searched(model, tower, in_gallery(model, tower, 0.3)))
    assert not alone.xpath("//nav[@class='orders']")


def test_choices_that_leave_nothing_say_so_and_lead_back(model: ModelVersion, tower: Place) -> None:
    search = searched(
        model, tower,
        in_gallery(model, tower, 0.1, licence="CC0"),
        in_gallery(model, tower, 0.2, width=2000, height=2000),
    )  # fmt: skip
    page = page_of(search, "?licence=public&size=1600")
    assert "No picture has this licence and this size." in page.text_content()


def test_each_order_keeps_the_other_choices_in_its_address(three: Search) -> None:
    result = present(three)["similar"]["results"]
    arranged = arrange(result, QueryDict("size=1600&order=style&place=tower"))
    assert not arranged.orders, "one picture needs no order"
    sizes = {choice.value: choice.address for choice in arranged.sizes}
    assert sizes[""] == "?place=tower&order=style"


def test_without_a_picture_it_is_said(model: ModelVersion, tower: Place) -> None:
    assert "There are no pictures like it here yet." in page_of(searched(model, tower)).text_content()
    noted = page_of(searched(model, tower, similar_note="Bing cannot be reached."))
    assert "Bing cannot be reached." in noted.text_content()
    assert "There are no pictures" not in noted.text_content()


def test_a_picture_that_was_withdrawn_is_gone_from_earlier_answers(three: Search) -> None:
    Picture.objects.filter(title="b").update(status="rejected")
    WebPicture.objects.filter(title="a").delete()
    assert titles(page_of(three)) == ["c"]


HOSTILE = ['<script>alert(1)</script>"><img onerror=x>', "‮ابجد \u202e هوز", "ÄÖ " * 75, "{{ 7|add:7 }}"]


@pytest.mark.parametrize("title", HOSTILE)
def test_strangers_titles_are_only_text_everywhere(
    model: ModelVersion, tower: Place, query: WebQuery, title: str
) -> None:
    found = of_web(model, query, 0.1, title=title[:300], page_url="https://a.example/?a=<b>&c=\"'")
    like = in_gallery(model, tower, 0.2, title=title[:300], author=title[:200], licence="<b>free</b>")
    for address in (f"/s/{searched(model, tower, found, like).pk}/", f"/pictures/web/{found.pk}/"):
        answer = Client().get(address)
        page: Any = html.fromstring(answer.content.decode())
        assert answer.status_code == 200
        assert not page.xpath("//main//script") and not page.xpath("//main//*[@onerror]")
        assert all(title[:60] in bdi for bdi in page.xpath("//*[@class='title']/bdi/text()"))
        assert all(len(alt) <= 121 for alt in page.xpath("//main//img/@alt"))
        assert all(
            href.startswith(("/", "https://", "#", "?"))
            for href in page.xpath("//*[@id='pictures']//a/@href | //dl//a/@href")
        )


def test_more_like_a_picture_are_its_nearest_of_gallery_and_web(
    model: ModelVersion, tower: Place, query: WebQuery
) -> None:
    asked = in_gallery(model, tower, 0.0, title="asked", author="Ada", licence="CC BY 4.0")
    near = of_web(model, query, 0.1, title="near")
    in_gallery(model, tower, 0.4, title="farther")
    in_gallery(model, tower, 0.05, title="not approved", status="candidate")
    page: Any = html.fromstring(Client().get(f"/pictures/gallery/{asked.pk}/").content.decode())
    assert titles(page) == ["near", "farther"]
    text = page.xpath("string(//main)")
    assert "Ada" in text and "CC BY 4.0" in text and "800 × 600" in text
    other: Any = html.fromstring(Client().get(f"/pictures/web/{near.pk}/?order=colour").content.decode())
    assert set(titles(other)) == {"asked", "farther"}


def test_pictures_that_are_not_there_have_no_page(model: ModelVersion, tower: Place) -> None:
    hidden = in_gallery(model, tower, 0.1, status="candidate")
    for address in (
        f"/pictures/gallery/{hidden.pk}/", f"/pictures/gallery/{uuid4()}/", f"/pictures/web/{uuid4()}/",
        f"/pictures/else/{hidden.pk}/", "/pictures/web/1/",
    ):  # fmt: skip
        assert Client().get(address).status_code == 404, address
        assert Client().post(f"{address}search/").status_code == 404, address


def test_a_picture_that_was_not_looked_at_yet_is_asked_for(model: ModelVersion, tower: Place, query: WebQuery) -> None:
    unseen = of_web(model, query, None)
    page = Client().get(f"/pictures/web/{unseen.pk}/")
    assert page.status_code == 200
    assert "is being looked at" in page.content.decode()
    assert page.headers["X-Robots-Tag"] == "noindex"


def test_every_picture_has_its_links(three: Search) -> None:
    for tile in page_of(three).xpath("//*[@class='tile']"):
        links = {link.text_content(): link for link in tile.xpath(".//*[@class='links']/a")}
        assert {"View", "Download", "More like this"} <= set(links)
        assert links["View"].get("rel") == "noopener noreferrer nofollow"
        assert links["Download"].get("href").endswith("?download")
        assert links["More like this"].get("href").startswith("/pictures/")


def test_the_search_after_the_first_ranks_a_known_place_from_memory(
    model: ModelVersion, tower: Place, query: WebQuery, django_assert_max_num_queries: Any
) -> None:
    for number in range(60):
        in_gallery(model, tower, 0.01 * number + 0.001, title=str(number))
    for number in range(35):
        of_web(model, query, 0.011 * number + 0.002, thumbnail="x")
    search = searched(model, tower, similar_state=State.QUEUED)
    with django_assert_max_num_queries(24):
        finding.find_similar(search.pk)
        results = present(Search.objects.get(pk=search.pk))["similar"]["results"]
    assert len(results) == ranking.COUNT + 35
    assert all(result["score"] is not None for result in results)
