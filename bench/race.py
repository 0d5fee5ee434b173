"""Our engine beside eleven ways to compute the same network, and beside what the machine can do at most.

    python -m bench race

Every contender is a process of its own environment; rounds are interleaved, and who does not compute is stopped.
Contenders compute the logits only, ours all outputs of the bundle.
"""

import json
import shutil
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx.utils
from onnx import helper, numpy_helper

from bench import peers, plots
from bench.contenders import Contender, ContenderError
from bench.engine_peers import CONTENDERS
from bench.summary import line, page, row, table
from ml.bundle import Bundle
from ml.engine import candidates, load
from ml.engine.agreement import drawn_pictures
from ml.engine.base import Engine
from ml.engine.choice import Timed, timings
from ml.picture import decode
from ml.preset import to_input

ROOT = Path(__file__).parent.parent
BUNDLE = ROOT / "ml" / "starter" / "places"
VAL = ROOT.parent / "shared" / "data" / "landmarks" / "val"
FOLDER = peers.CACHE / "race"
ENGINE_CACHE = FOLDER / "cache"
ROUNDS, TIMES = 25, 3  # of each round's times the median counts: the first finds cold caches
AGREEING = 100  # pictures of val
SIDE = 3072  # of the matrices
ENVIRONMENTS = {  # torch's is ours: one copy is enough
    "ONNX Runtime": "onnxruntime",
    "OpenVINO as it comes": "openvino",
    "OpenVINO bf16": "openvino",
    "ncnn": "ncnn",
    "TensorFlow": "keras",
    "Keras call": "keras",
    "Keras predict": "keras",
}
PRECISIONS = {"f32": 0, "bf16": 1, "int8": 2}
OPERATIONS = 31e9  # of VGG16's convolutions for a picture of 224 x 224, a multiplication and an addition each
TAKEN = {"Conv", "MaxPool", "ReduceMean", "ReduceMax", "Concat", "Gemm", "Relu", "Sqrt", "Add", "Sub", "Div"}

Arrays = dict[str, npt.NDArray[Any]]


@dataclass
class Taken:
    """One contender: what it is, its milliseconds of each round, its best label of each picture."""

    description: str
    milliseconds: list[float] = field(default_factory=list)
    best: list[int] = field(default_factory=list)
    problem: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)


@dataclass(frozen=True)
class Photo:
    """A photo of val and the name of what it shows."""

    path: Path
    slug: str


@dataclass(frozen=True)
class Accuracy:
    """Top-1 on ``photos`` of val in single precision and of our engine, and the share of equal answers."""

    photos: int
    single: float
    ours: float
    same: float


@dataclass(frozen=True)
class Peak:
    """The best time of the product of two square matrices in one precision."""

    precision: str
    side: int
    milliseconds: float

    @property
    def speed(self) -> float:
        """Operations a second."""
        return 2 * self.side**3 / (self.milliseconds / 1000)

    def share(self, ours: Taken) -> float:
        """Which part of it VGG16's operations in our time are."""
        return OPERATIONS / (ours.median / 1000) / self.speed


def measure(out: Path, quick: bool = False) -> list[str]:
    """Write race.md and its plot to ``out``; return the rows of the summary."""
    bundle, rounds, count, side = Bundle.load(BUNDLE), ROUNDS, AGREEING, SIDE
    photos = of_val()
    if quick:
        rounds, count, side, photos = 2, 2, 512, photos[:4]
    prepare(bundle, photos, count, side)
    taken, peaks = race(rounds, count, side)
    accuracy = on_val(bundle, photos)
    shown = {name: each.median for name, each in taken.items() if not each.problem}
    plots.bars(out / "race.svg", "VGG16, one picture: milliseconds", shown)
    timed = timings(bundle, ENGINE_CACHE, 0)
    page(out / "race.md", "The engine beside others", text(taken, peaks, accuracy, timed), quick)
    return [*ratios(taken, accuracy), share(taken["ours"], peaks)]


