"""Pictures put into the gallery of a running site.

    python -m tests.filled SLUG FILE...

A file's name is the picture's title; what stands before a `` - `` in it is the licence.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.site import ROOT, Site, until


def fill(site: Site, slug: str, files: Iterable[Path]) -> None:
    """Put approved pictures of a place into the site's gallery, and wait until all are embedded."""
    paths = [str(path) for path in files]
    environment = {**os.environ, "VAR_DIR": str(site.var_dir)}
    subprocess.run([sys.executable, "-m", "tests.filled", slug, *paths], cwd=ROOT, env=environment, check=True)
    # A search worker reads them: the last step that shows is their number on the place's page.
    until(lambda: site.get(f"/places/{slug}/").text.count("/thumbnail.jpg") >= len(paths), 60, "the gallery's filling")


def main(slug: str, paths: list[str]) -> None:
    """Take the files in. Runs in a process that belongs to the site."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "geosite.settings")
    django.setup()
    from places import gallery
    from places.models import Place

    for path in map(Path, paths):
        licence = path.stem.partition(" - ")[0] if " - " in path.stem else "unknown"
        place = Place.objects.get(slug=slug)
        about = {"title": path.stem, "licence": licence, "author": "Ada"}
        gallery.have_read(gallery.take_in(path.read_bytes(), place, status="approved", **about))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
