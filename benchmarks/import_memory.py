"""Memory of the host that the import of a published model takes.

It writes a model of Llama's form with two gigabytes of bfloat16 weights in several files, lets a
rendered project import it, and watches the process: its peak beyond what Python and its packages
take, beside the weights that the devices hold, which here is memory of the host as well. Pages of
the files, which the system can drop at any time, are told apart.

Usage: ``python import_memory.py PACKAGE`` in the environment of a rendered language project, on
Linux.
"""

import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file
from support.llama import Sizes, config, shapes

SIZES = Sizes(width=2048, inner=5632, heads=16, layers=18, vocabulary=32_000)
FILE_BYTES = 500_000_000
IDLE = """
import time, jax, {0}.training.program, {0}.pretrained.weights
jax.devices()
time.sleep(1)
"""
"""What the process is before it reads anything."""


def main(package: str) -> int:
    """Print gigabytes of weights, and of the peaks."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = write_model(folder / "model")
        idle = watch(["-c", IDLE.format(package)])
        words = ("import", "--source", folder / "model", "--output", folder / "run")
        peak = watch(["-m", package, *map(str, words)])
    print(f"weights, on the devices      {weights / 1e9:6.2f} GB")
    print(f"Python and its packages      {idle['RssAnon'] / 1e9:6.2f} GB")
    beyond = peak["RssAnon"] - idle["RssAnon"]
    print(f"peak beyond these            {beyond / 1e9:6.2f} GB, {beyond / weights:.2f} x weights")
    print(f"peak with pages of files     {peak['VmRSS'] / 1e9:6.2f} GB")
    return 0


def write_model(folder: Path) -> int:
    """Write random weights of bfloat16 in files of half a gigabyte, and count their bytes."""
    folder.mkdir()
    drawn = (
        np.random.default_rng(0)
        .normal(0, 0.02, SIZES.vocabulary * SIZES.width)
        .astype(ml_dtypes.bfloat16)
    )
    groups, size = [{}], 0
    for name, shape in shapes(SIZES).items():
        tensor = drawn[: math.prod(shape)].reshape(shape)
        if groups[-1] and size + tensor.nbytes > FILE_BYTES:
            groups.append({})
            size = 0
        groups[-1][name] = tensor
        size += tensor.nbytes
    places: dict[str, str] = {}
    for at, group in enumerate(groups, start=1):
        file = f"model-{at:05}-of-{len(groups):05}.safetensors"
        save_file(group, folder / file)
        places |= dict.fromkeys(group, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    (folder / "config.json").write_text(json.dumps(config(SIZES)))
    return sum(tensor.nbytes for group in groups for tensor in group.values())


def watch(words: list[str]) -> Counter[str]:
    """The peaks of a process's memory in bytes, as Linux counts it."""
    peaks = Counter[str]()
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    with subprocess.Popen([sys.executable, *words], env=environment) as process:
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            found = re.findall(r"^(VmRSS|RssAnon):\s+(\d+) kB$", status, re.M)
            peaks |= Counter({name: 1024 * int(count) for name, count in found})
            time.sleep(0.02)
    if process.returncode:
        raise SystemExit(process.returncode)
    return peaks


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
