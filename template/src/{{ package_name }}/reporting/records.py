"""Rows of predictions as files: CSV or JSON lines."""

import csv
import io
import json
import math
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..errors import UserError
from ..files import replacing

SUFFIXES = (".csv", ".jsonl")


def check_output(path: Path | None, *suffixes: str) -> None:
    """Check, before any work is done, that a file can be written here.

    Raises:
        UserError: The suffix is none of `suffixes`, or the folder does not exist.
    """
    if path is None:
        return
    if path.suffix.lower() not in suffixes:
        raise UserError(f"{path}: the file's name must end in {' or '.join(suffixes)}")
    if not path.absolute().parent.is_dir():
        raise UserError(f"{path}: the folder {path.parent} does not exist")


def write_records(records: Iterable[Mapping[str, Any]], path: Path | None) -> int:
    """Write records as they come, so that their number is not limited by memory.

    Args:
        records: Flat rows with the same keys; numbers of numpy are written like Python's.
        path: A ``.csv`` or ``.jsonl`` file, which is whole or not there; None prints JSON lines.

    Returns:
        How many rows were written.
    """
    if path is None:
        return _write(records, cast(Any, sys.stdout), as_csv=False)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        return _write(records, file, as_csv=path.suffix.lower() == ".csv")


def _write(records: Iterable[Mapping[str, Any]], file: io.TextIOBase, *, as_csv: bool) -> int:
    table, count = csv.writer(file, lineterminator="\n"), 0
    for count, record in enumerate(records, start=1):
        row = {name: plain_value(value) for name, value in record.items()}
        if not as_csv:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
            continue
        if count == 1:
            table.writerow(row)
        table.writerow(row.values())
    return count


def plain_value(value: Any) -> Any:
    """Python's value for numpy's; what is not finite becomes None, an empty field of CSV."""
    if isinstance(value, np.generic):
        # Seven digits are all that float32 has; more would be noise.
        value = float(f"{value:.7g}") if value.dtype == np.float32 else value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
