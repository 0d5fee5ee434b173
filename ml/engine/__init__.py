"""Serving: a bundle's model behind one function, whatever computes it. Imports torch only where ENGINE names it."""

from pathlib import Path

from ml.bundle import Bundle, BundleError
from ml.engine import candidates, choice
from ml.engine.agreement import answers_golden
from ml.engine.base import Engine, EngineError
from ml.engine.candidates import AUTO, KNOWN

__all__ = ["AUTO", "KNOWN", "Engine", "EngineError", "answers_golden", "load"]


def load(bundle: Bundle, cache_dir: Path | None = None, threads: int = 0, wanted: str = AUTO) -> Engine:
    """Return the fastest engine on this machine that answers as ``bundle`` says, among those ``wanted``.

    ``cache_dir`` keeps compiled models, and which engine was the fastest: the first load there times them all.
    Without it nothing is timed. ``threads`` 0 lets the engine choose. ``wanted``: one of ``candidates.KNOWN``.
    Raises EngineError when ``wanted`` is not known or cannot serve here, BundleError when no engine answers right.
    """
    candidates.check(wanted)
    for name in choice.ranked(bundle, cache_dir, threads, wanted):
        engine = candidates.make(name, bundle, cache_dir, threads)
        if answers_golden(engine, bundle, candidates.tolerance(name)):
            return engine
    raise BundleError(f"The model in {bundle.path} does not answer its golden picture as it should.")
