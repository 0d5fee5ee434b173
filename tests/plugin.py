"""Loaded before Django's settings: gives the tests a VAR_DIR and servers of their own."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# Short, because Unix sockets lie below it.
VAR_DIR = Path(tempfile.mkdtemp(prefix="geo-"))
for name in ("DATABASE_URL", "REDIS_URL", "SITE_URL", "HOST", "PORT", "BING_BASE_URL", "FETCH_ALLOW_PRIVATE"):
    os.environ.pop(name, None)
os.environ["VAR_DIR"] = str(VAR_DIR)
os.environ["DJANGO_SETTINGS_MODULE"] = "geosite.settings"
(VAR_DIR / "static").mkdir()
atexit.register(shutil.rmtree, VAR_DIR, ignore_errors=True)
