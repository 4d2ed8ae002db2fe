"""Imports the models of `transformers_side.py` into a project, compares, and exports them.

Run in the project's environment: `python project_side.py PACKAGE FOLDER`.
"""

import importlib
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_disable_most_optimizations", True)  # compiling takes most of the time
PACKAGE, FOLDER = sys.argv[1], Path(sys.argv[2])
PADDING, CHUNK = 8, 14


def module(name: str):
    """A module of the project."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def command(*words: str) -> None:
    """Run a command of the project."""
    assert module("__main__").main(list(words)) == 0, words


def close(ours: object, theirs: np.ndarray, what: str) -> None:
    """Compare logits, by how large they are."""
    error = np.abs(np.asarray(ours, np.float32) - theirs).max() / np.abs(theirs).max()
    print(f"  {what:8} {error:.1e}", flush=True)
    assert error <= 1e-4, (what, error)


def compare(model, expected) -> None:
    """Logits of whole sequences, packed ones, cached and padded ones; greedy continuations."""
    tokens, short = jnp.asarray(expected["tokens"], jnp.int32), expected["first"].shape[1]
    batch, length = tokens.shape
    places = jnp.broadcast_to(jnp.arange(length), tokens.shape)
    forward = jax.jit(lambda *inputs: model(*inputs))
    close(forward(tokens, jnp.ones_like(tokens), places), expected["logits"], "whole")

    dynamic = model.settings.rotary.scaling == "dynamic"
    if not dynamic:  # it stretches by the longest of a batch, and keeps what is in the cache
        second = places >= short
        packed = forward(tokens, 1 + second, places - short * second)
        close(packed[:, :short], expected["first"], "packed")
        close(packed[:, short:], expected["rest"], "packed")
        extend = jax.jit(lambda *inputs: model.extend(*inputs))
        cache, starts = model.empty_cache(batch, PADDING + length), jnp.full(batch, PADDING)
        given = jnp.pad(tokens, ((0, 0), (PADDING, 0)), constant_values=257)
        parts = []
        for start in range(0, given.shape[1], CHUNK):
            logits, cache = extend(given[:, start : start + CHUNK], cache, starts)
            parts.append(logits)
        close(jnp.concatenate(parts, axis=1)[:, PADDING:], expected["logits"], "cached")
        generation = module("generation")
        sampling = generation.Sampling(max_tokens=expected["greedy"].shape[1], temperature=0.0)
        made = generation.generate(model, tokens[:, :short], None, sampling, end=-1)
        np.testing.assert_array_equal(made, expected["greedy"])


def export(run: Path, name: str, form: str = "huggingface") -> None:
    """Export a run's model."""
    words = ("--format", form, "--output", str(FOLDER / "exported" / name))
    command("export", "--run-dir", str(run), *words)


def train(experiment: str, name: str, *words: str) -> Path:
    """Train for a step in float32, and keep what the model computes."""
    run, short = (
        FOLDER / "runs" / name,
        ("loop.steps=1", "loop.eval_every=1", "loop.eval_batches=1"),
    )
    sets = [f"--config=set:{field}" for field in (f"data.directory={FOLDER / 'data'}", *short)]
    config = (f"--config=config:{experiment}", "--config=fiddler:float32", *words, *sets)
    command("train", *config, "--run-dir", str(run))
    program, state, _ = module("commands._run").open_run(run)
    tokens = jax.random.randint(jax.random.key(0), (2, 16), 0, 256)
    places = jnp.broadcast_to(jnp.arange(16), tokens.shape)
    logits = program.model(state)(tokens, jnp.ones_like(tokens), places)
    text = "naïve — def f(x): 🦊"
    ids = [256, *module("tokenizer").TOKENIZER.encode(text)]
    np.savez(FOLDER / f"{name}.npz", tokens=tokens, logits=logits, text=text, ids=ids)
    return run


for file in sorted(FOLDER.glob("*.npz")):
    print(file.stem)
    run = FOLDER / "runs" / file.stem
    words = ("--config=set:precision.compute_dtype=float32", "--output", str(run))
    command("import", "--source", str(FOLDER / file.stem), *words)
    program, state, _ = module("commands._run").open_run(run)
    compare(program.model(state), np.load(file))
    export(run, file.stem)
export(train("pretrain", "own"), "own")
lora = train(
    "sft_lora", "lora", f"--config=fiddler:pretrained({str(FOLDER / 'runs' / 'llama3')!r})"
)
export(lora, "lora")
export(lora, "adapter", "peft")
