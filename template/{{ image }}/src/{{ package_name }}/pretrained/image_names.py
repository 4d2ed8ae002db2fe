"""A model as the names and shapes of the tensors in its file tell it.

Files of timm and torchvision hold no other description.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..errors import UserError
from .tensors import SAME, Tensor

Shapes = Mapping[str, tuple[int, ...]]

KERNEL: Final = ((3,), (2,), (0,), (1,))
"""For each axis of a kernel in a file, the axis of ours."""


@dataclass(frozen=True)
class Recognised:
    """A model in a file.

    Attributes:
        kind: ``resnet`` or ``vit``.
        told: What it is, and a verb, for people.
        settings: The settings of the project's model that it is.
        tensors: The tensor of each parameter.
        classes: Of its head; 0 without one.
        side: Height and width of the images that it was trained on, in pixels, where it says.
    """

    kind: str
    told: str
    settings: dict[str, Any]
    tensors: Mapping[str, Tensor]
    classes: int
    side: int | None = None

    def tensor(self, parameter: str) -> Tensor:
        """The tensor that the parameter at a dotted path is stored as."""
        return self.tensors[parameter]


def normed(ours: str, theirs: str) -> dict[str, Tensor]:
    """The scale and bias of a norm."""
    return {
        f"{ours}.scale": Tensor(f"{theirs}.weight", SAME),
        f"{ours}.bias": Tensor(f"{theirs}.bias", SAME),
    }


def count(shapes: Shapes, name: str, first: int = 0) -> int:
    """How many tensors there are of a name with a number, counted without a gap."""
    number = first
    while name.format(number) in shapes:
        number += 1
    return number - first


def size_of(shapes: Shapes, name: str, axis: int) -> int:
    """The size of an axis of a tensor.

    Raises:
        UserError: There is no such tensor, or it has no such axis.
    """
    if name not in shapes:
        raise UserError(f"it lacks tensor {name}")
    if axis >= len(shapes[name]):
        raise UserError(f"its tensor {name} is {shapes[name]}, which has too few axes")
    return shapes[name][axis]


def classes_of(shapes: Shapes, head: str) -> int:
    """How many classes a head tells apart; 0 where there is none."""
    return size_of(shapes, head, 0) if head in shapes else 0
