"""`make run`, once everything is installed: sentences for what is in the way, and coming back from anything."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from geosite.launch import left_behind
from tests.drawn import jpeg
from tests.site import ROOT, Site, free_port, start_site, until


def launch(verb: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a verb of the launcher to its end."""
    return subprocess.run(
        [sys.executable, "-m", "geosite.launch", verb],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def refusal(**environment: str) -> str:
    """Return the one sentence with which `run` refuses."""
    done = launch("run", **environment)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "var"


@contextmanager
def launched(var_dir: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start the site and wait for its answer; end it, however it stands, afterwards."""
    log = var_dir.parent / "output.txt"
    environment = {**os.environ, "VAR_DIR": str(var_dir), "PORT": str(port)}
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "geosite.launch", "run"],
            cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        until(lambda: "Ctrl-C stops it" in log.read_text() or process.poll() is not None, 120, "the site's start")
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        process.kill()
        process.wait()
        left_behind.end(var_dir)


def test_a_second_run_beside_the_first_names_its_address(site: Site) -> None:
    sentence = refusal(VAR_DIR=str(site.var_dir), PORT=str(free_port()))
    assert f"running already at {site.url}" in sentence
    assert "make stop" in sentence
    assert site.get("/healthz").status_code == 200


def test_a_taken_port_is_named_with_the_way_out(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        sentence = refusal(VAR_DIR=str(folder), PORT=str(port))
    assert sentence == f"Port {port} is taken by another program. Choose another: PORT={port % 65535 + 1} make run"


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("PORT", "eighty", "PORT is 'eighty'. Give a number from 1 to 65535."),
        ("PORT", "0", "PORT is '0'. Give a number from 1 to 65535."),
        ("HOST", "203.0.113.7", "HOST is '203.0.113.7', which this machine cannot listen on. Try 127.0.0.1."),
        ("SITE_URL", "places", "A setting cannot be used: SITE_URL is 'places'."),
        ("REDIS_URL", "redis://127.0.0.1:1/0", "The broker cannot be used"),
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none", "The database cannot be used"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(folder: Path, setting: str, value: str, told: str) -> None:
    environment = {"VAR_DIR": str(folder), "PORT": str(free_port()), setting: value}
    assert told in refusal(**environment)
    assert left_behind.processes(folder) == []


def test_stop_without_a_site_says_so(folder: Path) -> None:
    done = launch("stop", VAR_DIR=str(folder))
    assert (done.returncode, done.stdout) == (0, "The site is not running.\n")


def test_a_train_worker_without_a_site_says_so(folder: Path) -> None:
    done = launch("train-worker", VAR_DIR=str(folder))
    assert done.returncode == 1
    assert "The site is not running" in done.stderr


def test_a_new_admin_password_can_be_had_while_the_site_runs(site: Site) -> None:
    passwords = [launch("admin", VAR_DIR=str(site.var_dir)).stdout for _ in range(2)]
    assert all(text.startswith("Admin: name admin, password ") for text in passwords)
    assert passwords[0] != passwords[1]


def test_ctrl_c_stops_every_process_and_nothing_else(tmp_path: Path) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with launched(tmp_path / "a 100% var", free_port()) as process:
            assert len(left_behind.processes(tmp_path / "a 100% var")) >= 8
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0
            assert time.monotonic() - began < 20
            assert left_behind.processes(tmp_path / "a 100% var") == []
        assert bystander.poll() is None
    finally:
        bystander.communicate()
    assert "Traceback" not in (tmp_path / "output.txt").read_text()


def test_data_survives_kill_9_of_everything_and_of_the_launcher_alone(tmp_path: Path) -> None:
    folder = tmp_path / "too-long-for-the-path-of-a-unix-socket-below-it"
    folder.mkdir()
    with start_site(folder) as site:
        search = site.ended(site.post(jpeg(77)).json())
        port = int(site.url.rpartition(":")[2])
        everything = [site.process.pid, *(each.pid for each in left_behind.processes(site.var_dir))]
        for pid in everything:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # a child that ended with its parent
        site.process.wait()

        with launched(site.var_dir, port) as process:
            assert site.get(search["url"]).json()["answer"] == search["answer"]
            process.kill()
            process.wait()
            assert left_behind.processes(site.var_dir)

            # The site goes on without its launcher; the supervisor is what is killed next.
            with launched(site.var_dir, port) as again:
                assert site.get(search["url"]).status_code == 200
                supervisor = next(
                    each for each in left_behind.processes(site.var_dir) if "supervisor" in " ".join(each.cmdline())
                )
                supervisor.send_signal(signal.SIGKILL)
                assert again.wait(timeout=40) == 1
                assert left_behind.processes(site.var_dir) == []
                log = (site.var_dir.parent / "output.txt").read_text()
                assert "The supervisor was ended, so the site is down." in log
    assert not psutil.pid_exists(supervisor.pid)
