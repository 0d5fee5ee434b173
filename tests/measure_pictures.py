"""Prints, for every file named, what decoding it answers, how long it takes and how much memory.

One JSON object a line. Each file is decoded in a child of its own, so that the memory is its alone.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

from ml.header import inspect
from ml.picture import PictureError, decode


def measure(path: Path) -> dict[str, object]:
    """Decode one file; sizes are in MB, times in seconds."""
    data = path.read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer: dict[str, object] = {"file": path.name, "code": "", "message": "", "by_structure": False}
    started = time.perf_counter()
    try:
        answer["by_structure"] = True
        inspect(data)
        answer["by_structure"] = False
        answer["size"] = decode(data).size
    except PictureError as error:
        answer |= {"code": error.code, "message": error.message}
    answer["seconds"] = time.perf_counter() - started
    answer["megabytes"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return answer


def main() -> None:
    """Measure the files named on the command line."""
    for name in sys.argv[1:]:
        child = os.fork()
        if not child:
            print(json.dumps(measure(Path(name))), flush=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            sys.exit(f"{name} ended its process with status {status}")


if __name__ == "__main__":
    main()
