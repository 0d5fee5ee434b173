"""`make pins`: whether every pin has a wheel for each Python and machine that the README names."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = {
    "Linux x86-64": [f"manylinux_2_{minor}_x86_64" for minor in (28, 27, 26, 24, 17)] + ["manylinux2014_x86_64"],
    "Linux arm64": [f"manylinux_2_{minor}_aarch64" for minor in (35, 34, 31, 28, 27, 26, 24, 17)]
    + ["manylinux2014_aarch64"],
    "macOS arm64": [f"macosx_{major}_0_arm64" for major in (14, 13, 12, 11)],
}


def dry_run(python: str, platforms: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Let pip say what it would install there."""
    with tempfile.TemporaryDirectory() as target:
        command = [
            sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--ignore-installed", "--report", "-",
            "--only-binary=:all:", "--target", target, "--python-version", python, *arguments,
        ]  # fmt: skip
        command += [part for platform in platforms for part in ("--platform", platform)]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def complaint(python: str, platforms: list[str]) -> str:
    """Return what is wrong there, or nothing: a pin without a wheel, or something that serving needs without a pin."""
    serving = dry_run(python, platforms, "-r", "requirements-serve.txt")
    # What training and tests need in turn is theirs to choose: torch's own needs are gigabytes.
    others = dry_run(python, platforms, "--no-deps", "-r", "requirements-test.txt")
    for done in (serving, others):
        if done.returncode:
            return done.stderr.strip().splitlines()[-1]
    found = {plain(each["metadata"]["name"]) for each in json.loads(serving.stdout)["install"]}
    text = Path("requirements-serve.txt").read_text()
    pinned = {plain(name) for name in re.findall(r"^([\w.-]+)", text, re.MULTILINE)}
    return f"not pinned: {', '.join(sorted(found - pinned))}" if found - pinned else ""


def plain(name: str) -> str:
    """Return a package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    failures = 0
    for python in PYTHONS:
        for machine, platforms in MACHINES.items():
            wrong = complaint(python, platforms)
            print(
                f"Python {python}, {machine}: {wrong or 'every pin resolves; serving needs nothing else'}", flush=True
            )
            failures += bool(wrong)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
