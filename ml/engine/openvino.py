"""OpenVINO on the CPU."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ml.engine.base import Array

# OpenVINO reports its import to its makers where this package is found; it does without it.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

import openvino as ov  # noqa: E402
from openvino import properties  # noqa: E402

CAPABILITIES = {"int8": "INT8", "bf16": "BF16", "f32": "FP32"}  # OpenVINO's names


def precisions(wanted: Iterable[str]) -> list[str]:
    """Return those of ``wanted`` that this CPU computes in, in the same order."""
    able: list[str] = ov.Core().get_property("CPU", properties.device.capabilities())
    return [precision for precision in wanted if CAPABILITIES.get(precision) in able]


def simplified(model: Path) -> Any:
    """Return OpenVINO's graph of an ONNX file, with what does not depend on the picture computed and folded in."""
    return ov.convert_model(str(model))


class OpenVino:
    """A model compiled for one picture at a time."""

    def __init__(self, model: Path, precision: str, cache_dir: Path | None = None, threads: int = 0) -> None:
        core = ov.Core()
        if cache_dir is not None:
            cache_dir.mkdir(parents=True, exist_ok=True)
            core.set_property({properties.cache_dir(): str(cache_dir)})
        # What of an 8-bit model is not quantised is computed in single precision.
        hint = "f32" if precision == "int8" else precision
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": hint}
        if threads:
            options["INFERENCE_NUM_THREADS"] = str(threads)
        compiled = core.compile_model(str(model), "CPU", options)
        self.names = [output.get_any_name() for output in compiled.outputs]
        self.request = compiled.create_infer_request()
        self.description = f"OpenVINO {ov.get_version().split('-')[0]}, CPU, {precision}"

    def infer(self, x: Array) -> dict[str, Array]:
        """Return the model's named outputs for one picture (1, 3, H, W)."""
        results = self.request.infer({0: x})
        return {name: np.array(results[index], np.float32) for index, name in enumerate(self.names)}
