"""Near-copies beside imagededup, their search among many, and the rule that tells drawings from photos."""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from bench import peers, summary
from bench.photos import LANDMARKS, photos
from crawler.drawings import looks_drawn
from crawler.near import NearIndex, sketch
from ml import picture
from tests.copies import CHANGES
from tests.drawings import KINDS, drawing

ORIGINALS = 1000  # that copies are planted of
MANY = 100_000
DRAWN = 200  # drawings of a kind
PLACES = ("train", "val", "unknown", "newplaces")
OTHERS = ("notplace/animals", "notplace/objects", "notplace/documents")


def copies(count: int) -> dict[str, dict[str, list[str]]]:
    """Return near-copies found by each, among originals and one copy of each for every change."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as answers:
        plant(Path(folder), photos(count, side=200))
        found = {"ours": our_copies(Path(folder))}
        for method in ("PHash", "DHash"):
            answer = Path(answers) / f"{method}.json"
            command = peers.command("imagededup", peers.IMAGEDEDUP, folder, method, str(answer))
            if command is not None:
                subprocess.run(command, check=True, env=peers.environment(), stdout=sys.stderr)
                found[f"imagededup {method}"] = json.loads(answer.read_text())
    return found


def copies_table(found: dict[str, dict[str, list[str]]], count: int) -> list[str]:
    """Return recall by change, and precision."""
    rows = [
        summary.line(change, *(f"{recall(pairs, kind, count):.1%}" for pairs in found.values()))
        for kind, change in enumerate(CHANGES)
    ]
    rows.append(summary.line("**precision of all pairs**", *(f"**{precision(p):.1%}**" for p in found.values())))
    return summary.table(("recall of planted copies", *found), rows)


def plant(folder: Path, originals: list[Path]) -> None:
    """Write originals as N-o.jpg and copies as N-K.jpg, K the number of the change."""
    chance = random.Random(4)
    for number, path in enumerate(originals):
        image = Image.open(path).convert("RGB")
        image.save(folder / f"{number}-o.jpg", quality=95)
        for kind, change in enumerate(CHANGES.values()):
            change(image, chance).save(folder / f"{number}-{kind}.jpg", quality=95)


def our_copies(folder: Path) -> dict[str, list[str]]:
    """Return for each copy the originals that it is taken for a copy of."""
    index, names, found = NearIndex(), [], {}
    for path in sorted(folder.glob("*-o.jpg")):
        index.add(sketch(Image.open(path)))
        names.append(path.name)
    for path in sorted(folder.glob("*-[0-9].jpg")):
        number = index.find(sketch(Image.open(path)))
        found[path.name] = [] if number is None else [names[number]]
    return found


def recall(pairs: dict[str, list[str]], kind: int, count: int) -> float:
    """Return which part of the copies of a kind is paired with its original."""
    hits = [f"{number}-o.jpg" in pairs.get(f"{number}-{kind}.jpg", ()) for number in range(count)]
    return sum(hits) / len(hits)


def precision(pairs: dict[str, list[str]]) -> float:
    """Return which part of the pairs of a copy and an original belongs together."""
    right = wrong = 0
    for copy, originals in pairs.items():
        for original in originals:
            if original.endswith("-o.jpg") and not copy.endswith("-o.jpg"):
                same = copy.partition("-")[0] == original.partition("-")[0]
                right, wrong = right + same, wrong + (not same)
    return right / max(1, right + wrong)


def at_scale(many: int) -> Iterator[tuple[int, float, float]]:
    """Yield how looking up copies grows, on pieces of photos: pictures, CPU minutes, ms a picture of the last tenth."""
    files, chance = photos(11_000), random.Random(9)
    index, seconds, marks = NearIndex(), 0.0, [0.0]
    for number in range(1, many + 1):
        drawn = piece(files[number % len(files)], chance)
        began = time.process_time()
        index.find(drawn)
        index.add(drawn)
        seconds += time.process_time() - began
        if number % (many // 100) == 0:
            marks.append(seconds)
        if number in (many // 100, many // 10, many // 3 // 100 * 100, many):
            yield number, seconds / 60, (marks[-1] - marks[-2]) / (many // 100) * 1000


def piece(path: Path, chance: random.Random) -> bytes:
    """Return the sketch of some part of a photo, turned any way."""
    image = Image.open(path).convert("L")
    side = chance.uniform(0.3, 0.7)
    width, height = round(image.width * side), round(image.height * side)
    left, top = chance.randint(0, image.width - width), chance.randint(0, image.height - height)
    part = image.crop((left, top, left + width, top + height)).transpose(chance.choice(list(Image.Transpose)))
    return part.resize((32, 32), Image.Resampling.BOX).tobytes()


def drawings() -> Iterator[tuple[str, int, float]]:
    """Yield what the rule calls drawings: pictures, how many, which part."""
    for name in (*PLACES, *OTHERS):
        files = sorted((LANDMARKS / name).rglob("*.jpg"))
        if files:
            called = sum(looks_drawn(picture.decode(path.read_bytes())) for path in files)
            yield f"photos of {name}", len(files), called / len(files)
    for kind in KINDS:
        yield f"drawn: {kind}", DRAWN, sum(looks_drawn(picture.decode(drawing(kind, n))) for n in range(DRAWN)) / DRAWN


def measure(out: Path, quick: bool = False) -> list[str]:
    """Measure, write cleaning.md into ``out`` and return the rows of the summary."""
    count, many = (30, 1000) if quick else (ORIGINALS, MANY)
    found, growth, told = copies(count), list(at_scale(many)), list(drawings())
    lines = [
        "## Near-copies",
        "",
        f"{count} photos, one copy of each for every change; imagededup at its defaults.",
        "",
    ]
    lines += [*copies_table(found, count), "", "## Near-copies among many", ""]
    cells = [summary.line(f"{number:,}", f"{minutes:.1f}", f"{ms:.2f}") for number, minutes, ms in growth]
    lines += summary.table(("pictures", "CPU minutes so far", "ms a picture, of the last hundredth"), cells)
    cells = [summary.line(name, f"{number:,}", f"{part:.1%}") for name, number, part in told]
    lines += ["", "## Photos and drawings", ""]
    lines += summary.table(("pictures", "number", "called drawings"), cells)
    summary.page(out / "cleaning.md", "Cleaning", lines, quick)
    recalls = [recall(found["ours"], kind, count) for kind in range(len(CHANGES))]
    figure = f"recall {min(recalls):.1%} to {max(recalls):.1%}, precision {precision(found['ours']):.1%}"
    number, minutes, _ = growth[-1]
    return [
        summary.row("near-copies planted, by kind of change", figure),
        summary.row(f"near-copies among {number:,} pictures", f"{minutes:.1f} CPU minutes", "minutes", minutes < 10),
    ]
