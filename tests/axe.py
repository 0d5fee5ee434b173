"""What axe finds wrong with the page that a browser shows."""

from __future__ import annotations

from pathlib import Path

from selenium import webdriver

AXE = Path(__file__).parent.parent / "node_modules" / "axe-core" / "axe.min.js"
RUN = """
const done = arguments[0];
const where = ({html, any}) => `${html.slice(0, 200)} (${any.map(({message}) => message)})`;
axe.run().then(({violations}) => done(violations.map(({id, nodes}) => `${id}: ${nodes.map(where).join("; ")}`)));
"""


def violations(browser: webdriver.Chrome) -> list[str]:
    """Return a line for each rule that the page breaks."""
    browser.execute_script(AXE.read_text(encoding="utf-8"))
    found: list[str] = browser.execute_async_script(RUN)
    return found


def in_both_colours(browser: webdriver.Chrome) -> list[str]:
    """Return what is wrong with the page in the light or in the dark mode."""
    found = []
    for theme in ("light", "dark"):
        features = [
            {"name": "prefers-color-scheme", "value": theme},
            {"name": "prefers-reduced-motion", "value": "reduce"},  # nothing is judged while it fades
        ]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        found += [f"{theme}: {line}" for line in violations(browser)]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    return found
