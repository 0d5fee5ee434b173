"""The processes of the site under supervisor, which restarts what dies."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from xmlrpc.client import ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from geosite.launch import left_behind, programs
from geosite.launch.addresses import socket_folder
from geosite.launch.config import Config, LaunchError

SITE = "site"  # the group of everything but the servers, which is stopped all at once
ANSWERS_WITHIN_S = 30.0
# A large photo's pixels are many megabytes: given back to the system after each and taken anew for the next (the C
# library's habit), their pages cost a quarter of the time of decoding it.
KEEPS_MEMORY = 'MALLOC_TRIM_THRESHOLD_="67108864",MALLOC_MMAP_THRESHOLD_="33554432"'


@dataclass(frozen=True)
class Program:
    """One process, its command, and how it is ended."""

    name: str
    command: list[str]
    server: bool = False
    stop_signal: str = "TERM"
    environment: str = ""


def wanted(config: Config) -> list[Program]:
    """Return the processes that make up the site."""
    celery = [sys.executable, "-m", "celery", "-A", "geosite"]
    worker = [*celery, "worker", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    search = [*worker, "-Q", "search,embed", "-n", "search@%h", "--concurrency", str(config.search_processes)]
    io = [*worker, "-Q", "io", "-n", "io@%h", "--pool", "threads", "--concurrency", "16"]
    web = [sys.executable, "-m", "gunicorn", "geosite.wsgi:application", "-c", "python:geosite.launch.gunicorn_conf"]
    site = [
        Program("search", search, environment=KEEPS_MEMORY),
        Program("web", web),
        Program("io", io),
        Program("beat", [*celery, "beat", "--loglevel", "WARNING", "--pidfile="]),
    ]
    if config.embedded_broker:
        site.append(Program("valkey", programs.valkey(config.var_dir), server=True))
    if config.embedded_database:
        site.append(Program("postgres", programs.postgres(config.var_dir), server=True, stop_signal="INT"))
    return site


def escaped(text: str) -> str:
    """Return ``text`` as supervisor's configuration wants it, which expands per cents."""
    return text.replace("%", "%%")


def section(program: Program, config: Config) -> str:
    """Return supervisor's section of one program."""
    lines = {
        "command": escaped(shlex.join(program.command)),
        "directory": escaped(str(config.root)),
        "autostart": str(program.server).lower(),
        "autorestart": "true",
        "startsecs": 1,
        # Tried ever more slowly, but never given up: a database that was away for an hour comes back.
        "startretries": 1_000_000,
        "stopsignal": program.stop_signal,
        "environment": program.environment,
        "stopwaitsecs": 10,
        # Each ends its own children, after the work in hand; a signal to all would read as a crash.
        "stopasgroup": "false",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": f"log/{program.name}.log",
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": 5,
    }
    return "\n".join([f"[program:{program.name}]", *(f"{name}={value}" for name, value in lines.items())])


def write_configuration(config: Config) -> Path:
    """Write supervisor's configuration under VAR_DIR and return where."""
    sockets = socket_folder(config.var_dir)
    # Relative to VAR_DIR, where supervisor runs: it expands some paths once and some twice.
    socket = "run/supervisor.sock" if sockets.parent == config.var_dir else sockets / "supervisor.sock"
    head = f"""[supervisord]
nodaemon=true
logfile=log/supervisor.log
logfile_maxbytes=10MB
logfile_backups=5
pidfile=supervisord.pid
childlogdir=log

[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
    if os.getuid() == 0:
        head = head.replace("[supervisord]", "[supervisord]\nuser=root")
    found = wanted(config)
    # Groups stop in the reverse order of priority: the site before its servers.
    groups = [
        f"[group:{SITE}]\npriority=20\nprograms={','.join(each.name for each in found if not each.server)}",
        *(f"[group:{each.name}]\npriority=10\nprograms={each.name}" for each in found if each.server),
    ]
    path = config.var_dir / "supervisor.conf"
    path.write_text("\n\n".join([head, *(section(program, config) for program in found), *groups]) + "\n")
    return path


def start(config: Config) -> subprocess.Popen[bytes]:
    """Start supervisor, which starts the servers. It is no child of the terminal, so Ctrl-C reaches only us."""
    path = write_configuration(config)
    environment = left_behind.marked_environment(config.var_dir)
    environment |= {"PYTHONUNBUFFERED": "1", "OPENBLAS_NUM_THREADS": "1"}
    if config.search_processes > 1:
        environment.setdefault("ENGINE_THREADS", str(config.engine_threads))
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-c", str(path)],
        cwd=config.var_dir, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def start_site(config: Config) -> None:
    """Start web, workers and beat, once the servers are ready. Waits for supervisor's socket."""
    transport = SupervisorTransport(None, None, f"unix://{socket_folder(config.var_dir) / 'supervisor.sock'}")
    proxy = ServerProxy("http://127.0.0.1", transport=transport)
    deadline = time.monotonic() + ANSWERS_WITHIN_S
    while True:
        try:
            proxy.supervisor.startProcessGroup(SITE, False)
            return
        except (OSError, HTTPException) as error:
            if time.monotonic() > deadline:
                log = config.var_dir / "log" / "supervisor.log"
                raise LaunchError(f"The supervisor does not answer. Its log is {log}.") from error
            time.sleep(0.05)
