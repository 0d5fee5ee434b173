"""The starter model is as good as it is said to be, by the command that says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.shared
def test_a_sample_of_the_photos_it_was_not_trained_on_comes_back_right(val: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ml.evaluate", "--photos", str(val.parent), "--json", "--every", "20"]
    said = subprocess.run([*command, "--out", tmp_path], cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(said.stdout)
    assert found["val"]["photos"] > 80
    assert found["val"]["top_1"] >= 0.85
    assert found["val"]["top_5"] >= 0.95
    assert found["report"]["answers"]["large_known_answered_place"] > 0.8
    assert found["report"]["auroc_large"]["against_not_a_place"] > 0.95
    written = json.loads((tmp_path / "report.json").read_text())
    assert len(written["goals"]) == 11
    assert 0 < written["mislabelled"]["planted"]["recall"] <= 1
    assert min(written["robustness"]["all"].values()) > 0.6
    assert "data:image/jpeg" in (tmp_path / "report.html").read_text()
