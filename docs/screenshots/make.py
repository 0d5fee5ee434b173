"""Makes the screenshots beside it: starts the site, sends a picture drawn here, photographs the answer.

    .venv/bin/python -m docs.screenshots.make

Needs Chromium and its driver. No photo of anybody is used: the scene and the pictures of
the web (a stand-in of Bing draws them) are drawn on the spot.
"""

import io
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

from tests.site import start_site
from tests.test_browser import Page, start

HERE = Path(__file__).parent
SIZES = {"desktop": (1280, 1000), "phone": (390, 844)}


def scene() -> bytes:
    """Return a tower of iron lattice by day, as a JPEG."""
    width, height = 1400, 1500
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    for y in range(height):
        t = y / height
        draw.line([(0, y), (width, y)], fill=(int(150 + 60 * t), int(185 + 40 * t), int(225 + 10 * t)))
    draw.rectangle([0, 1330, width, height], fill=(84, 102, 66))
    for x in range(-50, width, 70):
        draw.ellipse([x, 1270, x + 130, 1390], fill=(58, 84, 52))
    iron, middle = (70, 62, 58), width // 2
    outline = [(1360, 330), (1040, 190), (1000, 178), (760, 92), (730, 88), (260, 14), (120, 6)]
    for (low, wide), (high, narrow) in pairwise(outline):
        steps = max(2, (low - high) // 40)
        for side in (-1, 1):
            draw.line([(middle + side * wide, low), (middle + side * narrow, high)], fill=iron, width=22)
            inner = 0.52 if low > 800 else 0.0
            if inner:
                draw.line(
                    [(middle + side * wide * inner, low), (middle + side * narrow * inner, high)], fill=iron, width=16
                )
        for step in range(steps):
            y0 = low + (high - low) * step / steps
            y1 = low + (high - low) * (step + 1) / steps
            w0 = wide + (narrow - wide) * step / steps
            w1 = wide + (narrow - wide) * (step + 1) / steps
            for side in (-1, 1):
                far = 0.52 if low > 800 else -1.0
                draw.line([(middle + side * w0, y0), (middle + side * w1 * far, y1)], fill=iron, width=6)
                draw.line([(middle + side * w0 * far, y0), (middle + side * w1, y1)], fill=iron, width=6)
    for y, w in ((1040, 215), (1000, 205), (760, 112), (735, 104), (262, 26)):
        draw.rectangle([middle - w, y - 14, middle + w, y + 14], fill=iron)
    draw.arc([middle - 215, 1080, middle + 215, 1560], 185, 355, fill=iron, width=18)
    draw.line([(middle, 120), (middle, 40)], fill=iron, width=8)
    out = io.BytesIO()
    image.filter(ImageFilter.GaussianBlur(3)).save(out, "JPEG", quality=90)
    return out.getvalue()


def main() -> int:
    """Write screenshots of the question and the answer, on a desktop and a phone, light and dark."""
    with tempfile.TemporaryDirectory() as folder, start_site() as site:
        photo = Path(folder) / "tower.jpg"
        photo.write_bytes(scene())
        window = start()
        page = Page(window, site)
        for device, (width, height) in SIZES.items():
            for theme in ("light", "dark"):
                media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
                window.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
                page.size(width, height)
                touch = {"enabled": width < 600}
                window.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", touch)
                page.open("/")
                window.save_screenshot(str(HERE / f"question-{device}-{theme}.png"))
                page.choose(photo)
                page.answered()
                page.until("[...document.images].every((image) => image.complete || image.loading === 'lazy')")
                window.save_screenshot(str(HERE / f"answer-{device}-{theme}.png"))
        window.quit()
    return 0


if __name__ == "__main__":
    sys.exit(main())
