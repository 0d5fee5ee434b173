"""One contender of the engine's benchmark, run by the Python of its own environment, which need not have ours.

    python -P bench/engine_peers.py NAME FOLDER

For a line ``INDEX TIMES`` on standard input it computes that picture that often and answers with the milliseconds
of each time, then the best label. FOLDER holds ``inputs.npy`` (N, 3, 224, 224), ``logits.onnx`` and ``plan.json``
with ``constants.npz``: the same graph for libraries that read no ONNX.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Predict = Callable[[Any], Any]


def ours(folder: Path) -> tuple[str, Predict]:
    from ml.bundle import Bundle
    from ml.engine import load

    chosen = json.loads((folder / "ours.json").read_text())
    engine = load(Bundle.load(Path(chosen["bundle"])), Path(chosen["cache"]))
    return engine.description, lambda x: engine.infer(x)["logits"]


def torch_module(folder: Path) -> Any:
    """Return the graph as a torch module that calls one function a node."""
    import torch
    from torch.nn import functional

    plan, constants = read_plan(folder)

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, array in constants.items():
                self.register_buffer(name, torch.from_numpy(array))

        def forward(self, x: Any) -> Any:
            values = dict(self._buffers) | {"x": x}
            for kind, inputs, output in plan:
                values[output] = operations[kind](*(values[name] for name in inputs))
            return values["logits"]

    operations: dict[str, Callable[..., Any]] = {
        "Conv": lambda x, weight, bias: functional.conv2d(x, weight, bias, padding=1),
        "MaxPool": lambda x: functional.max_pool2d(x, 2),
        "ReduceMean": lambda x: x.mean((2, 3)),
        "ReduceMax": lambda x: x.amax((2, 3)),
        "Concat": lambda *parts: torch.cat(parts, 1),
        "Gemm": functional.linear,
        "Relu": torch.relu,
        "Sqrt": torch.sqrt,
        "Add": torch.add,
        "Sub": torch.sub,
        "Div": torch.div,
    }
    return Network().eval().requires_grad_(False)


def torch(folder: Path, last: bool = False, bf16: bool = False, compiled: bool = False) -> tuple[str, Predict]:
    import torch as library

    network = torch_module(folder)
    layout = library.channels_last if last else library.contiguous_format
    kind = library.bfloat16 if bf16 else library.float32
    for name, value in network.named_buffers():
        setattr(network, name, value.to(kind, memory_format=layout if value.ndim == 4 else library.contiguous_format))
    if compiled:
        network = library.compile(network)

    def predict(x: Any) -> Any:
        with library.inference_mode():
            given = library.from_numpy(x).to(kind, memory_format=layout)
            return network(given).float().numpy()

    return f"torch {library.__version__}", predict


def onnxruntime(folder: Path) -> tuple[str, Predict]:
    import onnxruntime as library

    session = library.InferenceSession(str(folder / "logits.onnx"), providers=["CPUExecutionProvider"])
    return f"ONNX Runtime {library.__version__}", lambda x: session.run(None, {"x": x})[0]


def openvino(folder: Path, bf16: bool = False) -> tuple[str, Predict]:
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino as library

    options = {"INFERENCE_PRECISION_HINT": "bf16"} if bf16 else {}
    compiled = library.Core().compile_model(str(folder / "logits.onnx"), "CPU", options)
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    return f"OpenVINO {library.__version__.split('-')[0]}, {precision}", lambda x: compiled(x)[0]


def ncnn(folder: Path) -> tuple[str, Predict]:
    import ncnn as library

    # The converter itself: the package around it wants torch.
    pnnx = next(path for path in Path(library.__file__).parent.parent.glob("pnnx/pnnx*") if path.suffix in ("", ".exe"))
    command = [str(pnnx), "logits.onnx", "inputshape=[1,3,224,224]f32", "fp16=0"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    net = library.Net()
    net.load_param(str(folder / "logits.ncnn.param"))
    net.load_model(str(folder / "logits.ncnn.bin"))

    def predict(x: Any) -> Any:
        with net.create_extractor() as extractor:
            extractor.input("in0", library.Mat(x[0]))
            return np.array(extractor.extract("out0")[1])[np.newaxis]

    return f"ncnn {library.__version__}", predict


def keras_model(folder: Path) -> Any:
    """Return the graph as a functional Keras model, channels last as TensorFlow wants it on a CPU."""
    import keras

    plan, constants = read_plan(folder)
    x = keras.Input((224, 224, 3))
    values: dict[str, Any] = {"x": x}

    def layer(made: Any, x: Any, *weights: Any) -> Any:
        out = made(x)
        made.set_weights(weights)
        return out

    def conv(x: Any, weight: Any, bias: Any) -> Any:
        made = keras.layers.Conv2D(len(bias), 3, padding="same")
        return layer(made, x, weight.transpose(2, 3, 1, 0), bias)

    operations: dict[str, Callable[..., Any]] = {
        "Conv": conv,
        "MaxPool": lambda x: keras.layers.MaxPooling2D()(x),
        "ReduceMean": lambda x: keras.layers.GlobalAveragePooling2D()(x),
        "ReduceMax": lambda x: keras.layers.GlobalMaxPooling2D()(x),
        "Concat": lambda *parts: keras.layers.Concatenate()(list(parts)),
        "Gemm": lambda x, weight, bias: layer(keras.layers.Dense(len(bias)), x, weight.T, bias),
        "Relu": lambda x: keras.layers.ReLU()(x),
        "Sqrt": keras.ops.sqrt,
        "Add": keras.ops.add,
        "Sub": keras.ops.subtract,
        "Div": keras.ops.divide,
    }
    for kind, inputs, output in plan:
        given = (values[name] if name in values else constants[name] for name in inputs)
        values[output] = operations[kind](*given)
    return keras.Model(x, values["logits"])


def keras(folder: Path, way: str) -> tuple[str, Predict]:
    import keras as library
    import tensorflow

    model = keras_model(folder)
    about = f"Keras {library.__version__}"
    if way == "predict":
        return about, lambda x: model.predict(x, verbose=0)
    if way == "call":
        return about, lambda x: model(x, training=False).numpy()
    shape = tensorflow.TensorSpec((1, 224, 224, 3), tensorflow.float32)
    graph = tensorflow.function(lambda x: model(x, training=False)).get_concrete_function(shape)
    return f"TensorFlow {tensorflow.__version__}", lambda x: graph(tensorflow.constant(x)).numpy()


def peak(folder: Path) -> tuple[str, Predict]:
    """Multiply large matrices; the picture's index says in which precision: 3 is single again, by NumPy."""
    import torch as library

    side = int((folder / "side").read_text())
    kinds = [library.float32, library.bfloat16, library.int8]
    matrices = [(library.rand(side, side) * 4).to(kind) for kind in kinds]

    single = matrices[0].numpy()

    def predict(index: int) -> Any:
        a = matrices[index % len(kinds)]
        with library.inference_mode():
            if index == len(kinds):
                single @ single
            else:
                (library._int_mm if index == 2 else library.mm)(a, a)
        return np.zeros(1)

    return f"torch {library.__version__}", predict


