"""Other programs that do what ours does, each in an environment of its own, installed when first asked for."""

import os
import subprocess
import sys
from pathlib import Path

CACHE = Path(__file__).parent.parent / "var" / "bench"
PINS = {
    "icrawler": ["icrawler==0.6.10"],
    "img2dataset": ["img2dataset==1.47.0"],
    # Without torch, which is gigabytes: its networks are not measured.
    "imagededup": [
        "--no-deps", "imagededup==0.3.3.post2", "PyWavelets==1.9.0", "scikit-learn==1.9.1", "scipy==1.17.1",
        "joblib==1.6.0", "threadpoolctl", "narwhals", "matplotlib==3.11.2", "contourpy", "cycler", "fonttools",
        "kiwisolver", "packaging", "pyparsing", "python-dateutil", "six", "numpy==2.4.6", "pillow==13.0.0", "tqdm",
    ],
    "keras": ["tensorflow-cpu==2.21.0", "pillow==13.0.0", "safetensors==0.8.0"],
    "onnxruntime": ["onnxruntime==1.31.1", "numpy==2.4.6"],
    "openvino": ["openvino==2026.4.1", "numpy==2.4.6"],
    # What pnnx names as needed, torch, its converter does without.
    "ncnn": ["--no-deps", "ncnn==1.0.20261020", "pnnx==20261020", "numpy==2.4.6"],
    "faiss": ["faiss-cpu==1.15.1", "numpy==2.4.6"],
    "cleanlab": [
        "cleanlab==2.9.0", "numpy==2.4.6", "scikit-learn==1.9.1", "scipy==1.17.1", "pandas==3.1.1", "termcolor==3.3.0",
    ],
}  # fmt: skip

ICRAWLER = """
import logging, sys
from icrawler.builtin import UrlListCrawler
urls, out, threads = sys.argv[1:]
crawler = UrlListCrawler(downloader_threads=int(threads), storage={"root_dir": out}, log_level=logging.CRITICAL)
crawler.crawl(urls, max_num=1_000_000)
"""

# Pictures stay as large as they are, as they do with ours; no shard waits for another.
IMG2DATASET = """
import sys
from img2dataset import download
urls, out, threads = sys.argv[1:]
if __name__ == "__main__":
    download(url_list=urls, output_folder=out, input_format="txt", output_format="files", image_size=1600,
             resize_mode="keep_ratio_largest", resize_only_if_bigger=True, processes_count=2,
             thread_count=int(threads) // 2, number_sample_per_shard=1000, enable_wandb=False, retries=2)
"""

IMAGEDEDUP = """
import json, sys
from unittest.mock import MagicMock
for networks in ("methods.cnn", "utils.models", "utils.data_generator"):
    sys.modules[f"imagededup.{networks}"] = MagicMock()
from imagededup.methods import DHash, PHash
methods = {"PHash": PHash, "DHash": DHash}
if __name__ == "__main__":
    found = methods[sys.argv[2]](verbose=False).find_duplicates(image_dir=sys.argv[1], num_enc_workers=0)
    json.dump(found, open(sys.argv[3], "w"))
"""


def installed(name: str) -> Path | None:
    """Return the Python that has the peer, None where it cannot be installed here."""
    folder = CACHE / "peers" / name
    python = folder / "bin" / "python"
    done = folder / "installed"
    if done.is_file():
        return python
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "-q", *PINS[name]]
        subprocess.run(pip, check=True, timeout=900)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"{name} cannot be installed here: {error}", file=sys.stderr)
        return None
    done.touch()
    return python


def command(name: str, script: str, *arguments: str) -> list[str] | None:
    """Return the command that runs a script with a peer, None where it is not to be had."""
    python = installed(name)
    if python is None:
        return None
    path = CACHE / f"run_{name}.py"
    path.write_text(script)
    return [str(python), str(path), *arguments]


def environment() -> dict[str, str]:
    """Return an environment without what is ours."""
    hidden = {"PYTHONPATH", "VIRTUAL_ENV", "DJANGO_SETTINGS_MODULE"}
    return {name: value for name, value in os.environ.items() if name not in hidden} | {"NO_ALBUMENTATIONS_UPDATE": "1"}
