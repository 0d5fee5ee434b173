"""Where the embedded servers listen: Unix sockets under VAR_DIR, so one TCP port is opened in all."""

import hashlib
import os
import socket
import tempfile
from pathlib import Path
from urllib.parse import quote, urlsplit

# A Unix socket's path may be 107 bytes long; the servers add up to a name's length to the folder.
LONGEST_FOLDER = 80


def socket_folder(var_dir: Path) -> Path:
    """Return the folder of the sockets: under ``var_dir``, or a short one when that is too long."""
    folder = var_dir / "run"
    if folder.is_symlink():
        return folder.readlink()  # the choice that was made, whatever TMPDIR says here
    if len(os.fsencode(folder)) <= LONGEST_FOLDER:
        return folder
    digest = hashlib.sha256(os.fsencode(var_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"geosite-{os.getuid()}-{digest}"


def outgoing_address() -> str | None:
    """Return this machine's address in its network, or None without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket sends nothing; it only chooses the way out.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def database_url(var_dir: Path) -> str:
    """Return the address of the embedded PostgreSQL in the form that django-environ reads."""
    return f"postgres://geosite@/geosite?host={quote(str(socket_folder(var_dir)), safe='')}&port=5432"


def redis_url(var_dir: Path) -> str:
    """Return the address of the embedded Valkey in the form that redis-py reads."""
    return f"unix://{quote(str(socket_folder(var_dir) / 'valkey.sock'))}?db=0"


def celery_url(redis_url: str) -> str:
    """Return ``redis_url`` in the form that Celery reads."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair).get("db", "0")
    return f"redis+socket://{parts.path}?virtual_host={database}"
