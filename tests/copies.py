"""Ways in which a photo comes back changed: what near-copies are planted by."""

import io
import random
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

Change = Callable[[Image.Image, random.Random], Image.Image]
CROP = 0.10  # of each side


def saved(image: Image.Image, quality: int = 80) -> Image.Image:
    """Return the picture as a JPEG of that quality shows it."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(io.BytesIO(out.getvalue())).convert("RGB")


def cropped(image: Image.Image, chance: random.Random) -> Image.Image:
    """Return nine tenths of width and height, from anywhere."""
    width, height = round(image.width * (1 - CROP)), round(image.height * (1 - CROP))
    left, top = chance.randint(0, image.width - width), chance.randint(0, image.height - height)
    return saved(image.crop((left, top, left + width, top + height)))


def less_a_side(image: Image.Image, chance: random.Random) -> Image.Image:
    """Return the picture without a tenth at one side."""
    box = [0, 0, image.width, image.height]
    side = chance.randrange(4)
    cut = round((image.width, image.height)[side % 2] * CROP)
    box[side] += cut if side < 2 else -cut
    return saved(image.crop((box[0], box[1], box[2], box[3])))


def watermarked(image: Image.Image, chance: random.Random) -> Image.Image:
    """Return the picture with half-transparent words across it."""
    layer = Image.new("RGBA", image.size)
    size = max(12, image.width // 9)
    place = (image.width * chance.uniform(0.05, 0.3), image.height * chance.uniform(0.3, 0.8))
    font = ImageFont.load_default(size=size)
    ImageDraw.Draw(layer).text(place, "(c) photostock", fill=(255, 255, 255, 150), font=font)
    return saved(Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB"))


def with_logo(image: Image.Image, chance: random.Random) -> Image.Image:
    """Return the picture with a dark plate in its lower right corner."""
    marked = image.copy()
    plate = (round(image.width * 0.7), round(image.height * 0.9), image.width, image.height)
    ImageDraw.Draw(marked).rectangle(plate, fill=(20, 20, 20))
    return saved(marked)


CHANGES: dict[str, Change] = {
    "recompressed (quality 25)": lambda image, chance: saved(image, 25),
    "half the size": lambda image, chance: saved(image.resize((image.width // 2, image.height // 2)), 85),
    "brighter by a fifth": lambda image, chance: saved(ImageEnhance.Brightness(image).enhance(1.2)),
    "watermark": watermarked,
    "logo over a corner": with_logo,
    "flipped": lambda image, chance: saved(ImageOps.mirror(image)),
    "cropped by 10 % at one side": less_a_side,
    "cropped by 10 % of both sides": cropped,
    "flipped and cropped": lambda image, chance: cropped(ImageOps.mirror(image), chance),
}
