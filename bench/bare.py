"""What is measured against: one process that decodes and computes, and does nothing else.

    python -m bench.bare CACHE

For a line with a file's name on standard input it answers with the milliseconds of decoding and of the engines.
"""

import sys
import time
from pathlib import Path

from ml.picture import decode
from ml.recognise import Recogniser

STARTER = Path(__file__).parent.parent / "ml" / "starter"


def main() -> None:
    recogniser = Recogniser(STARTER / "places", STARTER / "objects", Path(sys.argv[1]))
    recogniser.recognise(decode(Path("warm.jpg").read_bytes()))
    print("ready", recogniser.places_engine.description, flush=True)
    for line in sys.stdin:
        data = Path(line.strip()).read_bytes()
        began = time.perf_counter()
        image = decode(data)
        decoded = time.perf_counter()
        recogniser.recognise(image)
        ended = time.perf_counter()
        print(f"{(decoded - began) * 1000:.3f} {(ended - decoded) * 1000:.3f}", flush=True)


if __name__ == "__main__":
    main()
