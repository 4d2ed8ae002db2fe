"""Data that the `prepare` command has written as a data set of its own."""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import field_validator

from ..errors import UserError
from ..settings import FREE
from ..storage.dataset import DataSet, holds_data_set
from .indexed_data import Draws, Examples, IndexedData, Numbers

__all__ = ["Draws", "Examples", "Numbers", "PreparedData"]


class PreparedData(IndexedData):
    """A prepared data set and how it is read; a task adds what an example is.

    Attributes:
        directory: Where the prepared data set stands.
    """

    directory: Annotated[str, FREE]

    @field_validator("directory")
    @classmethod
    def _may_be_a_folder(cls, directory: str) -> str:
        if not directory or os.path.isfile(directory):
            raise ValueError(f"should be a folder, or a name for a new one, not {directory!r}")
        return directory

    def exists(self) -> bool:
        """Whether a data set was completed in ``directory``."""
        return holds_data_set(Path(self.directory))

    def fingerprint(self) -> str:
        """The digest of all records, which the data set keeps."""
        return DataSet.open(Path(self.directory)).fingerprint

    def info(self) -> dict[str, Any]:
        """What `prepare` found out about the data, and its ``folder``; nothing before it exists."""
        if not self.exists():
            return {}
        return {**DataSet.open(Path(self.directory)).info, "folder": self.directory}

    def open(self, kind: str) -> DataSet:
        """The data set, which `prepare` has stored with this ``kind`` in its `info`.

        Raises:
            UserError: It is not there, damaged, or of another kind.
        """
        data_set = DataSet.open(Path(self.directory))
        found = data_set.info.get("kind", "other data")
        if found != kind:
            raise UserError(f"{self.directory} holds no {kind} but {found}")
        return data_set