def of_val() -> list[Photo]:
    """Return the photos of val, mixed, or none where they are not at hand."""
    found = [Photo(path, path.parent.name) for path in sorted(VAL.glob("*/*.jpg"))]
    return [found[index] for index in np.random.default_rng(11).permutation(len(found))]


def prepare(bundle: Bundle, photos: Sequence[Photo], count: int, side: int) -> None:
    """Write what the contenders read: pixels, and the graph up to the logits in single precision."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(FOLDER / "inductor", ignore_errors=True)  # a compilation that was cut off is not noticed
    pictures = [decode(photo.path.read_bytes()) for photo in photos[:count]] or list(islice(drawn_pictures(), count))
    np.save(FOLDER / "inputs.npy", np.concatenate([to_input(picture, bundle.preset) for picture in pictures]))
    model = FOLDER / "logits.onnx"
    onnx.utils.extract_model(str(bundle.model), str(model), ["x"], ["logits"])
    plan, constants = plain(model)
    (FOLDER / "plan.json").write_text(json.dumps(plan))
    np.savez(FOLDER / "constants.npz", **constants)  # type: ignore[arg-type]  # names are ours
    (FOLDER / "ours.json").write_text(json.dumps({"bundle": str(bundle.path), "cache": str(ENGINE_CACHE)}))
    (FOLDER / "side").write_text(str(side))


def plain(model: Path) -> tuple[list[tuple[str, list[str], str]], Arrays]:
    """Store the weights of an ONNX file in single precision, and return its nodes and arrays under short names."""
    loaded = onnx.load(model)
    graph = loaded.graph
    arrays = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    arrays |= {n.output[0]: numpy_helper.to_array(n.attribute[0].t) for n in graph.node if n.op_type == "Constant"}
    arrays |= {n.output[0]: arrays.pop(n.input[0]) for n in graph.node if n.op_type == "Cast"}
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    nodes = [node for node in graph.node if node.op_type not in ("Cast", "Constant")]
    assert {node.op_type for node in nodes} <= TAKEN, "the contenders cannot compute all of this graph"
    del graph.node[:], graph.initializer[:]
    graph.node.extend(each for node in nodes for each in pooling(node))
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
    onnx.save(loaded, model)
    short = {name: f"v{index}" for index, name in enumerate([*arrays, *(node.output[0] for node in nodes)])}
    short |= {"x": "x", "logits": "logits"}
    plan = [(node.op_type, [short[name] for name in node.input], short[node.output[0]]) for node in nodes]
    return plan, {short[name]: array for name, array in arrays.items()}


def pooling(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Return a mean or a maximum over a map as the pooling that it is, which pnnx knows too."""
    kinds = {"ReduceMean": "GlobalAveragePool", "ReduceMax": "GlobalMaxPool"}
    if node.op_type not in kinds:
        return [node]
    pooled = f"{node.output[0]}.pooled"
    return [
        helper.make_node(kinds[node.op_type], [node.input[0]], [pooled]),
        helper.make_node("Flatten", [pooled], list(node.output)),
    ]


def race(rounds: int, count: int, side: int) -> tuple[dict[str, Taken], list[Peak]]:
    """Let all compute in turns; return what each took, and the machine's peaks."""
    with ExitStack() as stack:
        taken, running = started(stack)
        products: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
        machine = running.pop("peak")
        for turn in range(-1, rounds):  # the first warms up
            for name, (*milliseconds, _) in asked(running, taken, turn % count, TIMES):
                taken[name].milliseconds += [statistics.median(map(float, milliseconds))] if turn >= 0 else []
            for precision, index in PRECISIONS.items():
                products[precision].append(float(machine.ask(index, 1)[0]))
        for index in range(count):
            for name, (_, best) in asked(running, taken, index, 1):
                taken[name].best.append(int(best))
    return taken, [Peak(precision, side, min(all_)) for precision, all_ in products.items()]


