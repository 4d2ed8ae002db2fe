"""The folder of a published model: `config.json` and safetensors files."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from ..errors import UserError
from ..files import read_json
from ..tokenization.json_files import read_json_if_there
from .names import IDLE_TENSORS
from .tensor_files import TensorFiles

CONFIG: Final = "config.json"
TENSORS: Final = "model.safetensors"
INDEX: Final = "model.safetensors.index.json"


@dataclass(frozen=True)
class ModelFolder(TensorFiles):
    """A folder with a model."""

    idle: tuple[str, ...] = IDLE_TENSORS

    @cached_property
    def config(self) -> dict[str, Any]:
        """The content of `config.json`.

        Raises:
            UserError: There is no such file, or it is no JSON object.
        """
        return read_json(self.path / CONFIG)

    @property
    def files(self) -> list[Path]:
        """The files that the index lists, or the one of the usual name."""
        listed = read_json_if_there(self.path / INDEX).get("weight_map", {"": TENSORS})
        if not isinstance(listed, dict):
            raise UserError(f"{self.path / INDEX}: weight_map names no file of each tensor")
        names = sorted({str(name) for name in listed.values()})
        for name in names:
            if Path(name).name != name or not (self.path / name).is_file():
                raise UserError(f"{self.path} holds no {name}; a model's tensors must be there")
        return [self.path / name for name in names]
