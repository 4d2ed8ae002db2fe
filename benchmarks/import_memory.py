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

WIDTH, INNER, HEADS, LAYERS, VOCABULARY = 2048, 5632, 16, 18, 32_000
FILE_BYTES = 500_000_000
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "tie_word_embeddings": True,
}
LAYER = {
    "input_layernorm": (WIDTH,),
    "post_attention_layernorm": (WIDTH,),
    **{f"self_attn.{name}_proj": (WIDTH, WIDTH) for name in "qkvo"},
    "mlp.gate_proj": (INNER, WIDTH),
    "mlp.up_proj": (INNER, WIDTH),
    "mlp.down_proj": (WIDTH, INNER),
}
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
    shapes = {"model.embed_tokens": (VOCABULARY, WIDTH), "model.norm": (WIDTH,)}
    for number in range(LAYERS):
        shapes |= {f"model.layers.{number}.{name}": shape for name, shape in LAYER.items()}
    drawn = np.random.default_rng(0).normal(0, 0.02, VOCABULARY * WIDTH).astype(ml_dtypes.bfloat16)
    groups, size = [{}], 0
    for name, shape in shapes.items():
        tensor = drawn[: math.prod(shape)].reshape(shape)
        if groups[-1] and size + tensor.nbytes > FILE_BYTES:
            groups.append({})
            size = 0
        groups[-1][f"{name}.weight"] = tensor
        size += tensor.nbytes
    places: dict[str, str] = {}
    for at, group in enumerate(groups, start=1):
        file = f"model-{at:05}-of-{len(groups):05}.safetensors"
        save_file(group, folder / file)
        places |= dict.fromkeys(group, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    (folder / "config.json").write_text(json.dumps(CONFIG))
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
