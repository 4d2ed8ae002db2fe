"""Gemma 3, its models of text: Gemma 2 with norms of queries and keys, and two rotations."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ..family import Key
from ..layers import Windows
from . import gemma2

_PATTERNS = ("sliding_window_pattern", "_sliding_window_pattern")


def _slides(config: Mapping[str, Any], layer: int) -> bool:
    every = next(filter(None, map(config.get, _PATTERNS)), 6)
    return (layer + 1) % every != 0


FAMILY = dataclasses.replace(
    gemma2.FAMILY,
    architecture="Gemma3ForCausalLM",
    keys={
        **gemma2.FAMILY.keys,
        "attn_logit_softcapping": Key("attention_softcap", None),
        "final_logit_softcapping": Key("logit_softcap", None),
    },
    settings={**gemma2.FAMILY.settings, "query_key_norm": True},
    base=1_000_000.0,
    local_base=10_000.0,
    windows=Windows(_slides),
    more_keys=gemma2.FAMILY.more_keys | {*_PATTERNS},
)
