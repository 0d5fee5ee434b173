"""The engines there are: a library and a precision each, called such as ``openvino-bf16``."""

from pathlib import Path

from threadpoolctl import threadpool_limits

from ml.bundle import Bundle
from ml.engine.base import Engine, EngineError

AUTO = "auto"
GPU = "torch-gpu"
CPU = ("openvino-int8", "openvino-bf16", "openvino-f32", "ncnn-bf16", "ncnn-f32")
KNOWN = (AUTO, "openvino", "ncnn", *CPU, GPU)
SINGLE = "openvino-f32"  # what the others are compared with
TOLERANCE = {"f32": 1e-3}  # of the golden picture's probabilities
TOLERANCE_OTHERS = 3e-2


def check(wanted: str) -> None:
    """Raise EngineError unless ``wanted`` is one of ``KNOWN``."""
    if wanted not in KNOWN:
        raise EngineError(f"ENGINE is {wanted!r}; it has to be one of {', '.join(KNOWN)}.")


def tolerance(name: str) -> float:
    """Return how far the golden picture's probabilities may lie from the bundle's."""
    return TOLERANCE.get(name.partition("-")[2], TOLERANCE_OTHERS)


def available(bundle: Bundle, library: str = "") -> list[str]:
    """Return the engines on this CPU that ``bundle`` allows, in the order in which they are usually fast.

    ``library`` limits them to one. A bundle's precisions are those in which it was found to answer well when it
    was written.
    """
    allowed = {*bundle.precisions, *(["int8"] if bundle.int8 else [])}
    names = [name for name in CPU if name.partition("-")[2] in allowed and name.startswith(library)]
    if not any(name.startswith("openvino-") for name in names):
        return names
    from ml.engine import openvino

    able = {f"openvino-{precision}" for precision in openvino.precisions(allowed)}
    return [name for name in names if name in able or not name.startswith("openvino-")]


def make(name: str, bundle: Bundle, cache_dir: Path | None, threads: int) -> Engine:
    """Return the engine ``name`` with the model of ``bundle``; raises EngineError when it cannot compute that.

    From then on NumPy computes its products in one thread.
    """
    # Its threads go on spinning for milliseconds after a product, which halved the speed of the engine's own.
    threadpool_limits(limits=1, user_api="blas")
    library, _, precision = name.partition("-")
    # Imported here: a process needs one library's memory, not all of them.
    if name == GPU:
        from ml.engine.torch_gpu import TorchGpu

        return TorchGpu(bundle.model, "bf16" if "bf16" in bundle.precisions else "f32")
    if library == "ncnn":
        from ml.engine.ncnn import Ncnn

        return Ncnn(bundle.model, precision, cache_dir, threads)
    from ml.engine.head import completed
    from ml.engine.openvino import OpenVino

    model = bundle.int8 if precision == "int8" else bundle.model
    if model is None:
        raise EngineError(f"The bundle in {bundle.path} has no 8-bit model.")
    return completed(OpenVino(model, precision, cache_dir, threads), bundle)
