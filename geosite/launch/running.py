"""Bringing the site up in front of the operator, and down again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import NoReturn
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from geosite.launch import left_behind, preparing, servers, supervision
from geosite.launch.addresses import outgoing_address
from geosite.launch.config import Config, LaunchError
from geosite.launch.locking import check_port, check_space, holder, lock

ANSWERS_WITHIN_S = 180.0
STOPS_WITHIN_S = 25.0


class Stopped(Exception):
    """The operator wants the site to stop."""


def say(text: str, since: float | None = None) -> None:
    """Print a line of progress, with the seconds passed."""
    print(f"{text} ({time.monotonic() - since:.1f} s)" if since is not None else text, flush=True)


def run(config: Config) -> None:
    """Start everything, print the address once the site answers, and stop everything on Ctrl-C."""
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup's wish is kept
        signal.signal(signal.SIGHUP, _stop)
    try:
        with lock(config):
            _run_locked(config)
    except Stopped:
        say("Stopped.")


def _stop(*_: object) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # once is enough; stopping goes on
    raise Stopped


def _run_locked(config: Config) -> None:
    began = time.monotonic()
    servers.make_folders(config.var_dir)
    if count := left_behind.end(config.var_dir):
        say(f"Ended {count} processes that an earlier run had left behind")
    check_space(config)
    check_port(config)
    try:
        _keep_up(config, began)
    except Stopped:
        say("\nStopping ...")
        raise
    finally:
        left_behind.end(config.var_dir)


def _keep_up(config: Config, began: float) -> None:
    """Bring the site up and keep watch. Raises LaunchError when it does not come up or does not stay up."""
    if config.embedded_database:
        servers.prepare_postgres(config.var_dir)
    if config.embedded_broker:
        servers.prepare_valkey(config.var_dir)
    supervisor = supervision.start(config)
    preparing.set_up(config)  # while the servers start
    _await_servers(config, supervisor)
    say("Database and broker are up", began)
    admin = preparing.prepare(config)
    say("Places and models are loaded", began)
    if admin:
        say(admin)
    supervision.start_site(config)
    _await_answer(config, supervisor)
    say(f"\nThe site answers at {config.url}", began)
    if config.host in ("0.0.0.0", "::"):
        say(f"and in this network at {' or '.join(_lan_urls(config))}")
    say("Ctrl-C stops it.")
    while supervisor.poll() is None:
        time.sleep(0.5)
    log = config.var_dir / "log" / "supervisor.log"
    raise LaunchError(f"The supervisor was ended, so the site is down. Its log is {log}. Start again with `make run`.")


def _await_servers(config: Config, supervisor: subprocess.Popen[bytes]) -> None:
    if config.embedded_database:
        servers.wait_ready(servers.postgres_ready, config.var_dir, "PostgreSQL", supervisor)
    if config.embedded_broker:
        servers.wait_ready(servers.valkey_ready, config.var_dir, "Valkey", supervisor)


def _await_answer(config: Config, supervisor: subprocess.Popen[bytes]) -> None:
    """Wait until web, database, broker and a search worker answer. Raises LaunchError with what does not."""
    deadline, told = time.monotonic() + ANSWERS_WITHIN_S, "The site does not answer."
    opener = build_opener(ProxyHandler({}))
    # A name that is allowed whatever SITE_URL says.
    request = Request(f"{config.url}/healthz", headers={"Host": "localhost"})  # noqa: S310
    while supervisor.poll() is None and time.monotonic() < deadline:
        try:
            with opener.open(request, timeout=10):
                return
        except HTTPError as error:
            told = _message(error)
        except OSError:
            pass  # the web server is not up yet
        time.sleep(0.1)
    raise LaunchError(f"{told} The logs are in {config.var_dir}/log.")


def _message(error: HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"The site answers {error.code}."


def _lan_urls(config: Config) -> list[str]:
    """Return addresses that others in this network can open."""
    hosts = filter(None, [outgoing_address(), socket.gethostname()])
    return [f"http://{host}:{config.port}" for host in hosts]


def stop(config: Config) -> None:
    """Stop the run that another terminal started, or what a killed one left behind."""
    pid = holder(config)
    if pid is None:
        count = left_behind.end(config.var_dir)
        say(f"Ended {count} processes that a killed run had left behind." if count else "The site is not running.")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 2 * STOPS_WITHIN_S
    while holder(config) == pid:
        if time.monotonic() > deadline:
            raise LaunchError(f"Process {pid} did not stop. Look at its terminal, or end it with kill -9 {pid}.")
        time.sleep(0.1)
    say("Stopped.")


def new_admin_password(config: Config) -> None:
    """Print a new admin password, starting the database for as long as that takes when it is not running."""
    if holder(config) is not None or not config.embedded_database:
        _manage("ensure_admin", "--reset")
        return
    with lock(config):
        check_space(config)
        started = servers.start(config.var_dir)
        try:
            _manage("migrate", "--verbosity=0")
            _manage("ensure_admin", "--reset")
        finally:
            started.stop()


def _manage(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "manage.py", *arguments], check=False)
    if done.returncode != 0:
        raise LaunchError(f"`manage.py {arguments[0]}` failed; see above.")


def train_worker(config: Config) -> None:
    """Become the worker of the `train` queue, beside a running site."""
    if holder(config) is None and config.embedded_broker:
        raise LaunchError("The site is not running, so there is nothing to train for. Start it first with `make run`.")
    command = [sys.executable, "-m", "celery", "-A", "geosite", "worker", "-Q", "train", "-n", "train@%h"]
    # A thread, so that it answers pings meanwhile and hears that it is to stop; the training is a process of its own.
    one = ["--pool", "threads", "--concurrency", "1", "--loglevel", "INFO", "--without-gossip"]
    os.execv(sys.executable, [*command, *one])
