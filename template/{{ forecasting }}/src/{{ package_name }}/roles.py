"""Which column of a table is what, where the user leaves it open."""

from dataclasses import replace

import pyarrow as pa

from .errors import UserError
from .sources import Columns, Source
from .tables import Understood
from .times import time_column

_NUMBERS = (pa.int64(), pa.float64())


def complete(source: Source, found: Understood) -> tuple[Columns, tuple[str, ...]]:
    """Find the columns that a source leaves open.

    Args:
        source: What is known.
        found: What the tables hold.

    Returns:
        All columns, and those that hold the values: the channels, or the series of wide tables.

    Raises:
        UserError: A column is not there, or given twice, or may be several.
    """
    where, types = source.files[0], found.types
    columns = replace(source.columns, series=source.columns.keys or None)
    measured = columns.channels if columns.wide is None else columns.wide or None
    others = (*columns.parts, *columns.keys, *columns.known, *columns.static)
    given = (columns.time, *others, *(measured or ()))
    for name in given:
        if name is not None and name not in types:
            raise UserError(f"{where} has no column {name!r}; its columns: {', '.join(types)}")
    if columns.time is None:
        free = {name: kind for name, kind in types.items() if name not in given}
        columns = replace(columns, time=time_column(source.files, found, free, found.dialect))
    time = str(columns.time)
    if measured is None:
        taken = (time, *others)
        measured = tuple(name for name in types if name not in taken and types[name] in _NUMBERS)
        if not measured:
            raise UserError(f"{where} has no column of numbers beside the time, {time!r}")
    roles = [time, *others, *measured]
    for name in types:
        if roles.count(name) > 1:
            raise UserError(f"column {name!r} is given twice: as time, series or channel")
    if columns.wide is None:
        columns = replace(columns, channels=measured)
    return columns, measured
