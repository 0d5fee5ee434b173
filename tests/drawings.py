"""Pictures that are no photos, drawn on the spot: icons, pages of text, maps, charts."""

import io
import random
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
SENTENCE = "the old tower was built of stone near a river and a wide market square by people who left no name"
WORDS = SENTENCE.split()


PAPERS = [((255, 255, 255), (0, 0, 0)), ((250, 244, 228), (50, 40, 30)), ((30, 32, 36), (220, 220, 220))]


def _colour(chance: random.Random, low: int = 0, high: int = 255) -> Colour:
    return chance.randint(low, high), chance.randint(low, high), chance.randint(low, high)


def _box(chance: random.Random, side: int) -> tuple[int, int, int, int]:
    across, down = (sorted(chance.sample(range(side), 2)) for _ in range(2))
    return across[0], down[0], across[1] + 1, down[1] + 1


def icon(chance: random.Random, side: int = 320) -> Image.Image:
    """Return a few flat shapes on one colour, their edges smooth."""
    large = Image.new("RGB", (side * 2, side * 2), chance.choice([(255, 255, 255), _colour(chance)]))
    draw = ImageDraw.Draw(large)
    for _ in range(chance.randint(1, 6)):
        shape = chance.choice((draw.ellipse, draw.rectangle))
        shape(_box(chance, side * 2), fill=_colour(chance))
    return large.resize((side, side), Image.Resampling.BICUBIC)


def text_page(chance: random.Random, side: int = 320) -> Image.Image:
    """Return lines of words on paper, dark on light or light on dark."""
    paper, ink = chance.choice(PAPERS)
    page = Image.new("RGB", (side, side), paper)
    draw, size = ImageDraw.Draw(page), chance.randint(9, 24)
    font, top = ImageFont.load_default(size=size), chance.randint(4, 30)
    while top < side - size:
        line = " ".join(chance.choices(WORDS, k=chance.randint(3, 14)))
        draw.text((chance.randint(6, 14), top), line, fill=ink, font=font)
        top += round(size * chance.choice((1.3, 1.3, 1.3, 2.4)))
    return page


def street_map(chance: random.Random, side: int = 320) -> Image.Image:
    """Return parks and water in pale colours, roads over them, and names."""
    page = Image.new("RGB", (side * 2, side * 2), (242, 239, 233))
    draw = ImageDraw.Draw(page)
    for fill in chance.choices([(170, 211, 223), (200, 230, 190), (224, 223, 223), (250, 230, 210)], k=14):
        x, y = chance.randint(0, side * 2), chance.randint(0, side * 2)
        corners = [(x + chance.randint(-180, 180), y + chance.randint(-180, 180)) for _ in range(6)]
        draw.polygon(corners, fill=fill)
    for _ in range(chance.randint(12, 40)):
        ends = [(chance.randint(0, side * 2), chance.randint(0, side * 2)) for _ in range(chance.randint(2, 4))]
        width = chance.choice((4, 8, 16))
        draw.line(ends, fill=(190, 180, 170), width=width + 4)
        draw.line(ends, fill=chance.choice([(255, 255, 255), (252, 214, 164), (247, 250, 190)]), width=width)
    for _ in range(chance.randint(5, 25)):
        place = (chance.randint(0, side * 2), chance.randint(0, side * 2))
        draw.text(place, chance.choice(WORDS).title(), fill=(80, 80, 80), font=ImageFont.load_default(size=26))
    return page.resize((side, side), Image.Resampling.BICUBIC)


def chart(chance: random.Random, side: int = 320) -> Image.Image:
    """Return bars or a curve with a grid and figures."""
    page = Image.new("RGB", (side, side), (255, 255, 255))
    draw = ImageDraw.Draw(page)
    for y in range(30, side - 20, 40):
        draw.line((30, y, side - 10, y), fill=(210, 210, 210))
        draw.text((4, y - 6), str(side - y), fill=(90, 90, 90))
    heights = [chance.randint(40, side - 40) for _ in range(chance.randint(4, 12))]
    step, fill = (side - 50) // len(heights), _colour(chance, 0, 220)
    if chance.random() < 0.5:
        for n, height in enumerate(heights):
            draw.rectangle((36 + n * step, height, 30 + (n + 1) * step, side - 20), fill=fill)
    else:
        draw.line([(36 + n * step, height) for n, height in enumerate(heights)], fill=fill, width=3)
    return page


KINDS: dict[str, Callable[[random.Random, int], Image.Image]] = {
    "icon": icon,
    "text": text_page,
    "map": street_map,
    "chart": chart,
}


def drawing(kind: str, seed: int, side: int = 320) -> bytes:
    """Return a drawing as a file: PNG, or JPEG of any quality that people use."""
    chance = random.Random(f"{kind}{seed}")
    picture, out = KINDS[kind](chance, side), io.BytesIO()
    if chance.random() < 0.4:
        picture.save(out, "PNG")
    else:
        picture.save(out, "JPEG", quality=chance.randint(60, 95))
    return out.getvalue()
