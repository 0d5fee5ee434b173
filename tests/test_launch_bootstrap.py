"""What `make` does before anything is installed: from a checkout of its own, with the system's Python."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import IN_CI
from tests.site import ROOT

# The Python that .venv was made with, as a person's `make` finds one.
SYSTEM_PYTHON = str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what bootstrapping needs, and nothing to install."""
    root = tmp_path / "checkout"
    (root / "geosite" / "launch").mkdir(parents=True)
    shutil.copy(ROOT / "geosite" / "launch" / "bootstrap.py", root / "geosite" / "launch")
    shutil.copy(ROOT / "Makefile", root)
    for name in ("requirements-serve.txt", "requirements.txt", "requirements-test.txt"):
        (root / name).write_text("# nothing\n")
    return root


def make(root: Path, *words: str, answer: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in ("VAR_DIR", "VIRTUAL_ENV")}
    return subprocess.run(
        ["make", "--no-print-directory", *words, f"PYTHON={SYSTEM_PYTHON}"],
        cwd=root, env={**inherited, **environment}, input=answer, capture_output=True, text=True, check=False,
    )  # fmt: skip


def told(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a refused `make` says, less make's own last line."""
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(lines) == 1, done.stderr
    return lines[0]


def bootstrap(root: Path, call: str) -> str:
    """Call one function of bootstrapping; return what it printed."""
    return subprocess.run(
        [SYSTEM_PYTHON, "-c", f"import bootstrap; {call}"],
        cwd=root / "geosite" / "launch", capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def test_a_python_without_venv_is_told_what_to_install(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['ensurepip'] = None\n")
    sentence = told(make(checkout, "run", PYTHONPATH=str(tmp_path)))
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert f"Python {version} lacks its venv module" in sentence
    assert f"apt install python{version}-venv" in sentence
    assert not (checkout / ".venv").exists()


def test_a_second_installation_beside_the_first_is_refused(checkout: Path) -> None:
    with open(checkout / ".install.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "Another `make` is installing in this folder" in told(make(checkout, "run"))


def test_a_full_disk_is_told_before_anything_is_installed(checkout: Path, tmp_path: Path) -> None:
    """On a real file system of 8 MB, which Linux gives to anyone in a namespace of their own."""
    (tmp_path / "small").mkdir()
    make_there = f"make -C small run PYTHON={SYSTEM_PYTHON}"
    script = f"mount -t tmpfs -o size=8m none small && cp -r checkout/. small && {make_there}"
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    if not IN_CI and subprocess.run([*command[:4], "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine forbids user namespaces")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert re.fullmatch(r"The disk has \d MB left and installing needs \d+ MB. Free some and try again.", told(done))


def test_an_environment_that_was_half_made_is_made_anew(checkout: Path) -> None:
    half = checkout / ".venv" / "bin" / "python"
    half.parent.mkdir(parents=True)
    half.symlink_to(SYSTEM_PYTHON)
    assert "Making a virtual environment" in bootstrap(checkout, "bootstrap.make_venv()")
    assert (checkout / ".venv" / "bin" / "pip").exists()
    assert bootstrap(checkout, "bootstrap.make_venv()") == ""


def test_a_pin_that_cannot_be_installed_is_told_and_tried_again(checkout: Path) -> None:
    (checkout / "requirements-serve.txt").write_text("a-package-that-is-nowhere==1.0\n")
    done = make(checkout, "run", PIP_NO_INDEX="1")
    assert done.returncode != 0
    assert "The packages could not be installed." in done.stderr
    assert "Traceback" not in done.stderr
    (checkout / "requirements-serve.txt").write_text("# nothing\n")
    assert "Making" not in bootstrap(checkout, "bootstrap.install_packages('requirements-serve.txt')")
    assert (checkout / ".venv" / ".installed-requirements-serve.txt").exists()


def test_clean_deletes_data_and_packages_after_a_yes_alone(checkout: Path) -> None:
    for name in (".venv", "node_modules", "var"):
        (checkout / name).mkdir()
    (checkout / "var" / "lock").touch()
    for answer in ("", "no\n"):
        assert "Nothing was deleted." in make(checkout, "clean", answer=answer).stdout
        assert (checkout / "var").exists()
    done = make(checkout, "clean", answer="yes\n")
    assert all(str(checkout / name) in done.stdout for name in (".venv", "node_modules", "var"))
    assert sorted(path.name for path in checkout.iterdir() if path.is_dir()) == ["geosite"]


def test_clean_leaves_a_data_folder_alone_that_is_not_the_sites(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").touch()
    done = make(checkout, "clean", answer="yes\n", VAR_DIR=str(tmp_path / "mine"))
    assert "does not look like the site's data" in told(done)
    assert (tmp_path / "mine" / "photo.jpg").exists()
