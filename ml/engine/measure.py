"""Times the engines for a bundle, interleaved on the same pictures, and compares their answers.

    python -m ml.engine.measure BUNDLE CACHE THREADS

Prints a list of ``choice.Timed`` as JSON.
"""

import json
import sys
import time
from pathlib import Path

from ml.bundle import Bundle
from ml.engine import candidates
from ml.engine.agreement import TIE, Agreement, Outputs, answers_golden, compare, drawn_pictures
from ml.engine.base import Array, Engine, EngineError
from ml.engine.choice import NO_TIME, Timed
from ml.preset import to_input

BUDGET_S = 8.0  # for the rounds
END_S = 25.0  # nothing begins later than this after the start: somebody waits for the answer
LEAST_ROUNDS, MOST_ROUNDS = 2, 32


def measure(bundle: Bundle, cache_dir: Path | None, threads: int) -> list[Timed]:
    """Return every engine that ``bundle`` allows: the accepted first, fastest first."""
    end = time.monotonic() + END_S
    loaded, refused = _load(bundle, cache_dir, threads, end)
    single = loaded.get(candidates.SINGLE) or candidates.make(candidates.SINGLE, bundle, cache_dir, threads)
    spent, answers = _rounds(bundle, {candidates.SINGLE: single, **loaded}, min(end, time.monotonic() + BUDGET_S))
    timed = []
    for name in loaded:
        agreement = compare(answers[candidates.SINGLE], answers[name], TIE)
        least = min(spent[name])  # what else runs on the machine only adds
        timed.append(
            Timed(name, round(least, 2), round(agreement.same, 4), round(agreement.cosine, 5), _note(agreement))
        )
    return sorted(timed, key=lambda each: (not each.accepted, each.milliseconds)) + refused


def _load(bundle: Bundle, cache_dir: Path | None, threads: int, end: float) -> tuple[dict[str, Engine], list[Timed]]:
    loaded: dict[str, Engine] = {}
    refused = []
    for name in candidates.available(bundle):
        if loaded and time.monotonic() > end:
            refused.append(Timed(name, note=NO_TIME))
            continue
        try:
            engine = candidates.make(name, bundle, cache_dir, threads)
        except EngineError as error:
            refused.append(Timed(name, note=str(error)))
            continue
        if answers_golden(engine, bundle, candidates.tolerance(name)):
            loaded[name] = engine
        else:
            refused.append(Timed(name, note="It does not answer the golden picture as it should."))
    return loaded, refused


def _rounds(
    bundle: Bundle, engines: dict[str, Engine], end: float
) -> tuple[dict[str, list[float]], dict[str, list[Outputs]]]:
    """Let all answer one picture after the other until ``end``; return milliseconds and answers."""
    spent: dict[str, list[float]] = {name: [] for name in engines}
    answers: dict[str, list[Outputs]] = {name: [] for name in engines}
    for count, picture in enumerate(drawn_pictures()):
        if count >= MOST_ROUNDS or (count >= LEAST_ROUNDS and time.monotonic() > end):
            return spent, answers
        x = to_input(picture, bundle.preset)
        for name, engine in engines.items():
            milliseconds, outputs = _timed(engine, x)
            spent[name].append(milliseconds)
            answers[name].append(outputs)
    raise AssertionError("pictures without end have ended")


def _timed(engine: Engine, x: Array) -> tuple[float, Outputs]:
    began = time.perf_counter()
    outputs = engine.infer(x)
    return (time.perf_counter() - began) * 1000, outputs


def _note(agreement: Agreement) -> str:
    return "" if agreement.accepted else "It differs too much from single precision."


def main() -> None:
    """Print the list."""
    folder, cache_dir, threads = sys.argv[1:]
    timed = measure(Bundle.load(Path(folder)), Path(cache_dir), int(threads))
    print(json.dumps([each.to_dict() for each in timed]))


if __name__ == "__main__":
    main()
