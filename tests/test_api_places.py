"""Places over the API."""

from tests.site import Site


def test_every_place_is_listed_and_said_to_be_recognised_or_not(site: Site) -> None:
    listed = site.get("/api/v1/places/").json()
    places = {place["slug"]: place for place in listed["results"]}
    assert listed["count"] == len(places) >= 70
    assert places["eiffel-tower"]["recognised"]
    assert not places["63-building"]["recognised"]


def test_places_are_found_by_part_of_any_name(site: Site) -> None:
    for query, slug in (("eiffel", "eiffel-tower"), ("에펠", "eiffel-tower"), ("Tour Eif", "eiffel-tower")):
        assert [place["slug"] for place in site.get("/api/v1/places/", params={"q": query}).json()["results"]] == [slug]


def test_a_query_that_is_too_long_is_refused(site: Site) -> None:
    answer = site.get("/api/v1/places/", params={"q": "x" * 201})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_query")


def test_whatever_a_client_accepts_it_gets_json(site: Site) -> None:
    for accepted in ("text/html", "image/png", "application/json", "*/*"):
        answer = site.get("/api/v1/places/big-ben/", headers={"Accept": accepted})
        assert (answer.status_code, answer.json()["name"]) == (200, "Big Ben")


def test_a_place_has_its_curated_neighbours_and_our_own(site: Site) -> None:
    place = site.get("/api/v1/places/hagia-sophia/").json()
    assert sum(near["source"] == "curated" for near in place["nearby"]) == 3
    assert "topkapi-palace" in [near["slug"] for near in place["nearby"]]
