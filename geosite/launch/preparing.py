"""What has to be true of database and files before the site starts; one process for all of it."""

from __future__ import annotations

import io
import os
from hashlib import sha256

from geosite.launch.config import Config, LaunchError

# Several machines may start beside one database; any number that is ours alone will do.
MIGRATION_LOCK = 0x67656F73697465


def prepare(config: Config) -> str:
    """Migrate, load places and models, collect static files; return the new admin's line, if one was made.

    ``set_up`` comes first. Raises LaunchError when database or broker cannot be used.
    """
    from django.core.management import CommandError, call_command
    from django.db import Error, connection

    out, admin = io.StringIO(), io.StringIO()
    try:
        _check_broker()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        call_command("check", stdout=out)
        _check_not_newer()
        call_command("migrate", interactive=False, verbosity=0, stdout=out)
        call_command("load_starter", stdout=out)
        _collect_static(config)
        call_command("ensure_admin", stdout=admin)
    except Error as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise LaunchError(f"The database cannot be used: {reason}. Check DATABASE_URL.") from error
    except CommandError as error:
        raise LaunchError(str(error)) from error
    finally:
        connection.close()
    return admin.getvalue().strip()


def set_up(config: Config) -> None:
    """Read the settings. Raises LaunchError for one that cannot be used."""
    os.environ["VAR_DIR"] = str(config.var_dir)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "geosite.settings")
    import django
    from django.core.exceptions import ImproperlyConfigured

    try:
        django.setup()
    except (ImproperlyConfigured, ValueError) as error:
        raise LaunchError(f"A setting cannot be used: {error}") from error


def _check_broker() -> None:
    """Raise LaunchError when the broker does not answer."""
    import redis
    from django.conf import settings

    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=5, socket_timeout=5) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise LaunchError(f"The broker cannot be used: {error}. Check REDIS_URL.") from error


def _check_not_newer() -> None:
    """Raise LaunchError when a newer version of the site has migrated this database."""
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(connection)
    unknown = sorted(f"{app}.{name}" for app, name in set(loader.applied_migrations) - set(loader.disk_migrations))
    if unknown:
        raise LaunchError(
            f"A newer version of the site has changed this database ({', '.join(unknown)}). "
            "Go back to that version, or restore an older copy of the data."
        )


def _collect_static(config: Config) -> None:
    """Collect and compress static files when any of them changed."""
    from django.core.management import call_command

    folders = (config.root / "static", config.root / "node_modules" / "bootstrap" / "dist")
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    state = "\n".join(f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files)
    state += (config.root / "requirements-serve.txt").read_text()
    stamp, digest = config.var_dir / "static.stamp", sha256(state.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest and (config.var_dir / "static").is_dir():
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(digest)
