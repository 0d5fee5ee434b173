"""``python -m geosite.launch VERB``: what `make` calls once everything is installed."""

import argparse
import os
import sys

from geosite.launch import config, running

VERBS = {
    "run": running.run,
    "stop": running.stop,
    "admin": running.new_admin_password,
    "train-worker": running.train_worker,
}


def main() -> int:
    """Do one verb; say in a sentence what stands in its way."""
    parser = argparse.ArgumentParser(prog="python -m geosite.launch", description="Start and stop the site.")
    parser.add_argument("verb", choices=VERBS)
    verb = parser.parse_args().verb
    os.chdir(config.ROOT)
    try:
        VERBS[verb](config.read())
    except config.LaunchError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        print(f"{error.strerror}: {error.filename or 'no file'}. Mend that and try again.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
