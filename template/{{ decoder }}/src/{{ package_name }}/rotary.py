"""Ways to stretch rotary positions beyond the trained length: yours to change."""

import math
from typing import Literal

import jax.numpy as jnp
from pydantic import Field, model_validator

from . import rotation
from .rotation import Frequencies, Heads, Positions
from .settings import Settings

_BOUNDS = (("low_frequency_factor", "high_frequency_factor"), ("beta_slow", "beta_fast"))


class RotarySettings(Settings):
    """Which features rotate, and how fast.

    Attributes:
        base: Pairs of features turn by 1 to nearly 1 / base radians from one position to the next.
        local_base: The base of layers with a window, to which `scaling` then does not apply;
            without it they are as the others.
        share: Share of a head's features that rotate, the first ones.
        scaling: How frequencies shrink: ``linear``, all of them (Chen et al., 2023); ``dynamic``,
            by a base that grows with the longest sequence of a batch; ``llama3``, slow ones alone;
            ``yarn``, slow ones alone, and attention is sharpened (Peng et al., 2023).
        factor: By how much.
        original_length: Positions that the model was trained on before it was stretched.
        low_frequency_factor: With ``llama3``, pairs with fewer turns over the original length
            shrink by the whole factor.
        high_frequency_factor: With ``llama3``, pairs with more turns stay as they are.
        beta_fast: With ``yarn``, pairs with more turns over the original length stay as they are.
        beta_slow: With ``yarn``, pairs with fewer turns shrink by the whole factor.
        truncate: With ``yarn``, these limits are whole pairs.
        attention_factor: With ``yarn``, what rotated queries and keys are multiplied by; without
            it, 1 + ln(factor) / 10.
    """

    base: float = Field(default=10_000.0, gt=1)
    local_base: float | None = Field(default=None, gt=1)
    share: float = Field(default=1.0, gt=0, le=1)
    scaling: Literal["none", "linear", "dynamic", "llama3", "yarn"] = "none"
    factor: float = Field(default=1.0, ge=1)
    original_length: int | None = Field(default=None, ge=1)
    low_frequency_factor: float = Field(default=1.0, gt=0)
    high_frequency_factor: float = Field(default=4.0, gt=0)
    beta_fast: float = Field(default=32.0, gt=0)
    beta_slow: float = Field(default=1.0, gt=0)
    truncate: bool = True
    attention_factor: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _scaling_is_whole(self) -> "RotarySettings":
        if self.scaling in ("dynamic", "llama3", "yarn") and self.original_length is None:
            raise ValueError(f"original_length: rotary scaling {self.scaling!r} needs one")
        for low, high in _BOUNDS:
            if getattr(self, low) >= getattr(self, high):
                raise ValueError(
                    f"{low}: {getattr(self, low)} must be below {high}={getattr(self, high)}"
                )
        return self

    def width(self, d_head: int) -> int:
        """How many features of a head rotate."""
        return int(d_head * self.share)


def rotate(x: Heads, positions: Positions, settings: RotarySettings, *, local: bool) -> Heads:
    """Rotate pairs of features by angles that grow with the position, in float32.

    Args:
        x: Queries or keys; feature i makes a pair with the one half the rotated width after it.
        positions: Where they stand.
        settings: Which features rotate, and how fast.
        local: Whether the layer has a window.
    """
    width = settings.width(x.shape[-1])
    frequencies = _frequencies(settings, width, positions, local=local)
    factor = 1.0
    if settings.scaling == "yarn":
        factor = settings.attention_factor or 0.1 * math.log(settings.factor) + 1.0
    return rotation.rotate(x, positions, frequencies, factor)


def _frequencies(
    settings: RotarySettings, width: int, positions: Positions, *, local: bool
) -> Frequencies:
    """Radians that each pair of features turns by from one position to the next."""
    if local and settings.local_base is not None:
        return rotation.frequencies(width, settings.local_base)
    base, length = settings.base, settings.original_length or 1
    if settings.scaling == "dynamic":
        longest = jnp.maximum(jnp.max(positions + 1).astype(jnp.float32) / length, 1.0)
        stretch = settings.factor * longest - (settings.factor - 1.0)
        base = base * stretch ** (width / (width - 2))
    frequencies = rotation.frequencies(width, base)
    if settings.scaling in ("none", "dynamic"):
        return frequencies
    kept = jnp.zeros_like(frequencies)  # from 0 to 1, how far a pair keeps its frequency
    if settings.scaling == "llama3":
        turns = frequencies * length / (2 * math.pi)
        low, high = settings.low_frequency_factor, settings.high_frequency_factor
        kept = jnp.clip((turns - low) / (high - low), 0.0, 1.0)
    elif settings.scaling == "yarn":
        first, last = _limits(settings, width, length)
        pairs = jnp.arange(width // 2, dtype=jnp.float32)
        kept = 1.0 - jnp.clip((pairs - first) / max(last - first, 1e-3), 0.0, 1.0)
    return frequencies * (kept + (1.0 - kept) / settings.factor)


def _limits(settings: RotarySettings, width: int, length: int) -> tuple[float, float]:
    """Between which pairs YaRN goes over from frequencies that stay to those that shrink."""
    first, last = (
        width * (math.log(length / (2 * math.pi)) - math.log(turns)) / (2 * math.log(settings.base))
        for turns in (settings.beta_fast, settings.beta_slow)
    )
    if settings.truncate:
        first, last = math.floor(first), math.ceil(last)
    return float(max(first, 0)), float(min(last, width - 1))
