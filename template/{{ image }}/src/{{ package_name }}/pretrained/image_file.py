"""The file of a published model of images: safetensors, and nothing that could run code."""

from pathlib import Path
from typing import Any, Final

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from ..errors import UserError
from .image_names import Recognised
from .image_source import Source
from .resnet import PublishedResNetSettings
from .tensor_files import TensorFiles
from .vit import PublishedViTSettings
from .weights import read_weights

USUAL: Final = "model.safetensors"
IDLE: Final = ("num_batches_tracked",)
"""Ends of names of tensors that no model needs."""

SETTINGS: Final = {"resnet": PublishedResNetSettings, "vit": PublishedViTSettings}
_PICKLES: Final = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def open_weights(path: Path) -> TensorFiles:
    """Open a file, or the one of the usual name in a folder.

    Raises:
        UserError: There is none, or one that is no safetensors file.
    """
    file = path / USUAL if path.is_dir() else path
    if not file.is_file():
        raise UserError(f"--source {file} is not there: give a safetensors file")
    with file.open("rb") as opened:
        start = opened.read(4)
    if start.startswith(_PICKLES):
        raise UserError(
            f"{file} is a pickle, which can run any code when it is read; where you trust it and "
            f"have torch and safetensors, make another file of it: {_conversion(file)}"
        )
    return TensorFiles(file, IDLE)


def read_model(files: TensorFiles, found: Recognised, like: PyTree) -> PyTree:
    """The weights of a model; a head that it lacks is zero.

    Args:
        files: Its file.
        found: What its tensors are called.
        like: Shapes, dtypes and shardings of the model's arrays.

    Raises:
        UserError: The tensors are not those of the model.
    """
    if found.classes:
        return read_weights(files, found, like)
    head = {"head", "bias"}
    below = read_weights(files, found, {name: like[name] for name in like if name not in head})
    zeros = {name: jax.device_put(jnp.zeros_like(like[name]), like[name].sharding) for name in head}
    return {**below, **zeros}


def info_of(path: Path, found: Recognised, source: Source) -> dict[str, Any]:
    """What an imported run knows of the images of its model, as a data set would say it."""
    channels = source.settings["channels"]
    return {
        "kind": "image",
        "source": path.name,
        "shape": [source.side, source.side, channels],
        "classes": [str(number) for number in range(max(1, found.classes))],
        "mean": list(source.settings["mean"]),
        "std": list(source.settings["std"]),
    }


def _conversion(file: Path) -> str:
    target = file.with_suffix(".safetensors")
    return (
        "python -c \"import torch, safetensors.torch as s; w = torch.load('"
        f"{file}', map_location='cpu', weights_only=True); s.save_file("
        f"{{n: t.contiguous() for n, t in w.get('state_dict', w).items()}}, '{target}')\""
    )
