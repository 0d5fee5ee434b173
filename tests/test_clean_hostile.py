"""Whatever a server sends, cleaning has an answer for it within a second and 200 MB."""

import csv
import random
import resource
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.clean import Dropped, Kept, Rules, clean, clean_packed, unpacked
from crawler.limited import LimitedPool
from tests.picture_site import DECODER
from tests.pictures import encode, good, scene
from tests.test_picture_survival import CODES, mutated

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "hostile"
OURS = {"too_small", "too_odd", "not_a_photo", "too_many_pixels", "too_complex"}
RULES = Rules(min_side=32)


def codes(data: bytes) -> str:
    verdict = clean(data, RULES, DECODER)
    assert isinstance(verdict, Kept | Dropped)
    return verdict.reason if isinstance(verdict, Dropped) else "kept"


@pytest.mark.shared
def test_every_hostile_file_gets_its_verdict_in_time() -> None:
    assert FOLDER.is_dir(), f"{FOLDER} is missing"
    expected = {row["file"]: row["error_code"] for row in csv.DictReader((FOLDER / "expected.csv").open())}
    slow, wrong = {}, {}
    with LimitedPool(partial(clean_packed, rules=RULES, decoder=DECODER), 1) as pool:
        pool(b"")  # starts the child
        for name, code in expected.items():
            began = time.monotonic()
            verdict = unpacked(pool((FOLDER / name).read_bytes()))
            if time.monotonic() - began > 3:
                slow[name] = time.monotonic() - began
            reason = verdict.reason if isinstance(verdict, Dropped) else ""
            # Files that a visitor may send can still be no photos, or too large to collect.
            if reason != code and not (code == "" and reason in OURS):
                wrong[name] = reason
    assert not wrong
    assert len(slow) <= 1, slow  # one for a machine that is busy otherwise


@pytest.mark.shared
def test_every_hostile_file_together_needs_little_memory() -> None:
    """All in one child that is not limited, so that the figure is the decoders' own."""
    script = (
        "import resource, sys; from pathlib import Path; from tests.test_clean_hostile import codes;"
        "codes(b''); before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "[codes(path.read_bytes()) for path in sorted(Path(sys.argv[1]).iterdir()) if path.is_file()];"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(FOLDER)], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 200


def test_a_webp_of_fifty_megapixels_is_refused_without_being_decoded() -> None:
    large = encode(scene(96, 72).resize((8000, 6000)), "WEBP", method=0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert codes(large) == "too_many_pixels"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


@pytest.mark.parametrize(
    ("kind", "size", "options"),
    [
        ("WEBP", (3000, 1990), {"method": 0}),
        ("PNG", (3000, 2990), {"compress_level": 1}),
        ("AVIF", (3000, 2990), {"speed": 10}),
        ("JPEG", (6000, 3990), {"progressive": True, "subsampling": 0}),
    ],
)
def test_the_largest_that_is_accepted_stays_within_the_bounds(
    kind: str, size: tuple[int, int], options: dict[str, object]
) -> None:
    large = encode(scene(96, 72).resize(size), kind, **options)
    with LimitedPool(partial(clean_packed, rules=Rules(photos_only=False), decoder=DECODER), 1) as pool:
        assert isinstance(unpacked(pool(large)), Kept)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(good())), st.integers(0, 2**32))
def test_a_file_changed_anywhere_has_a_defined_answer(name: str, seed: int) -> None:
    assert codes(mutated(good()[name], random.Random(seed))) in CODES | OURS | {"kept"}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(good())), st.binary(max_size=300), st.floats(0, 1))
def test_a_good_beginning_with_anything_behind_it_has_a_defined_answer(name: str, tail: bytes, at: float) -> None:
    data = good()[name]
    assert codes(data[: int(len(data) * at)] + tail) in CODES | OURS | {"kept"}
