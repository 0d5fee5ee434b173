"""Which sources there are under which settings, and why the others are left out."""

from __future__ import annotations

from pathlib import Path

from crawler import sources
from crawler.fetch import Fetcher
from crawler.politeness import Manners
from crawler.sources import fields, licences
from crawler.sources.base import NOTES, Query, note
from tests.sources import outcome
from tests.standins_commons import CommonsStandIn
from tests.standins_flickr import KEY, FlickrStandIn

EVERYTHING = {"FLICKR_API_KEY": KEY, "CRAWLER_GOOGLE": "1", "CRAWLER_CONTACT": "https://places.example.org"}


def test_with_every_setting_there_is_every_source_those_with_licences_first() -> None:
    found = sources.available(EVERYTHING, Fetcher())
    assert list(found) == ["commons", "openverse", "flickr", "bing", "google"] == list(sources.LABELS)
    assert [source.name for source in found.values()] == list(found)
    assert sources.left_out(EVERYTHING) == {}


def test_a_source_that_cannot_be_used_says_why_and_what_to_do() -> None:
    assert list(sources.available({}, Fetcher())) == ["openverse", "bing"]
    sentences = sources.left_out({})
    for name, setting in {"flickr": "FLICKR_API_KEY", "google": "CRAWLER_GOOGLE", "commons": "CRAWLER_CONTACT"}.items():
        assert sentences[name].startswith(f"{sources.LABELS[name]} is left out: ") and setting in sentences[name]


def test_a_setting_that_is_empty_counts_as_not_set() -> None:
    empty = dict.fromkeys(sources.SETTINGS, " ")
    assert sources.left_out(empty) == sources.left_out({})


def test_google_stays_off_until_it_is_switched_on() -> None:
    for off in ("0", "no", "", "false", "perhaps"):
        assert "google" in sources.left_out(EVERYTHING | {"CRAWLER_GOOGLE": off})
    for on in ("1", "true", "Yes", "on"):
        assert "google" not in sources.left_out(EVERYTHING | {"CRAWLER_GOOGLE": on})


def test_another_commons_needs_no_contact() -> None:
    settings = {"COMMONS_BASE_URL": "http://127.0.0.1:9000"}
    assert "commons" in sources.available(settings, Fetcher())
    assert "commons" in sources.left_out({"COMMONS_BASE_URL": "https://commons.wikimedia.org/"})


def test_settings_lead_to_the_addresses_and_the_key(tmp_path: Path) -> None:
    with CommonsStandIn() as commons, FlickrStandIn() as flickr:
        settings = EVERYTHING | {"COMMONS_BASE_URL": f"{commons.url}changed", "FLICKR_BASE_URL": flickr.url}
        fetcher = Fetcher({commons.pair, flickr.pair})
        found = sources.available(settings, fetcher, Manners(delays=False), kept=tmp_path)
        assert outcome(found["commons"])[1] == "changed"
        hits, state = outcome(found["flickr"])
    assert (len(hits), state) == (600, "ended")
    assert [path.name.partition("-")[0] for path in tmp_path.iterdir()] == ["commons"]
    assert commons.asked[0].headers["User-Agent"] == "search-by-image/1.0 (https://places.example.org)"


def test_every_filter_that_a_source_names_is_a_field_of_a_query() -> None:
    for source in sources.available(EVERYTHING, Fetcher()).values():
        assert source.filters <= set(Query.__dataclass_fields__)


def test_every_trouble_has_one_sentence_and_good_news_none() -> None:
    assert set(NOTES) == {"none", "blocked", "unreachable", "changed", "misconfigured"}
    assert note("none", "Bing") == "Bing found no pictures for this."
    assert note("ok", "Bing") == note("end", "Bing") == ""


def test_a_licence_is_known_by_its_address() -> None:
    told = {
        "https://creativecommons.org/licenses/by-nc-sa/2.0/": "cc-by-nc-sa-2.0",
        "http://www.CreativeCommons.org/licenses/by/4.0/deed.de": "cc-by-4.0",
        "https://creativecommons.org/publicdomain/zero/1.0/": "cc0-1.0",
        "https://creativecommons.org/publicdomain/mark/1.0/": "pdm-1.0",
        "https://creativecommons.org/licenses/by-sa/": "cc-by-sa",
        "https://www.flickr.com/commons/usage/": "unknown",
        "": "unknown",
    }
    assert {url: licences.of_url(url) for url in told} == told


def test_what_a_licence_permits() -> None:
    allowed = {
        "any-cc": {"cc-by-4.0", "cc-by-nc-nd-2.0", "cc-by-sa-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc0-1.0"},
        "public": {"cc0-1.0"},
        "share": {"cc-by-4.0", "cc-by-nc-nd-2.0", "cc-by-sa-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc0-1.0"},
        "share-commercially": {"cc-by-4.0", "cc-by-sa-3.0", "cc-by-nd-4.0", "cc0-1.0"},
        "modify": {"cc-by-4.0", "cc-by-sa-3.0", "cc-by-nc-4.0", "cc0-1.0"},
        "modify-commercially": {"cc-by-4.0", "cc-by-sa-3.0", "cc0-1.0"},
    }
    every = allowed["any-cc"] | {"unknown", "all-rights-reserved", "gfdl", "no-known-restrictions", ""}
    for wanted, licensed in allowed.items():
        assert {code for code in every if licences.permits(code, wanted)} == licensed
    assert all(licences.permits(code, None) for code in every)


def test_fields_of_strangers_are_empty_where_they_are_odd() -> None:
    odd: list[object] = [None, True, [], {}, 1.5, "\x00", "-1", "1e9", "9" * 30, "٣"]
    for value in odd:
        assert fields.side(value) is None
        assert fields.mappings(value) == []
    assert fields.side("0") is None and fields.side(100_001) is None and fields.side("640") == 640
    assert fields.text({"_content": 7}) == "7" and fields.text(True) == "" and fields.text(["a"]) == ""
    assert fields.word("a\x00\ud800 b\n") == "a b"
    assert (
        fields.document(b"[1]") is None and fields.document(b"\xff") is None and fields.document(b"[" * 10**6) is None
    )


def test_a_position_must_be_on_earth() -> None:
    assert fields.position("48.5", -2) == (48.5, -2.0)
    nowhere: list[tuple[object, object]] = [
        (None, 1),
        ("x", 1),
        (91, 0),
        (0, 181),
        (0, 0),
        ("nan", 1),
        ("inf", 1),
        ([], 1),
    ]
    for latitude, longitude in nowhere:
        assert fields.position(latitude, longitude) is None


def test_markup_becomes_text() -> None:
    assert fields.author('<a href="x">Ann</a><b>Bee</b> &amp;amp; <!-- no -->Co') == "Ann Bee &amp; Co"
    assert fields.author("<p>" * 1000 + "x" * 1000) == "x" * 200
    assert fields.author("plain") == "plain" and fields.author(None) == ""
