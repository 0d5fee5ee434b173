"""A visitor whose browser runs no scripts: forms, cookies, redirects."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin

import requests
from lxml import html

from tests.site import Site


class Visitor:
    """Opens pages of a site and sends their forms, as a browser without scripts does."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.session = requests.Session()

    def get(self, path: str) -> requests.Response:
        """Open a page."""
        return self.session.get(self.site.url + path, timeout=60)

    def send(
        self,
        page: requests.Response,
        form: str,
        fields: dict[str, str] | None = None,
        photo: bytes | None = None,
        follow: bool = True,
    ) -> requests.Response:
        """Send the form of ``page`` that the CSS class or action ``form`` names."""
        found = form_of(page, form)
        hidden = {field.get("name"): field.get("value") for field in found.xpath(".//input[@type='hidden']")}
        files = {"image": ("photo.jpg", photo, "image/jpeg")} if photo is not None else None
        return self.session.post(
            urljoin(page.url, found.get("action")),
            data={**hidden, **(fields or {})}, files=files, allow_redirects=follow, timeout=60,
        )  # fmt: skip

    def ask(self, photo: bytes, follow: bool = True) -> requests.Response:
        """Send a photo by the first page's form."""
        return self.send(self.get("/"), "ask", photo=photo, follow=follow)


def tree(page: requests.Response) -> Any:
    """Return a page's tree, to be asked by XPath."""
    return html.fromstring(page.content)


def form_of(page: requests.Response, name: str) -> Any:
    """Return the one form with that class, or with an action that ends so."""
    forms = tree(page).xpath("//main//form")
    named = [
        form for form in forms if name in (form.get("class") or "").split() or (form.get("action") or "").endswith(name)
    ]
    assert len(named) == 1, f"{len(named)} forms {name} at {page.url}"
    return named[0]


def words(page: requests.Response) -> str:
    """Return the text of a page's main part, white space folded."""
    (main,) = tree(page).xpath("//main")
    return re.sub(r"\s+", " ", main.text_content()).strip()


def heading(page: requests.Response) -> str:
    """Return a page's one heading."""
    (found,) = tree(page).xpath("//main//h1")
    return str(found.text_content()).strip()
