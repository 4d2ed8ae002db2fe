"""Mistral: Llama without biases, whose layers may all see a window."""

from ..family import KEYS, Family
from ..layers import Windows

FAMILY = Family(
    architecture="MistralForCausalLM",
    keys=KEYS,
    windows=Windows(lambda config, layer: True, types=False),
)
