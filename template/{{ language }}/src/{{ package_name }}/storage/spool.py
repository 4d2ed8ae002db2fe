"""Records that are put aside in a file until all of them are known."""

import contextlib
import os
from array import array
from pathlib import Path
from typing import no_type_check

from ..errors import UserError


class Spool:
    """Takes records in one order and gives them in any other; 8 bytes of memory for each.

    The file is not compressed, and gone when the folder of the writer is.

    Attributes:
        bytes: Size of all records.
    """

    def __init__(self, path: Path) -> None:
        """Begin a file in place of what is there.

        Raises:
            UserError: It cannot be written.
        """
        self._path, self._ends, self.bytes = path, array("Q"), 0
        try:
            self._file = path.open("w+b", buffering=2**20)
        except OSError as error:
            raise self._unwritten(error) from error

    def __len__(self) -> int:
        """How many records there are."""
        return len(self._ends)

    @no_type_check  # it takes longer than the work, which is done for each of many small records
    def add(self, record: bytes) -> None:
        """Append a record.

        Raises:
            UserError: It cannot be written, for instance because the disk is full.
        """
        try:
            self._file.write(record)
        except OSError as error:
            raise self._unwritten(error) from error
        self.bytes += len(record)
        self._ends.append(self.bytes)

    def flush(self) -> None:
        """Let all records be read.

        Raises:
            UserError: They cannot be written.
        """
        try:
            self._file.flush()
        except OSError as error:
            raise self._unwritten(error) from error

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):  # of a full disk, which was told before
            self._file.close()

    @no_type_check  # likewise
    def size(self, number: int) -> int:
        """Bytes of a record."""
        return self._ends[number] - (self._ends[number - 1] if number else 0)

    @no_type_check  # likewise
    def __getitem__(self, number: int) -> bytes:
        """A record; call `flush` before."""
        size = self.size(number)
        return os.pread(self._file.fileno(), size, self._ends[number] - size)

    def _unwritten(self, error: OSError) -> UserError:
        return UserError(f"cannot write {self._path}: {error.strerror}")
