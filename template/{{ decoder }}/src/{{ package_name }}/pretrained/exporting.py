"""A model of this project as a folder that transformers loads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import jax
import numpy as np
from flax import nnx
from safetensors.numpy import save_file

from ..errors import UserError
from ..files import write_atomically
from ..settings import is_free
from .families import families
from .family import Family
from .folder import CONFIG, INDEX, TENSORS
from .rotary import ROTARY_KEYS, SCALINGS
from .tensors import AnyArray
from .weights import Placed, tensors_of

FILE_BYTES: Final = 5_000_000_000
"""The most tensors of one file, in bytes, as transformers writes them."""


class Form(NamedTuple):
    """A model as one of a family.

    Attributes:
        kind: The family's ``model_type``.
        family: The family.
        config: The keys of `config.json` that describe it.
        scaled: Whether its embeddings are stored multiplied by their scale, since the family has
            none, and beside those that logits are made with.
    """

    kind: str
    family: Family
    config: dict[str, Any]
    scaled: bool


def form_of(settings: Any, first: str | None = None) -> Form:
    """The family that has a model of these settings.

    Args:
        settings: The settings of a transformer.
        first: The ``model_type`` to prefer.

    Raises:
        UserError: None has; the message says what the nearest one has otherwise.
    """
    if not hasattr(settings, "rotary"):
        raise UserError("model.py is that of an older release: its model is in no published form")
    meant = _canonical(settings)
    stored = {**meant, "embedding_scale": False, "tied_embeddings": False}
    known, problems = families(), []
    order = sorted(known, key=lambda kind: kind != first)
    for scaled in (False, True) if meant["embedding_scale"] else (False,):
        wanted = stored if scaled else meant
        for kind in order:
            config = known[kind].config_of(wanted)
            try:
                found = _canonical(settings, known[kind].settings_of(config))
            except UserError as error:
                problems.append([str(error)])
                continue
            wrong = [name for name in wanted if found.get(name) != wanted[name]]
            if not wrong:
                return Form(kind, known[kind], config, scaled)
            named = (f"{name} {found.get(name)!r}, not {wanted[name]!r}" for name in wrong)
            problems.append([f"{known[kind].architecture} has {each}" for each in named])
    raise UserError(f"no family has a model like this: {'; '.join(min(problems, key=len))}")


def write_model(folder: Path, model: Any, form: Form, config: Mapping[str, Any]) -> int:
    """Write `config.json` and the tensors, as many files as they need.

    Args:
        folder: Where to.
        model: The transformer.
        form: What it is written as.
        config: Further keys of `config.json`; float16 as its dtype is that of the tensors.

    Returns:
        How many parameters there are.
    """
    weights = nnx.to_pure_dict(nnx.state(model, nnx.Variable))
    if form.scaled:
        embedding = weights["embedding"]
        factor = model.settings.d_model**0.5
        weights = {"unembedding": embedding, **weights, "embedding": embedding * factor}
    kept = {name: value for name, value in config.items() if name not in ROTARY_KEYS}
    dtype = str(kept.pop("dtype", kept.get("torch_dtype")))
    if (dtype, weights["embedding"].dtype.name) != ("float16", "float32"):
        dtype = str(weights["embedding"].dtype)
    tensors, itemsize = tensors_of(form.family, weights), np.dtype(dtype).itemsize
    groups, size = [[]], 0
    for name, (leaf, tensor, _) in tensors.items():
        added = leaf.size // (len(leaf) if tensor.stacked else 1) * itemsize
        if groups[-1] and size + added > FILE_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(name)
        size += added
    count, places = sum(leaf.size for leaf in jax.tree.leaves(weights)), {}
    for at, group in enumerate(groups, start=1):
        of = f"model-{at:05}-of-{len(groups):05}.safetensors" if len(groups) > 1 else TENSORS
        arrays = {name: _array(tensors[name], dtype) for name in group}
        save_file(arrays, folder / of, metadata={"format": "pt"})
        places |= dict.fromkeys(group, of)
    if len(groups) > 1:
        index = {"metadata": {"total_size": count * itemsize}, "weight_map": places}
        write_atomically(folder / INDEX, json.dumps(index, indent=2) + "\n")
    told = {**kept, **form.config, "model_type": form.kind, "torch_dtype": dtype}
    write_atomically(folder / CONFIG, json.dumps(told, indent=2) + "\n")
    return count


def _array(placed: Placed, dtype: str) -> AnyArray:
    leaf, tensor, layer = placed
    ours = np.asarray(leaf[layer] if tensor.stacked else leaf)
    return np.ascontiguousarray(tensor.theirs(ours)).astype(dtype, copy=False)


def _canonical(settings: Any, read: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Settings such that two are the same where they make the same model.

    Args:
        settings: The settings of a transformer.
        read: Others, of which those that are missing are what the class says.
    """
    kind, of_rotary = type(settings), type(settings.rotary)
    defaults = {name: field.default for name, field in kind.model_fields.items()}
    made = settings.model_dump() if read is None else {**defaults, **read}
    free = {name for name in made if is_free(kind, name)}
    made = {name: made[name] for name in made.keys() - free - {"dropout"}}
    made["num_kv_heads"] = made["num_kv_heads"] or made["num_heads"]
    made["d_head"] = made["d_head"] or made["d_model"] // made["num_heads"]
    made["query_scale"] = made["query_scale"] or made["d_head"] ** -0.5
    for name in ("windows", "rotated"):
        made[name] = tuple(made[name][i % len(made[name])] for i in range(made["num_layers"]))
    rotary = {**of_rotary().model_dump(), **made["rotary"]}
    if set(made["windows"]) == {None}:
        rotary["local_base"] = None
    used = {"base", "share", "local_base", "scaling", *SCALINGS.get(rotary["scaling"], {}).values()}
    if rotary["scaling"] == "dynamic":
        used.add("original_length")
    return {**made, "rotary": {name: rotary[name] for name in sorted(used)}}
