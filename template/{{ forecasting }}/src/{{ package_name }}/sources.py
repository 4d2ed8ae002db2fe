"""Where series come from: the bundled sample, or tables of your own.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import argparse
import dataclasses
import importlib.util
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import dialect
from .dialect import Dialect
from .errors import UserError

AGGREGATES = ("mean", "sum", "last")
VALUE = "value"  # the channel of wide tables

# What forecasts are told by, and what no column that is part of a series' name may be called.
_TOLD = ("origin", "time", "channel", "actual")


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are.

    Attributes:
        time: The column with the time; None where it is to be found out.
        parts: Columns with more of the time: its clock, if `time` holds dates, and month, day, hour
            and minute, as far as there are any, if it holds years.
        channels: The columns with the values, in order; None takes all others that hold numbers.
        series: Columns that together name the series that a row belongs to.
        per_file: Whether each file is a series of its own.
        wide: Columns that each are a series; none of them takes all others that hold numbers, and
            None says that columns are channels.
        known: Columns that are known for the future too.
        static: Columns that say something of a series as a whole.
    """

    time: str | None = None
    channels: tuple[str, ...] | None = None
    series: tuple[str, ...] | str | None = None
    per_file: bool = False
    wide: tuple[str, ...] | None = None
    known: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that name the series."""
        return (self.series,) if isinstance(self.series, str) else self.series or ()

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> "Columns":
        """The columns that a data set was made of, by its ``info``."""
        known = dict(info["columns"])
        for name, value in known.items():
            known[name] = tuple(value) if isinstance(value, list) else value
        return cls(**known)


@dataclass(frozen=True)
class Reading:
    """How rows become steps.

    Attributes:
        written: How times are written, see `times.py`; empty where it is to be found out.
        zone: The time zone of the place; empty leaves times as they are, those with an offset in
            UTC.
        aggregate: What several rows of one step become, one of `AGGREGATES`; empty refuses them.
        snap: How times that lie between two steps are brought to one, see `steps.py`; empty refuses
            them, and None leaves it to what is found.
        phase: Where steps lie to which times are rounded.
    """

    written: str = ""
    zone: str = ""
    aggregate: str = ""
    snap: str | None = None
    phase: int = 0


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
        reading: What is known of how rows become steps.
        holidays: The country whose holidays are known, such as ``DE`` or ``DE-BY``; or nothing.
        covariates: How known and static columns were encoded (see `covariates.py`); None where it
            is to be found out.
    """

    name: str
    files: tuple[Path, ...]
    columns: Columns = Columns()
    frequency: str | None = None
    season: int | None = None
    dialect: Dialect = field(default_factory=Dialect)
    reading: Reading = Reading()
    holidays: str = ""
    covariates: Mapping[str, Any] | None = None


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
        nargs="+",
        metavar="COLUMN",
        help="the column with the time: dates, quarters, weeks or months in usual ways of writing "
        "them, numbers such as YYYYMMDD or seconds since 1970, or an index of whole numbers; a "
        "second one for the time of day; or the year, the month, the day, the hour and the minute "
        "(default: the one column with dates, or else the one with whole numbers)",
    )
    columns = (
        ("--channels", "the columns to forecast (default: all other columns of numbers)"),
        ("--series", "the columns that together name the series of a row, such as store item"),
        ("--known", "columns whose values are known for the time to forecast, such as a price"),
        ("--static", "columns that say something of a series as a whole, such as its region"),
    )
    for option, told in columns:
        parser.add_argument(option, nargs="+", action="extend", metavar="COLUMN", help=told)
    parser.add_argument(
        "--series-per-file", action="store_true", help="each file is a series of its own"
    )
    parser.add_argument(
        "--wide", action="store_true", help="each column of numbers is a series of its own"
    )
    parser.add_argument(
        "--holidays",
        default="",
        metavar="COUNTRY",
        help="use the holidays of a country or a part of it, such as DE or DE-BY, as known",
    )
    parser.add_argument(
        "--frequency",
        metavar="STEP",
        help="the step between two rows, such as 15min, 1h, 1d, 1b (business days), 1w, 1mo, 1q, "
        "or a number for an index of whole numbers; times between two steps are rounded to one "
        "(default: the median step, from which no time may differ)",
    )
    parser.add_argument(
        "--aggregate",
        choices=AGGREGATES,
        help="what several rows of the same series and step become (default: they are refused)",
    )
    parser.add_argument(
        "--time-zone",
        metavar="ZONE",
        help="where the series come from, such as Europe/Berlin: times without an offset are local",
    )
    parser.add_argument(
        "--season",
        type=int,
        metavar="N",
        help="steps in the period that the series repeat with; 1 for none (default: by the "
        "frequency, such as 24 for 1h, 7 for 1d, 5 for 1b, 52 for 1w, 12 for 1mo)",
    )
    dialect.add_arguments(parser)


