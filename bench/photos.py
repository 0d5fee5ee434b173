"""Photos to measure on: those of ../shared, or drawn ones where there are none."""

import random
from pathlib import Path

from PIL import Image

from bench.peers import CACHE
from tests.drawn import jpeg

ROOT = Path(__file__).parent.parent
LANDMARKS = ROOT.parent / "shared" / "data" / "landmarks"


def photos(count: int, side: int = 0) -> list[Path]:
    """Return files of photos, drawn ones where there are none."""
    found = [path for path in sorted(LANDMARKS.rglob("*.jpg")) if side == 0 or min(Image.open(path).size) >= side]
    random.Random(12).shuffle(found)
    if len(found) >= count:
        return found[:count]
    folder = CACHE / "drawn"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        if not (folder / f"{number}.jpg").is_file():
            (folder / f"{number}.jpg").write_bytes(jpeg(number))
    return [folder / f"{number}.jpg" for number in range(count)]
