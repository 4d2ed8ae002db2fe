"""Damaged images that are skipped: which, why, and how many may be."""

import csv
import math
from pathlib import Path
from typing import NamedTuple

from .errors import UserError
from .files import replacing


class Skipped(NamedTuple):
    """The images that were skipped so far.

    Attributes:
        most: How many may be; None if a damaged image is an error.
        said: The same as the user said it.
        path: Where they are listed.
        found: What names each of them, and what is wrong with it.
    """

    most: int | None
    said: str
    path: Path
    found: list[tuple[str, str]]

    @classmethod
    def allowed(cls, said: str | None, count: int, directory: Path) -> "Skipped":
        """None yet.

        Args:
            said: How many may be skipped: a number or a share such as ``5%``; None for none.
            count: How many images there are.
            directory: Where the data set will stand; the list goes beside it.
        """
        share = said is not None and said.endswith("%")
        most = None if said is None else float(said.removesuffix("%"))
        if most is not None and share:
            most = count * most / 100
        path = directory.with_name(f"{directory.name}.skipped.csv")
        return cls(None if most is None else math.floor(most), said or "", path, [])

    def add(self, where: str, reason: str) -> None:
        """Skip an image.

        Raises:
            UserError: It may not be skipped; if there are too many, they have been listed.
        """
        if self.most is None:
            raise unreadable(where, reason)
        self.found.append((where, reason))
        if len(self.found) > self.most:
            self.write()
            raise UserError(
                f"{len(self.found):,} images cannot be read, more than --max-errors {self.said} "
                f"allows: {self.path} lists them; the last is {where}: {reason}"
            )

    def write(self) -> None:
        """List what was skipped; a list of earlier ones goes.

        Raises:
            UserError: The file cannot be written.
        """
        if self.most is None:
            return
        try:
            if not self.found:
                self.path.unlink(missing_ok=True)
                return
            with (
                replacing(self.path) as draft,
                draft.open("w", encoding="utf-8", newline="") as file,
            ):
                table = csv.writer(file, lineterminator="\n")
                table.writerows([("image", "problem"), *self.found])
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}") from error


def unreadable(where: str, reason: str) -> UserError:
    """What is said of a damaged image."""
    return UserError(f"{where} cannot be read as an image: {reason}")
