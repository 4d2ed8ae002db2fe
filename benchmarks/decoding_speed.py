"""Tokens a second of greedy decoding, beside transformers.

It writes a small model with random weights, which a rendered project imports and transformers
loads, both in float32 and on the CPU. Each continues prompts of one token; what they write must be
the same. Compiling and warming up are not timed, and the fastest of a few rounds counts.

Usage: ``python decoding_speed.py PACKAGE [PYTHON]`` in the environment of a rendered language
project; PYTHON is an interpreter that has torch and transformers. Without it, an environment is
made for them, and where that fails, nothing is measured.
"""

import importlib
import json
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file
from support.llama import Sizes, config, shapes

PACKAGES = ("torch==2.13.0", "transformers==5.24.0")
SIZES = Sizes(width=256, inner=768, heads=8, layers=4, vocabulary=4096)
BATCHES, TOKENS, ROUNDS = (1, 8), 64, 3
THEIRS = """
import json, sys, time
import torch, transformers
folder, tokens, rounds, *prompts = json.loads(sys.argv[1])
model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
told = []
for prompt in prompts:
    prompt, best = torch.tensor(prompt), float("inf")
    for _ in range(rounds + 1):
        started = time.perf_counter()
        made = model.generate(
            prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=tokens, do_sample=False
        )
        best = min(best, time.perf_counter() - started)
    told.append([best, made[:, 1:].tolist()])
print(json.dumps(told))
"""


def main(package: str, python: str | None = None) -> int:
    """Print tokens a second of both, and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = python or make_environment(folder / "peer")
        if python is None:
            print("skipped: torch and transformers cannot be installed here")
            return 0
        write_model(folder / "model")
        prompts = [np.arange(batch)[:, None] for batch in BATCHES]
        ours = decode(package, folder, prompts)
        given = [str(folder / "model"), TOKENS, ROUNDS, *(each.tolist() for each in prompts)]
        words = [python, "-c", THEIRS, json.dumps(given)]
        told = subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout
        theirs = json.loads(told.splitlines()[-1])
    for batch, (our_time, our_tokens), (their_time, their_tokens) in zip(
        BATCHES, ours, theirs, strict=True
    ):
        assert our_tokens == their_tokens, "the two wrote different texts"
        print(f"batch {batch}: transformers {batch * TOKENS / their_time:8.0f} tokens/s")
        print(f"batch {batch}: the project  {batch * TOKENS / our_time:8.0f} tokens/s")
        print(f"batch {batch}: ratio        {their_time / our_time:8.2f}")
    return 0


def make_environment(folder: Path) -> str | None:
    """The interpreter of a new environment with torch and transformers; None if there is none."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    words = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES)
    return None if subprocess.run([python, *words], check=False).returncode else python


def write_model(folder: Path) -> None:
    """Write random weights that make no token much likelier than all others."""
    folder.mkdir()
    random = np.random.default_rng(0)
    tensors = {
        name: random.normal(0, 0.1, shape).astype(np.float32)
        for name, shape in shapes(SIZES).items()
    }
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config(SIZES)))


def decode(package: str, folder: Path, prompts: list[np.ndarray]) -> list[tuple[float, list]]:
    """Seconds of the project's fastest round, and its tokens, for each batch of prompts."""
    main, generation, runs = (
        importlib.import_module(f"{package}.{name}")
        for name in ("__main__", "generation", "commands._run")
    )
    words = ("import", "--source", folder / "model", "--output", folder / "run")
    float32 = "--config=set:precision.compute_dtype=float32"
    assert main.main([*map(str, words), float32]) == 0
    program, state, _ = runs.open_run(folder / "run")
    sampling, told = generation.Sampling(max_tokens=TOKENS, temperature=0.0), []
    with jax.set_mesh(program.mesh):
        model = program.model(state)
        for prompt in prompts:
            best, made = float("inf"), None
            for _ in range(ROUNDS + 1):
                started = time.perf_counter()
                given = jnp.asarray(prompt, jnp.int32)
                made = np.asarray(generation.generate(model, given, None, sampling, end=-1))
                best = min(best, time.perf_counter() - started)
            told.append((best, np.asarray(made).tolist()))
    return told


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
