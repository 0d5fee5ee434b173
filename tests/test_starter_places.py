"""The starter places are complete, well formed, and lie where they should."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from places.models.place import distance_m

ROOT = Path(__file__).parent.parent
STARTER = ROOT / "places" / "starter"
PHOTOS = ROOT.parent / "shared" / "data" / "landmarks" / "train"

PLACES: list[dict[str, Any]] = json.loads((STARTER / "places.json").read_text(encoding="utf-8"))
COUNTRIES: dict[str, Any] = json.loads((STARTER / "countries.json").read_text(encoding="utf-8"))
BY_SLUG: dict[str, dict[str, Any]] = {place["slug"]: place for place in PLACES}
each_place = pytest.mark.parametrize("place", PLACES, ids=[place["slug"] for place in PLACES])

TEXTS = {
    "slug",
    "name",
    "name_ko",
    "local_name",
    "local_language",
    "country",
    "city",
    "continent",
    "description",
    "description_ko",
    "query",
}
FIELDS = TEXTS | {"aliases", "latitude", "longitude", "collections", "nearby"}
NEARBY_FIELDS = {"name", "kind", "latitude", "longitude"}
KINDS = {"attraction", "food", "lodging", "transport"}
CONTINENTS = {"Europe", "Asia", "North America", "South America", "Africa", "Oceania"}
LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")
SCRIPTS = {
    "ko": "HANGUL",
    "ja": "CJK",
    "zh": "CJK",
    "ru": "CYRILLIC",
    "el": "GREEK",
    "ar": "ARABIC",
    "hi": "DEVANAGARI",
}

PAPER_TWELVE = {
    "63-building",
    "seoul-city-hall",
    "admiral-yi-sun-shin-statue",
    "king-sejong-statue",
    "geunjeongjeon",
    "olympic-park-seoul",
    "lotte-world-tower",
    "myeongdong-cathedral",
    "n-seoul-tower",
    "seokchon-lake",
    "seodaemun-prison",
    "seoul-station",
}
OUTSIDE_TOWN = {
    "cappadocia",
    "chichen-itza",
    "great-wall-of-china",
    "ishak-pasha-palace",
    "machu-picchu",
    "mount-rushmore",
    "niagara-falls",
    "pamukkale",
    "petra",
    "stonehenge",
}

# Distances in kilometres as travel guides and maps give them, not computed from our file; then what they may be off by.
KNOWN_KM = [
    ("eiffel-tower", "arc-de-triomphe", 1.7, 0.15),
    ("eiffel-tower", "notre-dame-de-paris", 4.1, 0.2),
    ("notre-dame-de-paris", "sacre-coeur", 3.8, 0.2),
    ("arc-de-triomphe", "sacre-coeur", 3.8, 0.25),
    ("colosseum", "trevi-fountain", 1.4, 0.15),
    ("colosseum", "pantheon", 1.6, 0.15),
    ("pantheon", "trevi-fountain", 0.6, 0.15),
    ("castel-sant-angelo", "pantheon", 1.0, 0.15),
    ("hagia-sophia", "blue-mosque", 0.4, 0.1),
    ("hagia-sophia", "topkapi-palace", 0.5, 0.15),
    ("hagia-sophia", "galata-tower", 2.0, 0.15),
    ("suleymaniye-mosque", "galata-tower", 1.35, 0.15),
    ("dolmabahce-palace", "galata-tower", 2.7, 0.2),
    ("maidens-tower", "topkapi-palace", 1.95, 0.2),
    ("beylerbeyi-palace", "bosphorus-bridge", 0.5, 0.2),
    ("bosphorus-bridge", "fatih-sultan-mehmet-bridge", 5.6, 0.3),
    ("big-ben", "westminster-abbey", 0.25, 0.1),
    ("big-ben", "st-pauls-cathedral", 2.3, 0.15),
    ("big-ben", "stonehenge", 124, 5),
    ("big-ben", "eiffel-tower", 341, 4),
    ("reichstag", "charlottenburg-palace", 5.5, 0.3),
    ("reichstag", "dresden-frauenkirche", 165, 4),
    ("stephansdom", "tyn-church", 252, 4),
    ("milan-cathedral", "leaning-tower-of-pisa", 216, 5),
    ("st-basils-cathedral", "church-of-the-savior-on-blood", 634, 5),
    ("hagia-sophia", "parthenon", 560, 6),
    ("hagia-sophia", "anitkabir", 350, 6),
    ("hagia-sophia", "grand-mosque-of-bursa", 92, 4),
    ("anitkabir", "cappadocia", 225, 6),
    ("pyramids-of-giza", "petra", 417, 8),
    ("statue-of-liberty", "independence-hall", 125, 4),
    ("casa-loma", "niagara-falls", 72, 4),
    ("golden-gate-bridge", "space-needle", 1_094, 8),
    ("golden-gate-bridge", "geisel-library", 725, 12),
    ("sydney-harbour-bridge", "sydney-opera-house", 0.65, 0.15),
    ("canton-tower", "oriental-pearl-tower", 1_213, 12),
    ("great-wall-of-china", "oriental-pearl-tower", 1_125, 15),
    ("tokyo-skytree", "n-seoul-tower", 1_161, 12),
    ("n-seoul-tower", "myeongdong-cathedral", 1.35, 0.15),
    ("n-seoul-tower", "lotte-world-tower", 11.0, 0.4),
    ("seoul-station", "seoul-city-hall", 1.5, 0.15),
    ("admiral-yi-sun-shin-statue", "king-sejong-statue", 0.2, 0.08),
    ("king-sejong-statue", "geunjeongjeon", 0.7, 0.12),
    ("seodaemun-prison", "geunjeongjeon", 1.9, 0.15),
    ("63-building", "seoul-station", 4.7, 0.3),
    ("lotte-world-tower", "seokchon-lake", 0.25, 0.15),
    ("lotte-world-tower", "olympic-park-seoul", 1.9, 0.3),
]

# The same for places that stand alone, from something beside them.
KNOWN_NEAR_KM = [
    ("anitkabir", "Museum of Anatolian Civilizations", 2.6, 0.3),
    ("canton-tower", "Four Seasons Hotel Guangzhou", 1.3, 0.2),
    ("cappadocia", "Kaymaklı Underground City", 21, 1.5),
    ("casa-loma", "Royal Ontario Museum", 1.65, 0.15),
    ("chichen-itza", "Sacred Cenote", 0.5, 0.1),
    ("christ-the-redeemer", "Lagoa Rodrigo de Freitas", 2.3, 0.3),
    ("church-of-the-savior-on-blood", "State Russian Museum", 0.25, 0.1),
    ("dresden-frauenkirche", "Semperoper", 0.5, 0.12),
    ("geisel-library", "Salk Institute", 1.05, 0.15),
    ("golden-gate-bridge", "Fort Point National Historic Site", 1.0, 0.2),
    ("grand-mosque-of-bursa", "Green Tomb", 1.1, 0.15),
    ("great-wall-of-china", "Juyong Pass", 9.0, 1.0),
    ("independence-hall", "Reading Terminal Market", 0.95, 0.15),
    ("ishak-pasha-palace", "Mount Ararat", 25, 1.0),
    ("leaning-tower-of-pisa", "Pisa Centrale railway station", 1.6, 0.15),
    ("machu-picchu", "Huayna Picchu", 0.75, 0.2),
    ("milan-cathedral", "Teatro alla Scala", 0.4, 0.1),
    ("mount-rushmore", "Crazy Horse Memorial", 14, 0.8),
    ("niagara-falls", "Rainbow Bridge", 1.5, 0.2),
    ("oriental-pearl-tower", "Shanghai Tower", 0.9, 0.15),
    ("pamukkale", "Laodicea on the Lycus", 10, 0.6),
    ("parthenon", "Hotel Grande Bretagne", 0.9, 0.15),
    ("petra", "Little Petra", 6, 0.5),
    ("pyramids-of-giza", "Great Sphinx of Giza", 0.55, 0.15),
    ("space-needle", "Pike Place Market", 1.3, 0.15),
    ("st-basils-cathedral", "Lenin's Mausoleum", 0.25, 0.1),
    ("st-louis-cathedral", "Hotel Monteleone", 0.65, 0.15),
    ("statue-of-liberty", "Ellis Island National Museum of Immigration", 1.2, 0.2),
    ("stephansdom", "Hofburg", 0.6, 0.15),
    ("stonehenge", "Salisbury Cathedral", 12.9, 0.5),
    ("taj-mahal", "Agra Fort", 2.2, 0.3),
    ("tokyo-skytree", "Sensō-ji", 1.4, 0.15),
    ("tyn-church", "Café Slavia", 1.0, 0.15),
    ("istanbul", "Grand Bazaar", 1.15, 0.2),
    ("london", "Covent Garden", 0.55, 0.15),
    ("moscow", "Bolshoi Theatre", 0.7, 0.15),
    ("new-york-city", "Empire State Building", 0.75, 0.15),
    ("paris", "Louvre Museum", 1.25, 0.15),
    ("rio-de-janeiro", "Museum of Tomorrow", 1.55, 0.2),
    ("rome", "Roma Termini railway station", 0.5, 0.15),
    ("seoul", "Gwangjang Market", 1.9, 0.2),
    ("sydney", "Queen Victoria Building", 0.4, 0.1),
    ("tokyo", "Tokyo Station", 1.3, 0.15),
]


def km(here: dict[str, Any], there: dict[str, Any]) -> float:
    """Return the distance of two things with coordinates in kilometres."""
    return distance_m(here["latitude"], here["longitude"], there["latitude"], there["longitude"]) / 1000


def in_country(thing: dict[str, Any], code: str) -> bool:
    """Say whether a thing lies in one of its country's boxes."""
    return any(
        south <= thing["latitude"] <= north and west <= thing["longitude"] <= east
        for south, west, north, east in COUNTRIES[code]["boxes"]
    )