def asked(
    running: dict[str, Contender], taken: dict[str, Taken], index: int, times: int
) -> Iterator[tuple[str, list[str]]]:
    """Yield each contender's answer for a picture; one that ends is out of the race."""
    for name, each in list(running.items()):
        try:
            yield name, each.ask(index, times)
        except ContenderError as error:
            taken[name].problem = str(error)
            del running[name]


def started(stack: ExitStack) -> tuple[dict[str, Taken], dict[str, Contender]]:
    """Start all contenders; those that cannot have a problem."""
    taken: dict[str, Taken] = {}
    running: dict[str, Contender] = {}
    for name in CONTENDERS:
        try:
            running[name] = stack.enter_context(contender(name))
            taken[name] = Taken(running[name].description)
            running[name].ask(0, 1)  # some compile at the first picture
        except (ContenderError, OSError) as error:
            running.pop(name, None)
            taken[name] = Taken("", problem=str(error))
    del taken["peak"]
    return taken, running


def contender(name: str) -> Contender:
    """Start one contender; raises ContenderError."""
    environment = ENVIRONMENTS.get(name)
    python = peers.installed(environment) if environment else Path(sys.executable)
    if python is None:
        raise ContenderError("could not be installed here")
    settings = peers.environment() | {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
        "TORCHINDUCTOR_CACHE_DIR": str(FOLDER / "inductor"),
    }
    if name == "ours":
        settings["PYTHONPATH"] = str(ROOT)
    script = ROOT / "bench" / "engine_peers.py"
    return Contender(name, [str(python), "-P", str(script), name, str(FOLDER)], FOLDER, settings)


def on_val(bundle: Bundle, photos: Sequence[Photo]) -> Accuracy | None:
    """Compare our engine with single precision on val; None where there is none."""
    if not photos:
        return None
    ours, single = (best_of(bundle, photos, name) for name in ("", candidates.SINGLE))
    truth = np.array([bundle.labels.index(photo.slug) for photo in photos])
    right, right_ours = float((single == truth).mean()), float((ours == truth).mean())
    return Accuracy(len(photos), right, right_ours, float((ours == single).mean()))


def best_of(bundle: Bundle, photos: Sequence[Photo], name: str) -> npt.NDArray[np.int64]:
    """Return the best label of every photo by the engine ``name``, or by the one that is chosen; remembered."""
    engine: Engine = candidates.make(name, bundle, ENGINE_CACHE, 0) if name else load(bundle, ENGINE_CACHE)
    about = "".join(letter if letter.isalnum() else "-" for letter in engine.description)
    known = FOLDER / f"val-{bundle.version}-{about}-{len(photos)}.npy"
    if known.is_file():
        return np.asarray(np.load(known))
    inputs = (to_input(decode(photo.path.read_bytes()), bundle.preset) for photo in photos)
    best = np.array([int(engine.infer(x)["logits"][0].argmax()) for x in inputs])
    np.save(known, best)
    return best


def has_amx() -> bool:
    """Whether the CPU has Intel's matrix unit."""
    path = Path("/proc/cpuinfo")
    return path.is_file() and "amx_tile" in path.read_text()


def ratios(taken: dict[str, Taken], accuracy: Accuracy | None) -> list[str]:
    """Return the rows that compare us with others."""
    ours = taken["ours"]
    others = {name: each.median for name, each in taken.items() if name != "ours" and not each.problem}
    best = min(others, key=lambda name: others[name])
    right = accuracy is None or accuracy.ours >= accuracy.single - 0.002
    goal = 0.10 if has_amx() else 0.40
    eager, beside = ours.median / others["torch eager"], ours.median / others[best]
    network = "VGG16 with our head, one picture"
    rows = [
        row(f"{network}: ours", f"{ours.median:.1f} ms ({ours.description})"),
        row(f"{network}: ours / torch eager", f"{eager:.2f}", f"{goal:.2f}", eager <= goal and right),
        row(f"{network}: ours / the best peer, {best}", f"{beside:.2f}", "0.60", beside <= 0.60 and right),
    ]
    if accuracy:
        figure = f"{accuracy.ours:.2%}, {accuracy.single:.2%} in single precision ({accuracy.photos} photos)"
        rows.append(row("top-1 on val", figure, "within 0.2 points", right))
    return rows


