"""Safetensors files, read as far as asked for. Nothing else is opened: no pickle, no code."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open

from ..errors import UserError
from .tensors import AnyArray, Index

DTYPES: Final = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}


@dataclass(frozen=True)
class TensorFiles:
    """A safetensors file, or several that make one model.

    Attributes:
        path: The file, or what is named where there are several.
        idle: Ends of names of tensors that are passed over, since they are no weights.
    """

    path: Path
    idle: tuple[str, ...] = ()

    @property
    def files(self) -> list[Path]:
        """The files.

        Raises:
            UserError: It is not known which.
        """
        return [self.path]

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of all tensors by their names; nothing else of them is read.

        Raises:
            UserError: A file is not there or damaged, or a tensor has a dtype that no weight has.
        """
        shapes = {}
        for name, file in self._opened.items():
            with _problems_of(self.path):
                part = file.get_slice(name)
            shapes[name] = tuple(part.get_shape())
            if part.get_dtype() not in DTYPES:
                raise UserError(
                    f"{self.path}: tensor {name} is {part.get_dtype()}, "
                    f"which is not supported, only {', '.join(DTYPES)}"
                )
        return shapes

    @cached_property
    def dtype(self) -> str:
        """The least dtype that holds all tensors as they are: bfloat16 or float32."""
        kinds = {DTYPES[file.get_slice(name).get_dtype()] for name, file in self._opened.items()}
        return "bfloat16" if kinds == {"bfloat16"} else "float32"

    def read(self, name: str, index: Index) -> AnyArray:
        """A part of a tensor, and no more of it."""
        return self._opened[name].get_slice(name)[index]

    @cached_property
    def _opened(self) -> dict[str, Any]:
        """The opened file of each tensor."""
        opened = {}
        for path in self.files:
            with _problems_of(path):
                file = safe_open(path, framework="np")
                names = [name for name in file.keys() if not name.endswith(self.idle)]  # noqa: SIM118 - no mapping
                opened.update(dict.fromkeys(names, file))
        return opened


@contextlib.contextmanager
def _problems_of(path: Path) -> Iterator[None]:
    try:
        yield
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is no intact safetensors file: {error}") from error