def texts(value: object) -> Iterator[str]:
    """Yield every string in nested lists and objects."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from texts(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def has_script(text: str, script: str) -> bool:
    """Say whether any letter of ``text`` is of the script whose Unicode names begin so."""
    return any(unicodedata.name(letter, "").startswith(script) for letter in text)


@pytest.mark.shared
def test_every_folder_of_training_photos_is_a_place_of_the_landmarks() -> None:
    folders = {folder.name for folder in PHOTOS.iterdir() if folder.is_dir()}
    assert len(folders) == 59
    assert {place["slug"] for place in PLACES if "landmarks" in place["collections"]} == folders


def test_the_twelve_places_of_the_paper_are_the_seoul_collection() -> None:
    assert {place["slug"] for place in PLACES if "seoul" in place["collections"]} == PAPER_TWELVE


def test_the_tower_on_namsan_is_one_place_in_both_collections() -> None:
    both = [place["slug"] for place in PLACES if set(place["collections"]) == {"landmarks", "seoul"}]
    assert both == ["n-seoul-tower"]


def test_slugs_are_unique_and_safe_in_urls() -> None:
    assert len(BY_SLUG) == len(PLACES) == 80
    assert [slug for slug in BY_SLUG if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)] == []


@pytest.mark.parametrize("field", ["name", "name_ko", "query"])
def test_no_two_places_share_a_name_or_a_query(field: str) -> None:
    assert [value for value, count in Counter(place[field] for place in PLACES).items() if count > 1] == []


@pytest.mark.parametrize(
    ("slug", "city"),
    [
        ("pantheon", "Rome"),
        ("parthenon", "Athens"),
        ("blue-mosque", "Istanbul"),
        ("st-louis-cathedral", "New Orleans"),
        ("big-ben", "London"),
    ],
)
def test_a_name_that_several_cities_have_is_searched_for_with_its_city(slug: str, city: str) -> None:
    assert BY_SLUG[slug]["city"] == city
    assert city in BY_SLUG[slug]["query"]


@each_place
def test_a_place_has_every_field_and_nothing_else(place: dict[str, Any]) -> None:
    assert set(place) == FIELDS
    assert all(isinstance(place[field], str) and place[field] for field in TEXTS)
    assert set(place["collections"]) <= {"landmarks", "seoul", "cities"} and place["collections"]
    assert place["continent"] in CONTINENTS


@each_place
def test_texts_are_clean_and_composed(place: dict[str, Any]) -> None:
    for text in texts(place):
        assert text == text.strip() == unicodedata.normalize("NFC", text)
        assert not any(unicodedata.category(letter).startswith("C") for letter in text), repr(text)


@each_place
def test_korean_fields_are_korean(place: dict[str, Any]) -> None:
    assert has_script(place["name_ko"], "HANGUL")
    assert has_script(place["description_ko"], "HANGUL")


@each_place
def test_the_local_name_is_in_the_script_of_its_language(place: dict[str, Any]) -> None:
    assert LANGUAGE_TAG.fullmatch(place["local_language"])
    script = SCRIPTS.get(place["local_language"].split("-")[0], "LATIN")
    assert has_script(place["local_name"], script)


@each_place
def test_aliases_add_other_names(place: dict[str, Any]) -> None:
    names = [place["name"], place["name_ko"], place["local_name"], *place["aliases"]]
    assert place["aliases"]
    assert not set(names[:3]) & set(place["aliases"])


@each_place
def test_every_other_name_has_its_language(place: dict[str, Any]) -> None:
    for name, tag in place["aliases"].items():
        assert LANGUAGE_TAG.fullmatch(tag), name
        assert (
            has_script(name, "LATIN" if tag.endswith("-Latn") else SCRIPTS.get(tag.split("-")[0], "LATIN"))
            or tag == "ja"
        )


def test_ten_cities_are_a_collection() -> None:
    cities = [place for place in PLACES if place["collections"] == ["cities"]]
    assert len(cities) == 10 and all(place["city"] == place["name"] for place in cities)


@each_place
def test_descriptions_are_a_paragraph(place: dict[str, Any]) -> None:
    assert 80 <= len(place["description"]) <= 600
    assert 50 <= len(place["description_ko"]) <= 300
    assert place["description"].endswith(".") and place["description_ko"].endswith(".")


@each_place
def test_a_place_and_what_is_near_lie_in_its_country(place: dict[str, Any]) -> None:
    assert in_country(place, place["country"])
    assert [near["name"] for near in place["nearby"] if not in_country(near, place["country"])] == []


@each_place
def test_three_different_things_are_near(place: dict[str, Any]) -> None:
    nearby = place["nearby"]
    assert len(nearby) == 3
    assert all(set(near) == NEARBY_FIELDS and near["kind"] in KINDS for near in nearby)
    assert len({near["name"] for near in nearby} | {place["name"]}) == 4
    assert len({(near["latitude"], near["longitude"]) for near in nearby}) == 3


@each_place
def test_what_is_near_is_near(place: dict[str, Any]) -> None:
    reach_km = 30 if place["slug"] in OUTSIDE_TOWN else 3
    assert {near["name"]: km(place, near) for near in place["nearby"] if km(place, near) > reach_km} == {}


def test_things_near_are_none_of_our_own_places() -> None:
    own = {name for place in PLACES for name in (place["name"], place["local_name"], *place["aliases"])}
    assert {near["name"] for place in PLACES for near in place["nearby"]} & own == set()


def test_a_thing_near_several_places_has_one_position() -> None:
    positions: dict[str, set[tuple[float, float, str]]] = {}
    for near in (near for place in PLACES for near in place["nearby"]):
        positions.setdefault(near["name"], set()).add((near["latitude"], near["longitude"], near["kind"]))
    assert {name: found for name, found in positions.items() if len(found) > 1} == {}


def test_the_country_table_is_of_just_the_countries_used() -> None:
    assert set(COUNTRIES) == {place["country"] for place in PLACES}
    for code, country in COUNTRIES.items():
        assert re.fullmatch("[A-Z]{2}", code)
        assert country["name"] and has_script(country["name_ko"], "HANGUL")
        for south, west, north, east in country["boxes"]:
            assert -90 <= south < north <= 90 and -180 <= west < east <= 180


@pytest.mark.parametrize(("here", "there", "expected_km", "off_by_km"), KNOWN_KM)
def test_known_distances_come_out(here: str, there: str, expected_km: float, off_by_km: float) -> None:
    assert km(BY_SLUG[here], BY_SLUG[there]) == pytest.approx(expected_km, abs=off_by_km)


@pytest.mark.parametrize(("slug", "name", "expected_km", "off_by_km"), KNOWN_NEAR_KM)
def test_known_distances_to_things_near_come_out(slug: str, name: str, expected_km: float, off_by_km: float) -> None:
    [near] = [near for near in BY_SLUG[slug]["nearby"] if near["name"] == name]
    assert km(BY_SLUG[slug], near) == pytest.approx(expected_km, abs=off_by_km)


def test_every_place_is_held_by_a_known_distance() -> None:
    held = {slug for here, there, *_ in KNOWN_KM for slug in (here, there)} | {slug for slug, *_ in KNOWN_NEAR_KM}
    assert held == set(BY_SLUG)


def test_the_files_are_readable_utf8_and_small() -> None:
    for name in ("places.json", "countries.json"):
        raw = (STARTER / name).read_bytes()
        assert len(raw) < 300_000 and raw.endswith(b"}\n" if name == "countries.json" else b"]\n")
        assert b"\\u" not in raw
