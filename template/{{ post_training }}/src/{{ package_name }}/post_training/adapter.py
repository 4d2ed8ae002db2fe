"""Low-rank differences as an adapter of PEFT's, which loads it onto the model that they are of."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx
from jaxtyping import Array, Float, PyTree
from safetensors.numpy import save_file

from ..files import write_atomically
from ..pretrained.family import Family
from ..pretrained.tensors import AnyArray
from .lora import LoraModel, LoraSettings

AnyFactor = Float[Array, "..."]

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"


def write_adapter(
    folder: Path, model: LoraModel, settings: LoraSettings, family: Family, base: str | None
) -> None:
    """Write ``adapter_config.json`` and ``adapter_model.safetensors``.

    Args:
        folder: Where to.
        model: The model, its differences as they are.
        settings: Its settings.
        family: What the tensors of the model are called.
        base: Where the model lies that they are of, if that is known.
    """
    arrays: dict[str, AnyArray] = {}
    modules = set()
    factors: PyTree = nnx.to_pure_dict(nnx.state(model.factors, nnx.Variable))
    for path, into, out_of in _pairs(factors, ""):
        tensor = family.tensor(path)
        names = [name.removesuffix(".weight") for name in tensor.names(into.shape)]
        modules |= {name.rpartition(".")[2] for name in names}
        for name, one, other in zip(names, np.asarray(into), np.asarray(out_of), strict=True):
            a, b = _thin(one, other)
            arrays[f"base_model.model.{name}.lora_A.weight"] = a
            arrays[f"base_model.model.{name}.lora_B.weight"] = b
    config: dict[str, Any] = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": settings.rank,
        "lora_alpha": settings.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "target_modules": sorted(modules),
        "inference_mode": True,
    }
    save_file(arrays, folder / WEIGHTS, metadata={"format": "pt"})
    write_atomically(folder / CONFIG, json.dumps(config, indent=2) + "\n")


def _pairs(factors: PyTree, path: str) -> list[tuple[str, AnyFactor, AnyFactor]]:
    """The factors of each weight, by its path."""
    if "into" in factors:
        return [(path, factors["into"], factors["out_of"])]
    return [
        pair
        for name, part in factors.items()
        for pair in _pairs(part, f"{path}.{name}".removeprefix("."))
    ]


def _thin(into: AnyArray, out_of: AnyArray) -> tuple[AnyArray, AnyArray]:
    """A layer's factors as PEFT multiplies them: ``[rank, in]`` and ``[out, rank]``."""
    rank = into.shape[-1]
    a, b = into.reshape(-1, rank).T, out_of.reshape(rank, -1).T
    return np.ascontiguousarray(a), np.ascontiguousarray(b)
