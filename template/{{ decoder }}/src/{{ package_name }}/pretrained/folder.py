"""The folder of a published model: `config.json` and safetensors files, read as far as asked for.

Nothing else in it is opened: no pickle (``.bin``), no code.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open

from ..errors import UserError
from ..files import read_json
from ..tokenization.json_files import read_json_if_there
from .names import AnyArray, Index

CONFIG: Final = "config.json"
TENSORS: Final = "model.safetensors"
INDEX: Final = "model.safetensors.index.json"
DTYPES: Final = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}


@dataclass(frozen=True)
class ModelFolder:
    """A folder with a model.

    Attributes:
        path: The folder.
    """

    path: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """The content of `config.json`.

        Raises:
            UserError: There is no such file, or it is no JSON object.
        """
        return read_json(self.path / CONFIG)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of all tensors by their names; nothing else of them is read.

        Raises:
            UserError: A file is not there or damaged, or a tensor has a dtype that no weight has.
        """
        shapes = {}
        for name, file in self._files.items():
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
        kinds = {DTYPES[file.get_slice(name).get_dtype()] for name, file in self._files.items()}
        return "bfloat16" if kinds == {"bfloat16"} else "float32"

    def read(self, name: str, index: Index) -> AnyArray:
        """A part of a tensor, and no more of it."""
        return self._files[name].get_slice(name)[index]

    @cached_property
    def _files(self) -> dict[str, Any]:
        """The opened file of each tensor."""
        listed = read_json_if_there(self.path / INDEX).get("weight_map", {"": TENSORS})
        if not isinstance(listed, dict):
            raise UserError(f"{self.path / INDEX}: weight_map names no file of each tensor")
        names = sorted({str(name) for name in listed.values()})
        files = {}
        for name in names:
            path = self.path / name
            if Path(name).name != name or not path.is_file():
                raise UserError(f"{self.path} holds no {name}; a model's tensors must be there")
            with _problems_of(path):
                file = safe_open(path, framework="np")
                files.update(dict.fromkeys(file.keys(), file))
        return files


@contextlib.contextmanager
def _problems_of(path: Path) -> Iterator[None]:
    try:
        yield
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is no intact safetensors file: {error}") from error
