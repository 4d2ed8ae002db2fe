"""A file that holds a table, while it is open."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa


class TableFile(NamedTuple):
    """What can be read of it.

    Attributes:
        schema: Its columns; the types count only where the file states them.
        read: Its rows in order, batch by batch, with at least the columns that are named.
        position: Tells how many bytes of it have been read.
        said: How it is read, for a reader.
    """

    schema: pa.Schema
    read: Callable[[Sequence[str]], Iterator[pa.RecordBatch]]
    position: Callable[[], int]
    said: str
