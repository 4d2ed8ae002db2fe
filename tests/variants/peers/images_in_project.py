"""What a project computes with the models of `timm_side.py`, which it imports.

Run in the environment of an image project: `python images_in_project.py PACKAGE FOLDER`.
"""

import contextlib
import importlib
import io
import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_disable_most_optimizations", True)  # compiling takes most of the time
PACKAGE, FOLDER = sys.argv[1], Path(sys.argv[2])
CLOSE = 1e-4


def module(name: str):
    """A module of the project."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def run_import(*words: str) -> None:
    """Import a model, in float32."""
    words = ("import", "--config=set:precision.compute_dtype=float32", *words)
    assert module("__main__").main(list(words)) == 0, words


def close(ours: object, theirs: np.ndarray, what: str) -> None:
    """Compare logits, by how large they are."""
    error = np.abs(np.asarray(ours, np.float32) - theirs).max() / np.abs(theirs).max()
    print(f"  {what:12} {error:.1e}", flush=True)
    assert error <= CLOSE, (what, error)


def logits(run: Path, info: dict, pixels: np.ndarray) -> np.ndarray:
    """Those of a run for pixels, as a data set with this description normalises them."""
    program, state, _ = module("commands._run").open_run(run)
    batch = module("data").make_batch(pixels, None, info)
    with jax.set_mesh(program.mesh):
        return np.asarray(jax.jit(program.model(state))(batch["images"]))


def resized(run: Path, name: str, size: int, classes: int) -> tuple[dict, object]:
    """A run of another data set that starts from one: its description, and its model."""
    info = {
        "kind": "image",
        "shape": [size, size, 3],
        "classes": [str(number) for number in range(classes)],
        "mean": [0.3, 0.4, 0.6],
        "std": [0.2, 0.25, 0.15],
    }
    configuration = module("configuration")
    config = configuration.compose(["config:smoke"], module("experiments"))
    module("pretrained.presets").pretrained(config, str(run))
    config.precision.param_dtype = config.precision.compute_dtype = "float32"
    experiment = configuration.build(config).fitted(info)
    program = module("training.program").make_program(experiment, experiment.make_mesh())
    with jax.set_mesh(program.mesh):
        return info, program.model(program.initial_state())


for folder in sorted(path for path in FOLDER.iterdir() if path.is_dir()):
    print(folder.name, flush=True)
    told = json.loads((folder / "told.json").read_text())
    words = [f"--{name}={value}" for name, value in told.items()]
    files = sorted(folder.glob("*.safetensors"))
    source = folder if files[0].name == "model.safetensors" else files[0]
    run = FOLDER / "runs" / folder.name
    run_import("--source", str(source), "--output", str(run), *words)
    info = module("storage.data_record").recorded_info(run / "data_set.json")
    expected = np.load(folder / "expected.npz")
    for key in expected:
        kind, _, size = key.partition("_")
        theirs = expected[f"logits_{size}"]
        if kind != "pixels" or (folder.name == "timm_headless" and size != "32"):
            continue
        pixels = expected[key]
        if [*pixels.shape[1:]] == info["shape"]:
            if folder.name != "timm_headless":
                close(logits(run, info, pixels), theirs, f"{size} pixels")
                continue
            assert not logits(run, info, pixels).any()
        classes = theirs.shape[1]
        other, model = resized(run, folder.name, int(size), classes)
        if folder.name == "timm_headless":
            assert not np.any(model.head[...])
            model.head[...] = jnp.eye(classes)  # what there is below a head
        batch = module("data").make_batch(pixels, None, other)
        ours = jax.jit(lambda images, model=model: model(images))(batch["images"])
        close(ours, theirs, f"{size} pixels")
said = io.StringIO()
with contextlib.redirect_stderr(said):
    words = ["import", "--source", str(FOLDER / "weights.pt"), "--output", str(FOLDER / "no")]
    assert module("__main__").main(words) == 2
_, _, command = said.getvalue().partition("make another file of it: ")
(FOLDER / "command.txt").write_text(command)
