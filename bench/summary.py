"""The short table of docs/benchmarks.md: a part's section is replaced when it is measured, the others stay."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HEAD = """# Benchmarks

Made by `make bench`, all parts, or `python -m bench PART...`. Peers are interleaved with ours in one run; figures are
medians unless they say otherwise. Behind every title is the page with the whole tables and plots.
"""
COLUMNS = ("measure", "figure", "goal", "met")
LIBRARIES = ("openvino", "ncnn", "numpy", "pillow", "django", "celery", "psycopg", "pgvector", "torch")


def row(measure: str, figure: str, goal: str = "", met: bool | None = None) -> str:
    """Return one line of the table; ``met`` None where there is no goal."""
    return line(measure, figure, goal, {None: "", True: "yes", False: "**no**"}[met])


def line(*cells: str) -> str:
    """Return one line of any Markdown table."""
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def table(columns: Sequence[str], rows: Sequence[str]) -> list[str]:
    """Return the lines of a Markdown table."""
    return [line(*columns), "|---" * len(columns) + "|", *rows]


def machine() -> str:
    """Return processor, cores, memory and Python."""
    return f"{processor()}, {os.cpu_count()} cores, {memory_gb():.0f} GB, Python {platform.python_version()}"


def processor() -> str:
    """Return the CPU's name and those of its abilities that matter here."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    said = dict(line.partition(":")[::2] for line in lines)
    known = {name.strip(): value.strip() for name, value in said.items()}
    flags = set(known.get("flags", known.get("Features", "")).split())
    kinds = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "bf16", "avx512_vnni": "VNNI", "amx_tile": "AMX"}
    able = [name for flag, name in kinds.items() if flag in flags]
    return f"{known.get('model name', platform.machine())} ({', '.join(able)})"


def memory_gb() -> float:
    """Return the machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def versions() -> str:
    """Return what computes here, with versions."""
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def made(quick: bool = False) -> str:
    """Return the line that says when and where something was measured."""
    small = "**A quick run with tiny sizes: the figures mean little.** " if quick else ""
    return f"{small}{datetime.now(tz=UTC):%Y-%m-%d %H:%M} UTC; {machine()}; {versions()}."


def page(path: Path, title: str, lines: Sequence[str], quick: bool = False) -> None:
    """Write the page of one part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([f"# {title}", "", made(quick), "", *lines]) + "\n")


def update(path: Path, part: str, rows: Sequence[str], quick: bool = False) -> None:
    """Write the section of ``part`` in the file ``path``; the sections of other parts stay as they are."""
    sections = _sections(path)
    heading = f"[{part}](benchmarks/{part}.md)"
    sections[heading] = "\n".join([made(quick), "", *table(COLUMNS, rows)])
    path.parent.mkdir(parents=True, exist_ok=True)
    text = [HEAD, *(f"## {name}\n\n{body}\n" for name, body in sections.items())]
    path.write_text("\n".join(text))


def _sections(path: Path) -> dict[str, str]:
    """Return the sections that ``path`` has, by heading."""
    if not path.is_file():
        return {}
    _, *found = re.split(r"^## ", path.read_text(), flags=re.MULTILINE)
    return {name: body.strip() for name, _, body in (each.partition("\n") for each in found)}
