"""The frozen part of a backbone as a function from pictures to features, computed by whatever is fastest here."""

import json
import os
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import openvino as ov
import torch
from torch import Tensor, nn

from ml.engine.openvino import precisions
from ml.export import to_onnx
from ml.features import Array, FeatureCache, Infer
from ml.fit import Device
from ml.networks import Backbone, Network
from ml.networks.base import statistics


class Frozen(nn.Module):
    """What training needs of a picture that never changes: statistics of its maps, and what the tail takes."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return ``frozen`` and ``last`` statistics (N, 2C), and ``out`` (N, C, H, W), of pictures (N, 3, H, W)."""
        stem = self.backbone.stem(x)
        last = self.backbone.tail(stem.out)
        return {"frozen": stem.statistics(), "last": statistics(last), "out": stem.out}


def cache(folder: Path, network: Network, backbone: Backbone, maps: bool) -> FeatureCache:
    """Return the cache of ``backbone``'s features in ``folder``; with ``maps``, of what fine-tuning takes too."""
    names = ["frozen", "last"] + ["out"] * maps
    device = Device.best()
    infer = _by_torch(backbone, names, device) if device.name == "cuda" else _by_openvino(backbone, names, network)
    assert network.weights is not None
    signature = json.dumps([network.weights.sha256, network.preset.to_dict(), names], sort_keys=True)
    return FeatureCache(folder, signature, network.preset, infer, threads=os.cpu_count() or 1)


def _by_torch(backbone: Backbone, names: list[str], device: Device) -> Infer:
    module = Frozen(backbone).to(device.name).eval()

    @torch.inference_mode()
    def infer(x: npt.NDArray[np.float32]) -> dict[str, Array]:
        with device.precision():
            seen = module(torch.from_numpy(x).to(device.name))
        return {name: _stored(name, seen[name].float().cpu().numpy()) for name in names}

    return infer


def _by_openvino(backbone: Backbone, names: list[str], network: Network) -> Infer:
    """Half the time of torch on a CPU, and a picture on each core."""
    with TemporaryDirectory() as folder:
        model = Path(folder) / "frozen.onnx"
        to_onnx(Frozen(backbone), names, network.preset, model)
        options = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": str(os.cpu_count() or 1),
            "INFERENCE_PRECISION_HINT": precisions(network.precisions)[0],
        }
        compiled = ov.Core().compile_model(str(model), "CPU", options)
    own = threading.local()

    def infer(x: npt.NDArray[np.float32]) -> dict[str, Array]:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        seen = own.request.infer({0: x})
        return {name: _stored(name, seen[index]) for index, name in enumerate(names)}

    return infer


def _stored(name: str, values: npt.NDArray[np.float32]) -> Array:
    """Return a copy, maps in half precision: they are two hundred kilobytes a photo even so."""
    return values.astype(np.float16 if name == "out" else np.float32, copy=True)