CONTENDERS: dict[str, Callable[[Path], tuple[str, Predict]]] = {
    "ours": ours,
    "torch eager": torch,
    "torch channels_last": lambda folder: torch(folder, last=True),
    "torch.compile": lambda folder: torch(folder, compiled=True),
    "torch bf16": lambda folder: torch(folder, last=True, bf16=True),
    "ONNX Runtime": onnxruntime,
    "OpenVINO as it comes": openvino,
    "OpenVINO bf16": lambda folder: openvino(folder, bf16=True),
    "ncnn": ncnn,
    "TensorFlow": lambda folder: keras(folder, "graph"),
    "Keras call": lambda folder: keras(folder, "call"),
    "Keras predict": lambda folder: keras(folder, "predict"),
    "peak": peak,
}


def read_plan(folder: Path) -> tuple[list[tuple[str, list[str], str]], dict[str, Any]]:
    """Return the graph's nodes, kind, inputs and output each, and its arrays."""
    with np.load(folder / "constants.npz") as constants:
        return json.loads((folder / "plan.json").read_text()), dict(constants)


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    about, predict = CONTENDERS[name](folder)
    inputs: Any = range(4) if name == "peak" else np.load(folder / "inputs.npy")
    if name.startswith(("Keras", "TensorFlow")):
        inputs = np.ascontiguousarray(inputs.transpose(0, 2, 3, 1))
    print("ready", about, flush=True)
    for line in sys.stdin:
        index, times = map(int, line.split())
        x = inputs[index] if name == "peak" else inputs[index : index + 1]
        taken = []
        for _ in range(times):
            began = time.perf_counter()
            answer = predict(x)
            taken.append((time.perf_counter() - began) * 1000)
        print(*(f"{each:.4f}" for each in taken), int(np.argmax(answer)), flush=True)


if __name__ == "__main__":
    main()
