"""Rows of predictions as files: CSV or JSON lines."""

import csv
import io
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..errors import UserError

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
        return _write_json(records, cast(io.TextIOBase, sys.stdout))
    write = _write_csv if path.suffix.lower() == ".csv" else _write_json
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            count = write(records, file)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return count


def _write_json(records: Iterable[Mapping[str, Any]], file: io.TextIOBase) -> int:
    count = 0
    for record in _plain(records):
        file.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")
        count += 1
    return count


def _write_csv(records: Iterable[Mapping[str, Any]], file: io.TextIOBase) -> int:
    count = 0
    writer = csv.writer(file, lineterminator="\n")
    for record in _plain(records):
        if not count:
            writer.writerow(record)
        writer.writerow(record.values())
        count += 1
    return count


def _plain(records: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for record in records:
        yield {name: plain_value(value) for name, value in record.items()}


def plain_value(value: Any) -> Any:
    """Python's value for numpy's; what is not finite becomes None, an empty field of CSV."""
    if isinstance(value, np.generic):
        # Seven digits are all that float32 has; more would be noise.
        value = float(f"{value:.7g}") if value.dtype == np.float32 else value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
