"""torch on a GPU in bf16: for machines that have one, chosen by ENGINE=torch-gpu. The one engine that needs torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.engine.base import Array, EngineError
from ml.engine.batching import Batcher
from ml.engine.graph import INPUT, Operation, UnknownOperation, check, read, run, split
from ml.engine.operations import operations

MOST = 16  # pictures in a batch
WAIT_S = 0.003


class TorchGpu:
    """A model on the first GPU (``device`` "cpu" is for tests), its maps in ``precision`` "bf16" or "f32".

    Threads that ask at about the same time share a batch.
    """

    def __init__(self, model: Path, precision: str, device: str = "cuda") -> None:
        torch = _torch()
        if device == "cuda" and not torch.cuda.is_available():
            raise EngineError("ENGINE is 'torch-gpu', but torch finds no GPU on this machine.")
        self.torch, self.device = torch, device
        self.precision = {"bf16": torch.bfloat16, "f32": torch.float32}[precision]
        self.maps, self.rest = split(read(model))
        self.over_maps, self.after = over_maps(torch), operations(torch)
        check(self.maps, self.over_maps)
        check(self.rest, self.after)
        self.weights = {name: self._placed(array, self.precision) for name, array in self.maps.constants.items()}
        self.constants = {name: self._placed(array, torch.float32) for name, array in self.rest.constants.items()}
        self.batcher = Batcher(self._compute, MOST, WAIT_S)
        where = "CPU" if device == "cpu" else torch.cuda.get_device_name()
        self.description = f"torch {torch.__version__}, {where}, {precision}"

    def infer(self, x: Array) -> dict[str, Array]:
        """Return the model's named outputs for one picture (1, C, H, W). May be called from several threads."""
        return self.batcher(x)

    def _placed(self, array: Any, precision: Any) -> Any:
        """Return numbers on the device, maps with the channels last; shapes, axes and indices stay in NumPy."""
        if array.dtype.kind != "f":
            return array
        tensor = self.torch.from_numpy(array).to(self.device, precision)
        return tensor.contiguous(memory_format=self.torch.channels_last) if tensor.ndim == 4 else tensor

    def _compute(self, x: Array) -> dict[str, Array]:
        # Single precision as on a CPU: without the shortened numbers that convolutions may use on a GPU.
        exact = self.torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=False, allow_tf32=False)
        with self.torch.inference_mode(), exact:
            maps = run(self.maps, self.over_maps, {**self.weights, INPUT: self._placed(x, self.precision)})
            values = {name: map_.float() for name, map_ in maps.items()}
            outputs = run(self.rest, self.after, {**self.constants, **values})
            return {name: tensor.cpu().numpy() for name, tensor in outputs.items()}


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise EngineError("ENGINE is 'torch-gpu', but torch is not installed: see requirements.txt.") from None
    return torch


def over_maps(torch: Any) -> dict[str, Operation]:
    """Return what computes each kind of node of the first part of ``graph.split``."""
    functional = torch.nn.functional

    def convolution(given: list[Any], said: Mapping[str, Any]) -> Any:
        x, weights = given
        groups = weights.shape[0] if weights.ndim == 5 else 1  # (G, O / G, I / G, H, W)
        x, strides, dilations = padded(x, said, 0.0), said["strides"], said["dilations"]
        kernels = weights.flatten(0, 1) if weights.ndim == 5 else weights
        return functional.conv2d(x, kernels, None, strides, 0, dilations, groups)

    def padded(x: Any, said: Mapping[str, Any], value: float) -> Any:
        (top, left), (bottom, right) = said["pads_begin"], said["pads_end"]
        return functional.pad(x, (left, right, top, bottom), value=value) if any((top, left, bottom, right)) else x

    def maximum(given: list[Any], said: Mapping[str, Any]) -> Any:
        return functional.max_pool2d(padded(given[0], said, float("-inf")), said["kernel"], said["strides"])

    def average(given: list[Any], said: Mapping[str, Any]) -> Any:
        if said["pads_begin"] != said["pads_end"]:
            raise UnknownOperation("a mean over maps that are padded unevenly")
        counted = not said["exclude-pad"]
        return functional.avg_pool2d(given[0], said["kernel"], said["strides"], said["pads_begin"], False, counted)

    return {
        **operations(torch),
        "Convolution": convolution, "GroupConvolution": convolution, "MaxPool": maximum, "AvgPool": average,
    }  # fmt: skip
