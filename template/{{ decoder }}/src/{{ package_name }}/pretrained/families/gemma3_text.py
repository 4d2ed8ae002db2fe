"""Gemma 3, its models of text: Gemma 2 with norms of queries and keys, and two rotations."""

from collections.abc import Mapping
from typing import Any

from ..family import Family, Key
from .gemma2 import FIXED, KEYS, MORE_KEYS, SETTINGS, TENSORS_OF_NORMS, read_more, write_more

_PATTERN = "sliding_window_pattern"


def _read(config: Mapping[str, Any]) -> dict[str, Any]:
    every = config.get(_PATTERN) or config.get(f"_{_PATTERN}") or 6
    return read_more(config, every)


FAMILY = Family(
    architecture="Gemma3ForCausalLM",
    keys={
        **KEYS,
        "attn_logit_softcapping": Key("attention_softcap", None),
        "final_logit_softcapping": Key("logit_softcap", None),
    },
    settings={**SETTINGS, "query_key_norm": True},
    fixed=FIXED,
    base=1_000_000.0,
    local_base=10_000.0,
    read=_read,
    write=write_more,
    more_keys=MORE_KEYS | {_PATTERN, f"_{_PATTERN}"},
    tensors=TENSORS_OF_NORMS,
)
