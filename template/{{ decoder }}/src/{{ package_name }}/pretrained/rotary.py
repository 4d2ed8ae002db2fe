"""Rotary positions in `config.json`: the keys of older and of newer releases."""

from collections.abc import Mapping
from typing import Any, Final

from ..errors import UserError

ROTARY_KEYS: Final = frozenset(
    {"rope_theta", "rope_scaling", "rope_parameters", "rope_local_base_freq"}
)
_LENGTH: Final = "original_max_position_embeddings"
_RENAMED: Final = {
    _LENGTH: "original_length",
    "low_freq_factor": "low_frequency_factor",
    "high_freq_factor": "high_frequency_factor",
}
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "default": (),
    "linear": ("factor",),
    "dynamic": ("factor",),
    "llama3": ("factor", _LENGTH, "low_freq_factor", "high_freq_factor"),
    "yarn": ("factor", _LENGTH, "beta_fast", "beta_slow", "attention_factor", "truncate"),
}
SCALINGS: Final[Mapping[str, Mapping[str, str]]] = {
    kind: {name: _RENAMED.get(name, name) for name in names} for kind, names in _KEYS.items()
}
"""The settings of each kind of scaling, by what `config.json` calls them."""


def read_rotary(config: Mapping[str, Any], base: float, local_base: float | None) -> dict[str, Any]:
    """The rotary settings of a model, each of them that a scaling has.

    Args:
        config: The content of `config.json`.
        base: The base where it says none.
        local_base: Likewise, in layers with a window; None where they rotate as the others.

    Raises:
        UserError: There is something in it that is not supported.
    """
    given = config.get("rope_parameters") or {}
    local: Mapping[str, Any] = {"rope_theta": config.get("rope_local_base_freq")}
    if local_base is not None and "full_attention" in given:
        local, given = given.get("sliding_attention") or {}, given["full_attention"] or {}
    given = {"rope_theta": config.get("rope_theta"), **(config.get("rope_scaling") or {}), **given}
    made: dict[str, Any] = {"base": float(given.pop("rope_theta", None) or base)}
    if local_base is not None:
        made["local_base"] = float(local.get("rope_theta") or local_base)
        if local.get("rope_type", "default") != "default":
            raise UserError(f"rope_type = {local['rope_type']!r} is not supported with a window")
    old = given.pop("type", "default")
    kind = given.pop("rope_type", old)
    if kind not in SCALINGS:
        raise UserError(f"rope_type = {kind!r} is not supported, only {', '.join(SCALINGS)}")
    names = SCALINGS[kind]
    made["scaling"] = "none" if kind == "default" else kind
    length = config.get("max_position_embeddings")
    if kind == "dynamic":
        made["original_length"] = length
    elif _LENGTH in names:
        given.setdefault(_LENGTH, length)
    for name, value in given.items():
        if value is None:
            continue
        if name not in names:
            raise UserError(f"{name} = {value!r} is not supported with rope_type {kind!r}")
        whole = isinstance(value, bool) or name == _LENGTH
        made[names[name]] = value if whole else float(value)
    return made


def write_rotary(settings: Mapping[str, Any], local_base: float | None) -> dict[str, Any]:
    """The keys that say so, as all releases of transformers read them."""
    rotary = settings["rotary"]
    config: dict[str, Any] = {"rope_theta": rotary["base"]}
    if local_base is not None:
        config["rope_local_base_freq"] = rotary["local_base"]
    kind = rotary["scaling"]
    if kind == "dynamic":
        config["max_position_embeddings"] = rotary["original_length"]
    scaling = {name: rotary.get(setting) for name, setting in SCALINGS.get(kind, {}).items()}
    scaling = {name: value for name, value in scaling.items() if value is not None}
    return {**config, "rope_scaling": {"rope_type": kind, **scaling} if scaling else None}
