"""ncnn on the CPU: its Winograd convolutions win where the CPU has no matrix unit.

ncnn computes the feature maps; what follows them, about a hundredth of the work, is computed in NumPy. Both
are translated from the bundle's ONNX file once, and kept in the cache folder: later starts read no ONNX.
"""

import json
import os
import tempfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ml.bundle import sha256
from ml.engine import ncnn_files
from ml.engine.base import Array, EngineError
from ml.engine.graph import INPUT, Graph, Node, check, read, run, split
from ml.engine.operations import operations

# Read when ncnn's OpenMP is loaded: threads that wait by spinning made answers three times as slow on busy cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import ncnn

REST, CONSTANTS = "rest.json", "rest.npz"
OPERATIONS = operations(np)


class Ncnn:
    """A model for one picture at a time, in ``precision`` "f32" or "bf16" (maps only)."""

    def __init__(self, model: Path, precision: str, cache_dir: Path | None = None, threads: int = 0) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            folder = translated(model, cache_dir or Path(temporary))
            self.graph = _read_rest(folder)
            self.net = _net(folder, precision, threads)
        taken = {name for node in self.graph.nodes for name in node.inputs} | set(self.graph.outputs.values())
        made = {node.output for node in self.graph.nodes} | self.graph.constants.keys()
        self.maps = sorted(taken - made)
        self.description = f"ncnn {ncnn.__version__}, CPU, {precision}"

    def infer(self, x: Array) -> dict[str, Array]:
        """Return the model's named outputs for one picture (1, 3, H, W)."""
        extractor = self.net.create_extractor()
        # ncnn reads the array where it lies, so ``x`` has to outlive the extraction.
        extractor.input(INPUT, ncnn.Mat(x[0]))
        values = dict(self.graph.constants)
        for name in self.maps:
            failed, map_ = extractor.extract(name)
            if failed:
                raise EngineError(f"ncnn could not compute an answer (its code is {failed}).")
            values[name] = np.array(map_)[np.newaxis]
        return run(self.graph, OPERATIONS, values)


def translated(model: Path, cache_dir: Path) -> Path:
    """Return the folder below ``cache_dir`` with ``model`` in ncnn's form, written now unless it is there."""
    folder = cache_dir / f"ncnn-{sha256(model)[:16]}"
    if folder.is_dir():
        return folder
    cache_dir.mkdir(parents=True, exist_ok=True)
    maps, rest = split(read(model))
    check(rest, OPERATIONS)
    with tempfile.TemporaryDirectory(dir=cache_dir, prefix=".ncnn-") as temporary:
        new = Path(temporary) / "new"
        new.mkdir()
        ncnn_files.write(maps, new)
        (new / REST).write_text(json.dumps({"nodes": [asdict(node) for node in rest.nodes], "outputs": rest.outputs}))
        np.savez(new / CONSTANTS, allow_pickle=False, **rest.constants)
        with suppress(FileExistsError, OSError):  # another process was quicker
            new.rename(folder)
    return folder


def _net(folder: Path, precision: str, threads: int) -> ncnn.Net:
    net = ncnn.Net()
    bf16 = precision == "bf16"
    net.opt.use_bf16_storage = bf16
    # On by default where the CPU has half precision: neither of the two that were asked for.
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    if threads:
        net.opt.num_threads = threads
    if net.load_param(str(folder / ncnn_files.PARAM)) or net.load_model(str(folder / ncnn_files.WEIGHTS)):
        raise EngineError(f"ncnn cannot read what lies in {folder}.")
    return net


def _read_rest(folder: Path) -> Graph:
    said = json.loads((folder / REST).read_text())
    nodes = tuple(
        Node(**{**node, "inputs": tuple(node["inputs"]), "shape": tuple(node["shape"])}) for node in said["nodes"]
    )
    with np.load(folder / CONSTANTS, allow_pickle=False) as constants:
        return Graph(nodes, dict(constants), said["outputs"])
