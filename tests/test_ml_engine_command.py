"""``manage.py engine`` says what computes the answers, and how fast."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError

from ml.engine.choice import Timed, cost

OBJECTS = Path(__file__).parent.parent / "ml" / "starter" / "objects"


@pytest.fixture(autouse=True)
def own_cache(settings: Any, tmp_path: Path) -> None:
    settings.ENGINE_CACHE_DIR, settings.ENGINE_THREADS, settings.ENGINE = tmp_path / "engine", 1, "auto"


def said(*arguments: str | Path) -> str:
    out = io.StringIO()
    call_command("engine", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_the_table_lists_every_engine_and_marks_the_one_that_serves(settings: Any) -> None:
    first = json.loads(said(OBJECTS, "--json"))[0]
    lines = said(OBJECTS).splitlines()
    assert lines[0].startswith("objects 20")
    assert lines[0].endswith("ENGINE=auto")
    marked = [line.split()[1] for line in lines if line.startswith("*")]
    cheapest = min((Timed(**engine) for engine in first["engines"]), key=cost).name
    assert marked == [first["chosen"]] == [cheapest]
    assert {line[2:].split()[0] for line in lines[2:]} == {"openvino-f32", "ncnn-f32"}
    settings.ENGINE = "ncnn"
    assert json.loads(said(OBJECTS, "--json"))[0]["chosen"] == "ncnn-f32"


def test_again_times_anew(tmp_path: Path) -> None:
    said(OBJECTS)
    (memory,) = (tmp_path / "engine").glob("choice-*.json")
    kept = {**json.loads(memory.read_text()), "engines": [{"name": "ncnn-f32", "milliseconds": 0.001}]}
    memory.write_text(json.dumps(kept))
    assert "0.0 " in said(OBJECTS)
    assert "0.0 " not in said(OBJECTS, "--again")


def test_a_folder_that_is_no_bundle_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no bundle"):
        said(tmp_path)


@pytest.mark.django_db
def test_a_site_without_a_model_is_told_what_to_do() -> None:
    with pytest.raises(CommandError, match="load_starter"):
        said()


def test_a_wrong_setting_is_found_at_start(settings: Any) -> None:
    settings.ENGINE = "fastest"
    with pytest.raises(SystemCheckError, match="ENGINE is 'fastest'; it has to be one of auto"):
        call_command("check")
