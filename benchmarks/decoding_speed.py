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

PACKAGES = ("torch==2.13.0", "transformers==5.24.0")
WIDTH, INNER, HEADS, LAYERS, VOCABULARY = 256, 768, 8, 4, 4096
BATCHES, TOKENS, ROUNDS = (1, 8), 64, 3
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "max_position_embeddings": 2 * TOKENS,
    "tie_word_embeddings": True,
    "torch_dtype": "float32",
    "bos_token_id": None,
    "eos_token_id": None,
}
LAYER = {
    "input_layernorm": (WIDTH,),
    "post_attention_layernorm": (WIDTH,),
    **{f"self_attn.{name}_proj": (WIDTH, WIDTH) for name in "qkvo"},
    "mlp.gate_proj": (INNER, WIDTH),
    "mlp.up_proj": (INNER, WIDTH),
    "mlp.down_proj": (WIDTH, INNER),
}
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
    shapes = {"model.embed_tokens": (VOCABULARY, WIDTH), "model.norm": (WIDTH,)}
    for number in range(LAYERS):
        shapes |= {f"model.layers.{number}.{name}": shape for name, shape in LAYER.items()}
    random = np.random.default_rng(0)
    tensors = {
        f"{name}.weight": random.normal(0, 0.1, shape).astype(np.float32)
        for name, shape in shapes.items()
    }
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG))


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
