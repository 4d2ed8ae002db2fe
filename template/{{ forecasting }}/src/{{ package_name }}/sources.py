"""Where series come from: the bundled sample, or tables of your own.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import argparse
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import dialect
from .dialect import Dialect
from .errors import UserError


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are.

    Attributes:
        time: The column with the time; None where it is to be found out.
        channels: The columns with the values, in order; None takes all others that hold numbers.
        series: A column with the name of the series that a row belongs to.
        per_file: Whether each file is a series of its own.
    """

    time: str | None = None
    channels: tuple[str, ...] | None = None
    series: str | None = None
    per_file: bool = False

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> "Columns":
        """The columns that a data set was made of, by its ``info``."""
        known = info["columns"]
        return cls(known["time"], tuple(known["channels"]), known["series"], known["per_file"])


@dataclass(frozen=True)
class Source:
    """Tables with a row for each point in time of each series.

    Attributes:
        name: What the data set remembers as its origin.
        files: The files, in a fixed order.
        columns: What their columns are.
        frequency: The step between two rows, such as ``1h``; None takes the usual one.
        season: Steps in the period that the series repeat with; None follows from the frequency.
        dialect: What is known of how the files are written.
    """

    name: str
    files: tuple[Path, ...]
    columns: Columns = Columns()
    frequency: str | None = None
    season: int | None = None
    dialect: Dialect = field(default_factory=Dialect)


def sample() -> Source:
    """Return the bundled sample: carbon dioxide in the air over Mauna Loa, weekly, 1958 to 2001.

    Raises:
        UserError: The package that holds it is not installed.
    """
    found = importlib.util.find_spec("statsmodels")  # imports nothing
    for folder in (found and found.submodule_search_locations) or ():
        path = Path(folder, "datasets", "co2", "co2.csv")
        if path.is_file():
            return Source("weekly CO2 at Mauna Loa, 1958 to 2001", (path,))
    raise UserError(
        "the sample comes with the package statsmodels, which is not installed: run `uv sync`, or "
        "use your own tables with --source"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the prepare command that say where series come from."""
    parser.add_argument(
        "--source",
        nargs="+",
        action="extend",
        metavar="GLOB",
        help="your tables, a row for each point in time: .csv, .tsv, .jsonl (also packed as .gz, "
        ".zst or .zip), .parquet, .arrow, .feather, .xlsx or .ods; ** searches folders. Without "
        "it: weekly measurements of carbon dioxide",
    )
    parser.add_argument(
        "--time",
        metavar="COLUMN",
        help="the column with the time: ISO 8601, YYYYMMDD, or whole numbers (default: the one "
        "column with dates, or else the one with whole numbers)",
    )
    parser.add_argument(
        "--channels",
        nargs="+",
        metavar="COLUMN",
        help="the columns to forecast (default: all other columns of numbers)",
    )
    parser.add_argument(
        "--series", metavar="COLUMN", help="a column that names the series of a row"
    )
    parser.add_argument(
        "--series-per-file", action="store_true", help="each file is a series of its own"
    )
    parser.add_argument(
        "--frequency",
        metavar="STEP",
        help="the step between two rows, such as 15min, 1h, 1d, 1w, 1mo, or a number for an index "
        "of whole numbers (default: the median step)",
    )
    parser.add_argument(
        "--season",
        type=int,
        metavar="N",
        help="steps in the period that the series repeat with; 1 for none (default: by the "
        "frequency, such as 24 for 1h, 7 for 1d, 52 for 1w, 12 for 1mo)",
    )
    dialect.add_arguments(parser)


def from_arguments(arguments: argparse.Namespace) -> Source:
    """Return what ``add_arguments`` describes.

    Raises:
        UserError: A pattern matches no table, or the options contradict each other.
    """
    if arguments.season is not None and arguments.season < 1:
        raise UserError(f"--season must be at least 1, not {arguments.season}")
    if arguments.series is not None and arguments.series_per_file:
        raise UserError("--series and --series-per-file exclude each other")
    columns = Columns(
        time=arguments.time,
        channels=None if arguments.channels is None else tuple(arguments.channels),
        series=arguments.series,
        per_file=arguments.series_per_file,
    )
    if not arguments.source:
        if columns != Columns():
            raise UserError("--time, --channels and --series describe tables given by --source")
        found = sample()
        return Source(found.name, found.files, columns, arguments.frequency, arguments.season)
    written = dialect.from_arguments(arguments)
    return from_patterns(arguments.source, columns, arguments.frequency, arguments.season, written)


def from_patterns(
    patterns: Sequence[str],
    columns: Columns,
    frequency: str | None = None,
    season: int | None = None,
    written: Dialect | None = None,
) -> Source:
    """Return the source of all tables that the patterns match.

    Raises:
        UserError: A pattern matches no file, a folder, or a file that is no table.
    """
    from .tables import find_tables

    return Source(
        " ".join(patterns), find_tables(patterns), columns, frequency, season, written or Dialect()
    )
