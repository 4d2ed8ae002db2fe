"""How our parameters lie in a file: by what name, and with which axes."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Shaped

AnyArray = Shaped[np.ndarray, "..."]
Index = tuple[slice, ...]

SAME: Final = ((0,),)
MATRIX: Final = ((1,), (0,))
"""For each axis of a tensor in a file, the axes of ours that are merged in it."""


class Tensor(NamedTuple):
    """A tensor in a file.

    Attributes:
        name: Its name; ``{}`` stands for the number of a layer, where ours are stacked.
        axes: For each of its axes, those of ours that are merged in it, stacked layers aside.
    """

    name: str
    axes: tuple[tuple[int, ...], ...] = SAME

    @property
    def stacked(self) -> bool:
        """Whether each layer has one."""
        return "{}" in self.name

    def names(self, ours: Sequence[int]) -> list[str]:
        """Its name, or one for each layer of ours."""
        return [self.name.format(i) for i in range(ours[0])] if self.stacked else [self.name]

    def shape(self, ours: Sequence[int]) -> tuple[int, ...]:
        """Its shape, given ours of one layer."""
        return tuple(math.prod(ours[axis] for axis in axes) for axes in self.axes)

    def part(self, ours: Sequence[int], wanted: Index) -> Index:
        """The part of it that a part of ours lies in; of merged axes only the first one is cut."""
        parts = []
        for axes in self.axes:
            first = axes[0] if axes else None  # an axis of size 1, which ours lack
            start, stop = (0, 1) if first is None else wanted[first].indices(ours[first])[:2]
            inner = math.prod(ours[axis] for axis in axes[1:])
            parts.append(slice(start * inner, stop * inner))
        return tuple(parts)

    def ours(self, part: AnyArray, ours: Sequence[int], wanted: Index) -> AnyArray:
        """A part of ours, from the part of it that it lies in."""
        order = [axis for axes in self.axes for axis in axes]
        cut = {axes[0] for axes in self.axes if axes}
        sizes = [
            len(range(ours[axis])[wanted[axis]] if axis in cut else range(ours[axis]))
            for axis in order
        ]
        whole = part.reshape(sizes).transpose(np.argsort(order))
        return whole[
            tuple(slice(None) if axis in cut else wanted[axis] for axis in range(len(ours)))
        ]

    def theirs(self, ours: AnyArray) -> AnyArray:
        """It, from ours of one layer."""
        order = [axis for axes in self.axes for axis in axes]
        return ours.transpose(order).reshape(self.shape(ours.shape))
