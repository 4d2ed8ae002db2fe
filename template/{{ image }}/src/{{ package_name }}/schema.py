"""What a data set of images says about itself: everything that reading more images needs."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import UserError
from .folders import Item
from .image_tables import Columns
from .images import Form
from .settings import Settings
from .targets import Stored, Targets


class ImageSchema(Settings):
    """How images and their targets are read and stored.

    Attributes:
        form: Size, channels and depth of every image.
        targets: What is predicted.
        columns: Where images and targets stand in tables, if they came from tables.
        label: The regular expression that finds classes in paths, if one does.
    """

    form: Form
    targets: Targets
    columns: Columns | None = None
    label: str = ""

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> "ImageSchema":
        """That of a data set; those of 0.4 held classes and 8 bits alone."""
        targets = info.get("targets") or {"names": info["classes"]}
        columns, (height, width, channels) = info.get("columns"), info["shape"]
        return cls(
            form=Form(height, width, channels, info.get("bits", 8)),
            targets=Targets.model_validate(targets),
            columns=None if columns is None else Columns.model_validate(columns),
            label=info.get("label", ""),
        )

    def info(self) -> dict[str, Any]:
        """The same as a part of a data set's `info`, in JSON's types."""
        columns = None if self.columns is None else self.columns.model_dump()
        return {
            "shape": list(self.form.shape),
            "bits": self.form.bits,
            "classes": self.targets.names,
            "targets": self.targets.model_dump(),
            "columns": columns,
            "label": self.label,
        }

    def encoded(self, item: Item, *, required: bool = False) -> Stored | None:
        """The targets of an image as they are stored; None if one is missing.

        Raises:
            UserError: One is none of the classes or labels, or no number, or missing and required.
        """
        try:
            stored = self.targets.encode(item.targets)
        except (ValueError, TypeError) as error:
            raise UserError(f"{item.where}: {error}") from error
        if stored is None and required:
            raise UserError(f"{item.where}: the target is missing")
        return stored

    @property
    def record_type(self) -> np.dtype:
        """How a record lies in bytes: targets, then pixels by rows, columns and channels."""
        pixel = "u1" if self.form.bits == 8 else "<u2"
        return np.dtype([("label", self.targets.dtype), ("image", pixel, self.form.shape)])
