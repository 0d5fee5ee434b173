"""`manage.py check --deploy` under production settings, and no migration forgotten; part of `make lint`."""

import os
import subprocess
import sys
import tempfile

PRODUCTION = {
    "SITE_URL": "https://places.example.org", "HOST": "127.0.0.1", "TRUSTED_PROXIES": "1",
    "OPERATOR_NAME": "Ada Example", "CONTACT_EMAIL": "pictures@example.org",
}  # fmt: skip


def main() -> int:
    with tempfile.TemporaryDirectory() as var_dir:
        environment = {**os.environ, **PRODUCTION, "VAR_DIR": var_dir}
        # The database has no part in what is checked here.
        for arguments in (
            ["makemigrations", "--check", "--dry-run"],
            ["check", "--deploy", "--fail-level", "WARNING"],
            ["spectacular", "--validate", "--fail-on-warn"],
        ):
            command = [sys.executable, "-W", "ignore", "manage.py", *arguments]
            done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
            if done.returncode != 0:
                return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
