"""8-bit convolutions: a bundle's model quantised after training, kept where it answers like single precision.

    python -m ml.quantize BUNDLE --photos PHOTOS --out BUNDLE

NNCF finds the ranges of activations on calibration pictures and corrects biases. Only convolutions, but for the
first, and the pooling between them are quantised: what follows the maps is a hundredth of the work and most of the
accuracy. Where ``head.npz`` has the head, the 8-bit model ends before it: the same numbers are not kept a third time.
"""

import argparse
import logging
import random
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnx.utils import Extractor

from ml.bundle import INT8, MANIFEST, Bundle, BundleError, write
from ml.datasets import Collection, Photo
from ml.engine.agreement import Agreement, compare
from ml.engine.base import Array
from ml.engine.head import completed
from ml.engine.openvino import OpenVino
from ml.export import halve
from ml.heatmap import TAIL
from ml.picture import PictureError
from ml.preset import to_input

# After OpenVINO, which silences the telemetry of both.
import nncf  # isort: skip
from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters  # isort: skip
from nncf.quantization.range_estimator import RangeEstimatorParametersSet  # isort: skip

QUANTISED = {"Conv", "Relu", "Clip", "MaxPool"}
CALIBRATION, HELD_OUT = 200, 1000  # photos


def quantize(model: Path, inputs: Sequence[Array], out: Path, headless: bool = False) -> None:
    """Write the ONNX file ``model`` with 8-bit convolutions to ``out``, calibrated on ``inputs`` (1, C, H, W) each.

    ``headless`` leaves out what only the logits need.
    """
    plain = _simplified(model)
    others = sorted({node.op_type for node in plain.graph.node} - QUANTISED)
    first = next(node.name for node in plain.graph.node if node.op_type == "Conv")
    logging.getLogger("nncf").setLevel(logging.ERROR)  # its own function silences everybody's handlers
    quantised = nncf.quantize(
        plain,
        nncf.Dataset(list(inputs), lambda x: {"x": x}),
        subset_size=len(inputs),
        # The first is a hundredth of the work, and half of what 8 bits would change.
        ignored_scope=nncf.IgnoredScope(names=[first], types=others, validate=False),
        # The largest value counts: the head looks at maxima, which a mean over pictures would cut off.
        advanced_parameters=AdvancedQuantizationParameters(
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
        ),
    )
    if headless:
        outputs = [output.name for output in quantised.graph.output if output.name != "logits"]
        quantised = Extractor(quantised).extract_model(["x"], outputs)
    halve(quantised.graph)
    onnx.checker.check_model(quantised)
    onnx.save(quantised, out)


def _simplified(model: Path) -> Any:
    """Return the model with its constants computed, weights in single precision among them."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(Path(folder) / "plain.onnx")
        onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)


def agreement(bundle: Bundle, quantised: Path, inputs: Sequence[Array]) -> Agreement:
    """Compare what both say to ``inputs``."""
    single, other = OpenVino(bundle.model, "f32"), completed(OpenVino(quantised, "int8"), bundle)
    # Small outputs only: feature maps of a thousand photos would fill the memory.
    keep = ("logits", "embedding") if "embedding" in single.names else ("logits", "pooled")
    answers = [
        [{name: outputs[name] for name in keep} for outputs in map(engine.infer, inputs)] for engine in (single, other)
    ]
    return compare(answers[0], answers[1])


def add(bundle: Bundle, calibration: Sequence[Array], held_out: Sequence[Array], out: Path) -> Bundle:
    """Write ``bundle`` to ``out``, with an 8-bit model calibrated on ``calibration`` if it is accepted on ``held_out``.

    Its metrics say in ``int8`` how it agrees, accepted or not.
    """
    with tempfile.TemporaryDirectory() as folder:
        quantised = Path(folder) / INT8
        quantize(bundle.model, calibration, quantised, headless=(bundle.path / TAIL).is_file())
        found = agreement(bundle, quantised, held_out)
        values = {**asdict(found), "accepted": found.accepted, "photos": len(held_out)}

        def fill(new: Path) -> None:
            shutil.copytree(bundle.path, new, ignore=shutil.ignore_patterns(MANIFEST, INT8), dirs_exist_ok=True)
            if found.accepted:
                shutil.copyfile(quantised, new / INT8)

        return write(out, replace(bundle, metrics={**bundle.metrics, "int8": values}), fill)


def quantized(bundle: Bundle, collection: Collection, out: Path) -> Bundle:
    """Do ``add`` with photos: calibrated on those to train on, accepted on those to choose by. Raises PictureError."""
    calibration = _inputs(collection.train, CALIBRATION, bundle)
    return add(bundle, calibration, _inputs(collection.choose, HELD_OUT, bundle), out)


def said(bundle: Bundle) -> str:
    """Return what became of a bundle's 8-bit model, in sentences."""
    found = bundle.metrics["int8"]
    verdict = "accepted" if found["accepted"] else "not accepted, so left out"
    return (
        f"8 bits: {verdict}. The first answer is the same for {found['same']:.2%} of {found['photos']} photos; "
        f"the least cosine of embeddings is {found['cosine']:.4f}."
    )


def _inputs(photos: Sequence[Photo], count: int, bundle: Bundle) -> list[Array]:
    drawn = random.Random(0).sample(list(photos), min(count, len(photos)))  # noqa: S311  not a secret
    return [to_input(photo.open(), bundle.preset) for photo in drawn]


def main() -> None:
    """Write the bundle with its 8-bit model and say how that agrees."""
    parser = argparse.ArgumentParser(description="Add an 8-bit model to a bundle of places, if it answers alike.")
    parser.add_argument("bundle", type=Path, help="folder of the bundle")
    parser.add_argument("--photos", type=Path, required=True, help="folder with train/ and val/, as for training")
    parser.add_argument("--out", type=Path, required=True, help="folder of the bundle to write; may be the same")
    options = parser.parse_args()
    try:
        bundle, collection = Bundle.load(options.bundle), Collection.read(options.photos)
        bundle = quantized(bundle, collection, options.out)
    except (BundleError, PictureError, ValueError) as error:
        parser.exit(1, f"{error}\n")
    print(f"{said(bundle)} {bundle.name} {bundle.version} is in {options.out}")


if __name__ == "__main__":
    main()
