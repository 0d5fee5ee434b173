"""``make bench``: measures all parts, or those that are named, and writes docs/benchmarks.md and a page for each.

python -m bench [PART...] [--quick]
"""

import argparse
import importlib
import sys
import traceback
from pathlib import Path

from bench import summary

DOCS = Path(__file__).parent.parent / "docs"
PARTS = (
    "race",
    "site",
    "gallery",
    "growth",
    "curators",
    "page",
    "collecting",
    "training",
    "models",
    "newplaces",
    "loop",
    "digits",
    "objects",
)


def main() -> int:
    """Measure and write; a part that fails is said and does not keep the others from being measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, and write docs/benchmarks.md.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see whether it runs; writes to var/bench")
    options = parser.parse_args()
    if strange := set(options.parts) - set(PARTS):
        parser.error(f"There is no part {min(strange)}; there are {', '.join(PARTS)}.")
    docs = DOCS.parent / "var" / "bench" / "quick" if options.quick else DOCS
    failed = [part for part in options.parts or PARTS if not measured(part, docs, options.quick)]
    print((docs / "benchmarks.md").read_text() if (docs / "benchmarks.md").is_file() else "Nothing was measured.")
    return 1 if failed else 0


def measured(part: str, docs: Path, quick: bool) -> bool:
    """Measure one part and write its figures; return whether that went well."""
    print(f"Measuring: {part}", file=sys.stderr)
    out = docs / "benchmarks"
    out.mkdir(parents=True, exist_ok=True)
    try:
        rows = importlib.import_module(f"bench.{part}").measure(out, quick)
    except Exception:  # noqa: BLE001  said, with where it happened
        traceback.print_exc()
        return False
    summary.update(docs / "benchmarks.md", part, rows, quick)
    return True


if __name__ == "__main__":
    sys.exit(main())