def share(ours: Taken, peaks: Sequence[Peak]) -> str:
    """Return the row that compares us with the machine's own limit."""
    peak = next(peak for peak in peaks if ours.description.endswith(peak.precision))
    part = peak.share(ours)
    return row(f"the same against the matrix peak in {peak.precision}", f"{part:.0%}", "at least 40%", part >= 0.40)


def text(
    taken: dict[str, Taken], peaks: Sequence[Peak], accuracy: Accuracy | None, timed: Sequence[Timed]
) -> list[str]:
    """Return the page."""
    rounds = len(taken["ours"].milliseconds)
    lines = [
        "VGG16 at 224 x 224 with our head, one picture at a time, from the shipped bundle. Each contender is a",
        "process of its own environment; all take turns on the same pixels.",
        f"{rounds} rounds, in each the median of {TIMES} times, then the median of rounds. Ours computes logits,",
        "embedding, feature map, pooled features and style; the others only the logits, which is a little less work.",
        "",
        "![milliseconds of each](race.svg)",
        "",
        *table(("engine", "ms", "quartiles", "ours / it", "best label as torch's"), [of(n, taken) for n in taken]),
        "",
        "## The machine's own limit",
        "",
        f"The product of two square matrices of side {peaks[0].side}, in the same rounds (best time; torch, which",
        f"calls oneDNN). The network needs {OPERATIONS / 1e9:.0f} thousand million operations a picture when convolved",
        "plainly. Winograd's convolutions, ncnn's, need fewer: a share may look better than it computes.",
        "",
        *table(("precision", "million million operations a second", "ours, of it"), limits(peaks, taken["ours"])),
    ]  # fmt: skip
    if accuracy:
        lines += [
            "", "## Accuracy", "",
            f"On {accuracy.photos} photos of `val`: top-1 {accuracy.ours:.2%} with the chosen engine,",
            f"{accuracy.single:.2%} in single precision (OpenVINO); the best label is the same on {accuracy.same:.2%}.",
        ]  # fmt: skip
    lines += [
        "",
        "## What the choice was between",
        "",
        "As `ml.engine.choice` timed them at first load: the least of its rounds.",
        "",
    ]
    rows = [
        line(each.name, f"{each.milliseconds or 0:.1f}", f"{each.same or 0:.1%}", f"{each.cosine or 0:.3f}", each.note)
        for each in timed
    ]
    return [*lines, *table(("engine", "ms", "same best label", "least cosine of embeddings", "why not"), rows)]


def of(name: str, taken: dict[str, Taken]) -> str:
    """Return a contender's line."""
    each = taken[name]
    if each.problem:
        return line(name, "", "", "", each.problem)
    low, _, high = statistics.quantiles(each.milliseconds, n=4)
    same = np.mean(np.array(each.best) == np.array(taken["torch eager"].best))
    figures = f"{each.median:.1f}", f"{low:.1f} to {high:.1f}", f"{taken['ours'].median / each.median:.2f}"
    return line(f"{name} ({each.description})", *figures, f"{same:.0%} of {len(each.best)}")


def limits(peaks: Sequence[Peak], ours: Taken) -> list[str]:
    """Return a line for each precision."""
    used = {peak.precision: " (used)" for peak in peaks if ours.description.endswith(peak.precision)}
    return [
        line(peak.precision, f"{peak.speed / 1e12:.2f}", f"{peak.share(ours):.0%}{used.get(peak.precision, '')}")
        for peak in peaks
    ]
