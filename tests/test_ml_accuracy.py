"""The starter model is as good as it is said to be, by the command that says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.shared
def test_a_sample_of_the_photos_it_was_not_trained_on_comes_back_right(val: Path) -> None:
    command = [sys.executable, "-m", "ml.evaluate", "--photos", str(val.parent), "--json", "--every", "16"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(said.stdout)
    assert found["val"]["photos"] > 100
    assert found["val"]["top_1"] >= 0.85
    assert found["val"]["top_5"] >= 0.95
    assert found["report"]["answers"]["large_known_answered_place"] > 0.8
    assert found["report"]["auroc_large"]["against_not_a_place"] > 0.95