def from_arguments(arguments: argparse.Namespace) -> Source:
    """Return what ``add_arguments`` describes.

    Raises:
        UserError: A pattern matches no table, or the options contradict each other.
    """
    _check(arguments)
    channels = None if arguments.channels is None else tuple(arguments.channels)
    columns = Columns(
        time=arguments.time[0] if arguments.time else None,
        parts=tuple(arguments.time[1:]) if arguments.time else (),
        channels=(VALUE,) if arguments.wide else channels,
        series=None if arguments.series is None else tuple(arguments.series),
        per_file=arguments.series_per_file,
        wide=(channels or ()) if arguments.wide else None,
        known=tuple(arguments.known or ()),
        static=tuple(arguments.static or ()),
    )
    if not arguments.source:
        if columns != Columns():
            raise UserError("--time, --channels and --series describe tables given by --source")
        found = sample()
    else:
        found = from_patterns(arguments.source, columns)
        found = dataclasses.replace(found, dialect=dialect.from_arguments(arguments))
    return dataclasses.replace(
        found,
        frequency=arguments.frequency,
        season=arguments.season,
        reading=Reading(zone=arguments.time_zone or "", aggregate=arguments.aggregate or ""),
        holidays=arguments.holidays,
    )


def from_patterns(patterns: Sequence[str], columns: Columns) -> Source:
    """Return the source of all tables that the patterns match.

    Raises:
        UserError: A pattern matches no file, a folder, or a file that is no table.
    """
    from .tables import find_tables

    return Source(" ".join(patterns), find_tables(patterns), columns)


def as_prepared(patterns: Sequence[str], info: Mapping[str, Any]) -> Source:
    """Return the source of tables that are to be read as those of a data set were.

    Args:
        patterns: Which tables.
        info: What the data set says of itself; up to 0.4.1 it said less.

    Raises:
        UserError: A pattern matches no file, a folder, or a file that is no table.
    """
    return dataclasses.replace(
        from_patterns(patterns, Columns.of(info)),
        frequency=info["frequency"],
        season=info["season"],
        dialect=Dialect(**info.get("dialect", {})),
        reading=Reading(**info.get("reading", {"snap": ""})),
        covariates=info.get("covariates", {}),
    )


def _check(arguments: argparse.Namespace) -> None:
    """Refuse options that contradict each other, or what stands behind them."""
    if arguments.season is not None and arguments.season < 1:
        raise UserError(f"--season must be at least 1, not {arguments.season}")
    owners = {"--series": arguments.series, "--series-per-file": arguments.series_per_file}
    owners |= {"--wide": arguments.wide}
    given = [option for option, value in owners.items() if value]
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)} exclude each other")
    if arguments.static and not (arguments.series or arguments.series_per_file):
        raise UserError("--static says something of each series: name them by --series")
    keys = arguments.series or ()
    for name in keys if len(keys) > 1 else ():
        if name in _TOLD:
            raise UserError(
                f"--series: rename the column {name!r}, since forecasts have one of that name"
            )
    if arguments.time_zone:
        try:
            zoneinfo.ZoneInfo(arguments.time_zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise UserError(
                f"--time-zone {arguments.time_zone}: there is no such zone; give a name such as "
                "Europe/Berlin"
            ) from error
