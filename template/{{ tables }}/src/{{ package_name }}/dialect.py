"""How table files are written: what the user says about it, and what was found.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import argparse
from dataclasses import dataclass, field
from typing import ClassVar

from .errors import UserError

_NAMED = {"tab": "\t", "\\t": "\t", "space": " ", "pipe": "|"}


@dataclass(frozen=True)
class Dialect:
    """How the cells of table files are to be read.

    Attributes:
        encoding: Of text files; empty for UTF-8, or what a byte order mark says.
        delimiter: What separates the cells of CSV files; empty to find it in each file.
        decimal: The decimal mark, where a column alone does not tell.
        day_first: Whether 01/02/2024 is the first of February, where a column alone does not tell.
        sheet: The sheet of spreadsheet files; empty for the only one.
        formats: For each column whose texts are no plain numbers or ISO 8601 dates, how they are
            written (see ``spelling.py``), such as ``1.234,5 kg`` or ``d/m/y``.
    """

    encoding: str = ""
    delimiter: str = ""
    decimal: str = ""
    day_first: bool | None = None
    sheet: str = ""
    formats: dict[str, str] = field(default_factory=dict)

    # How pydantic checks one that a file holds.
    __pydantic_config__: ClassVar = {"extra": "forbid"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the prepare command that say how tables are written."""
    parser.add_argument(
        "--encoding",
        metavar="NAME",
        help="of text files, such as cp1252 (default: UTF-8, or what a byte order mark says)",
    )
    parser.add_argument(
        "--delimiter",
        metavar="CHAR",
        help="what separates the cells of CSV files, such as ';' or tab (default: found)",
    )
    parser.add_argument(
        "--decimal",
        choices=(".", ","),
        help="the decimal mark, where numbers such as 1,234 do not tell it",
    )
    parser.add_argument(
        "--day-first",
        action=argparse.BooleanOptionalAction,
        help="dates such as 01/02/2024 begin with the day, or not, where they do not tell it",
    )
    parser.add_argument("--sheet", metavar="NAME", help="the sheet of spreadsheet files")


def from_arguments(arguments: argparse.Namespace) -> Dialect:
    """Return what ``add_arguments`` describes.

    Raises:
        UserError: There is no such encoding, or the delimiter is no single character.
    """
    encoding, delimiter = arguments.encoding or "", arguments.delimiter or ""
    try:
        "x".encode(encoding or "utf-8")
    except LookupError as error:
        raise UserError(f"--encoding {encoding}: there is no such encoding") from error
    delimiter = _NAMED.get(delimiter, delimiter)
    if len(delimiter.encode()) > 1 or delimiter in ('"', "\n", "\r"):
        raise UserError(f"--delimiter {delimiter}: give a single ASCII character, or tab")
    return Dialect(
        encoding=encoding,
        delimiter=delimiter,
        decimal=arguments.decimal or "",
        day_first=arguments.day_first,
        sheet=arguments.sheet or "",
    )
