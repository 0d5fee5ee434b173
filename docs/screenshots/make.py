"""Makes the screenshots beside it: starts the site, sends pictures drawn here, photographs every state.

    .venv/bin/python -m docs.screenshots.make

Needs Chromium and its driver. No photo of anybody is used: the scene and the pictures of
the web (a stand-in of Bing draws them) are drawn on the spot.
"""

import io
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image, ImageDraw, ImageFilter

from bench import filling
from tests.drawings import drawing
from tests.drawn import jpeg
from tests.filled import fill
from tests.site import Site, start_site, suspended
from tests.test_browser import DROPPED, Page, start

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


class Shots:
    """A browser that photographs every state of the page."""

    def __init__(self, site: Site, page: Page, photos: dict[str, Path]) -> None:
        self.site, self.page, self.photos = site, page, photos
        self.variant = ""

    def shoot(self, name: str) -> None:
        """Write what the window shows."""
        self.page.until("[...document.images].every((image) => image.complete || image.loading === 'lazy')")
        shown = Image.open(io.BytesIO(self.page.browser.get_screenshot_as_png())).convert("RGB")
        shown.save(HERE / f"{name}-{self.variant}.webp", quality=78, method=6)

    def opened(self, name: str, path: str) -> None:
        """Photograph a page."""
        self.page.open(path)
        self.shoot(name)

    def questions(self) -> None:
        """Asking: the first page, a link from elsewhere, several photos, cropping, one that is none."""
        self.opened("question", "/")
        self.opened("link", "/?url=https://example.org/tower.jpg")
        self.page.open("/")
        self.page.browser.execute_async_script(DROPPED, 3)
        self.page.until("document.querySelectorAll('.tray li').length === 3")
        self.shoot("several")
        self.page.open("/")
        self.page.one("main .crop-first input").click()
        self.page.choose(self.photos["tower"])
        self.page.until("document.querySelector('.crop-frame')")
        self.shoot("crop")
        self.page.open("/")
        self.page.choose(self.photos["text"])
        self.page.until("document.querySelector('.failed-why')?.textContent")
        self.shoot("failed")

    def waiting(self) -> None:
        """Waiting: for a worker, and for one that does not answer."""
        self.page.open("/")
        with suspended(self.site, "search@"):
            self.page.choose(self.photos["tower"])
            self.page.until("document.getElementById('status')?.textContent.includes('Waiting')")
            self.shoot("waiting")
            self.page.until("document.getElementById('status')?.textContent.startsWith('The recogniser')")
            self.shoot("silent")
        self.page.answered()

    def answers(self) -> None:
        """The answer: perhaps a place, unknown, no place, place; where it looked, how it sees, compared; gone."""
        for name in ("doubtful", "no-place", "tower"):
            self.page.open("/")
            self.page.choose(self.photos[name])
            self.page.answered()
            self.shoot("answer" if name == "tower" else name)
            if name == "doubtful":
                self.unknown(urlsplit(self.page.browser.current_url).path)
        search = urlsplit(self.page.browser.current_url).path
        self.page.one("[data-heat]").click()
        self.page.until("document.querySelector('#frame .heat')")
        self.shoot("heat")
        self.page.browser.execute_script("document.getElementById('similar').scrollIntoView()")
        self.page.until("document.querySelector('.rows img')?.naturalWidth")
        self.shoot("similar")
        self.opened("sees", f"{search}sees/")
        self.opened("compare", f"{search}compare/eiffel-tower/")
        self.opened("history", "/history/")
        self.page.open(search)
        self.page.one(".rows a[href^='/pictures/']").click()
        self.shoot("picture")
        self.page.open(search)
        self.page.one("form[action$='delete/'] button").click()
        self.shoot("gone")

    def unknown(self, search: str) -> None:
        """The answer as it would be for an unknown place: nothing that can be drawn is taken for one."""
        with filling.connect(self.site.var_dir) as connection:
            connection.execute(
                "UPDATE places_search SET kind = 'unknown', confidence = 0.2, place_id = NULL, heat = NULL"
                " WHERE id = %s",
                [search.split("/")[2]],
            )
        self.opened("unknown", search)

    def pages(self) -> None:
        """The places and the owner's pages, two of them in Korean."""
        for name, path in PAGES.items():
            self.opened(name, path)
        self.page.browser.add_cookie({"name": "django_language", "value": "ko"})
        self.opened("korean", "/")
        self.opened("korean-place", "/places/eiffel-tower/")
        self.page.browser.delete_cookie("django_language")


PAGES = {
    "places": "/places/", "place": "/places/eiffel-tower/", "privacy": "/privacy/", "contact": "/contact/",
    "nothing": "/nothing-here/",
}  # fmt: skip


def draw(folder: Path) -> dict[str, Path]:
    """Write what is sent, and return where."""
    photos = {name: folder / f"{name}.jpg" for name in ("tower", "doubtful", "no-place", "text")}
    photos["tower"].write_bytes(scene())
    photos["doubtful"].write_bytes(jpeg(31, (1200, 900)))
    drawing_of_text = Image.open(io.BytesIO(drawing("text", 3, 900))).convert("RGB")
    drawing_of_text.save(photos["no-place"])
    photos["text"].write_text("no picture")
    return photos


def main() -> int:
    """Write screenshots of every state, on a desktop and a phone, light and dark."""
    for old in HERE.glob("*.webp"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder, start_site() as site:
        photos = draw(Path(folder))
        gallery = []
        for number in range(6):
            tower = Image.open(photos["tower"]).rotate(number - 3, fillcolor=(170, 205, 230))
            gallery.append(Path(folder) / f"CC BY 4.0 - Tower {number}.jpg")
            tower.crop((100 + 40 * number, 0, 1300, 1100 + 60 * number)).save(gallery[-1])
        fill(site, "eiffel-tower", gallery)
        window = start()
        shots = Shots(site, Page(window, site), photos)
        for device, (width, height) in SIZES.items():
            for theme in ("light", "dark"):
                media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
                window.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
                shots.page.size(width, height)
                window.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": width < 600})
                shots.variant = f"{device}-{theme}"
                for take in (shots.questions, shots.waiting, shots.answers, shots.pages):
                    take()
        window.quit()
    return 0


if __name__ == "__main__":
    sys.exit(main())
