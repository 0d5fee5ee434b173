"""Numbers and addresses as people read them."""

import pytest

from places.templatetags import shown


@pytest.mark.parametrize(
    ("probability", "text"), [(0.0, "<1 %"), (0.009, "<1 %"), (0.02, "2 %"), (0.987, "99 %"), (0.9999, ">99 %")]
)
def test_a_percentage_never_claims_to_be_sure(probability: float, text: str) -> None:
    assert shown.percent(probability) == text
    assert 1 <= shown.in_hundred(probability) <= 99


@pytest.mark.parametrize(
    ("metres", "text"),
    [(3, "10 m"), (544, "540 m"), (994, "990 m"), (996, "1.0 km"), (4120, "4.1 km"), (48_900, "49 km")],
)
def test_distances_are_metres_below_a_kilometre(metres: float, text: str) -> None:
    assert shown.distance(metres) == text


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Eiffel Tower", "ET"),
        ("63 Building", "B"),
        ("Notre-Dame de Paris", "ND"),
        ("東京", "東"),
        ("63", "6"),
        ("", ""),
    ],
)
def test_initials_stand_for_a_name(name: str, letters: str) -> None:
    assert shown.initials(name) == letters


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://www.example.org/a", "example.org"), ("not an address", ""), ("http://[bad", ""), ("", "")],
)
def test_a_source_is_named_by_its_host(url: str, host: str) -> None:
    assert shown.host(url) == host
