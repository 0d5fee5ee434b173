"""Loaded before Django's settings: gives the tests a VAR_DIR and servers of their own."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# Short, because Unix sockets lie below it.
VAR_DIR = Path(tempfile.mkdtemp(prefix="geo-"))
SOURCES = ("BING", "COMMONS", "OPENVERSE", "FLICKR", "GOOGLE")
for name in (
    *("DATABASE_URL", "REDIS_URL", "SITE_URL", "HOST", "PORT", "FETCH_ALLOW_PRIVATE"),
    *(f"{source}_BASE_URL" for source in SOURCES),
    *("FLICKR_API_KEY", "CRAWLER_GOOGLE", "CRAWLER_CONTACT", "MAP_TILES"),
    *("OPERATOR_NAME", "CONTACT_EMAIL", "LANGUAGE_CODE"),
):
    os.environ.pop(name, None)
os.environ["VAR_DIR"] = str(VAR_DIR)
os.environ["ENGINE"] = "openvino-f32"  # no site of a test needs to time them all first
os.environ["DJANGO_SETTINGS_MODULE"] = "geosite.settings"
(VAR_DIR / "static").mkdir()
atexit.register(shutil.rmtree, VAR_DIR, ignore_errors=True)
