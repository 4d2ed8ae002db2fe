"""Where tables come from, and what is to be learned from them: a sample, or files of your own.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import argparse
import csv
import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import dialect
from .dialect import Dialect
from .errors import UserError

# What scikit-learn bundles, and the name that its target gets as a column.
SAMPLES = {"breast_cancer": "diagnosis", "diabetes": "progression"}
TASKS = ("classification", "regression")
_SAID_BY_SCHEMA = ("target", "kind", "ignore", "group", "write_schema")


@dataclass(frozen=True)
class Source:
    """Table files, and what the user said about their columns.

    Attributes:
        files: The files, in a fixed order; none stands for a sample.
        sample: Which sample; empty for the one that the data settings name.
        target: The column to predict.
        ignore: Columns that the model shall not see, such as identifiers.
        group: A column; rows with the same value in it stay in one split.
        task: ``classification`` or ``regression``; None leaves it to the target's values.
        schema: A reviewed schema, which says all of this and what each column holds.
        write_schema: Where to write the schema instead of preparing a data set.
        dialect: What the user said of how the files are written.
    """

    files: tuple[Path, ...] = ()
    sample: str = ""
    target: str = ""
    ignore: tuple[str, ...] = ()
    group: str | None = None
    task: str | None = None
    schema: Path | None = None
    write_schema: Path | None = None
    dialect: Dialect = field(default_factory=Dialect)

    @property
    def name(self) -> str:
        """What the data set remembers as its origin."""
        return " ".join(map(str, self.files)) or f"{self.sample}, bundled with scikit-learn"


def sample(name: str) -> Source:
    """A table that scikit-learn bundles: ``breast_cancer`` (classes) or ``diabetes`` (numbers)."""
    return Source(sample=name, target=SAMPLES[name])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the prepare command that say where tables come from."""
    parser.add_argument(
        "--source",
        nargs="+",
        action="extend",
        metavar="GLOB",
        help="your table files, all with the same columns: .csv, .tsv, .jsonl (also packed as .gz, "
        ".zst or .zip), .parquet, .arrow, .feather, .xlsx or .ods; ** searches folders. Without "
        "it: a sample",
    )
    parser.add_argument(
        "--sample",
        choices=sorted(SAMPLES),
        help="a table that scikit-learn bundles (default: data.sample of the configuration)",
    )
    parser.add_argument("--target", metavar="COLUMN", help="the column to predict")
    parser.add_argument(
        "--kind",
        choices=TASKS,
        help="what the target is (default: texts, truth values and few whole numbers are classes)",
    )
    parser.add_argument(
        "--ignore",
        nargs="+",
        action="extend",
        default=[],
        metavar="COLUMN",
        help="columns that the model shall not see, such as identifiers",
    )
    parser.add_argument(
        "--group",
        metavar="COLUMN",
        help="keep rows with the same value here in one split, such as those of one patient; the "
        "model does not see the column",
    )
    parser.add_argument(
        "--schema",
        type=Path,
        metavar="FILE",
        help="a reviewed schema, which says what each column is; see --write-schema",
    )
    parser.add_argument(
        "--write-schema",
        type=Path,
        metavar="FILE",
        help="prepare nothing, but write what each column seems to be, for review",
    )
    dialect.add_arguments(parser)


def from_arguments(arguments: argparse.Namespace) -> Source:
    """Return what ``add_arguments`` describes.

    Raises:
        UserError: A pattern matches no file, or arguments are missing or contradict each other.
    """
    from .tables import find_tables

    written = dialect.from_arguments(arguments)
    if arguments.schema:
        told = dataclasses.asdict(written)
        told |= {name: getattr(arguments, name) for name in _SAID_BY_SCHEMA}
        for name, value in told.items():
            if value not in (None, "", [], {}):
                option = name.replace("_", "-")
                raise UserError(f"--{option} and --schema: the schema says it already")
    if arguments.source and arguments.sample:
        raise UserError("--source and --sample: give one of them")
    if arguments.source and not (arguments.target or arguments.schema):
        raise UserError("--source needs --target with the name of the column to predict")
    return Source(
        files=find_tables(arguments.source) if arguments.source else (),
        sample=arguments.sample or "",
        target=arguments.target or "",
        ignore=tuple(arguments.ignore),
        group=arguments.group,
        task=arguments.kind,
        schema=arguments.schema,
        write_schema=arguments.write_schema,
        dialect=written,
    )


def write_sample(name: str, path: Path) -> None:
    """Write a sample as a CSV file, which then is read like any other.

    Raises:
        UserError: scikit-learn is not installed.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise UserError(
            "the sample comes with scikit-learn: run `uv sync` with the development tools, or "
            "give your own table by --source"
        ) from error
    if name == "breast_cancer":
        bunch: Any = datasets.load_breast_cancer()
        targets = bunch.target_names[bunch.target].tolist()
    else:
        bunch = datasets.load_diabetes(scaled=False)
        targets = bunch.target.tolist()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*bunch.feature_names, SAMPLES[name]])
        writer.writerows(
            [*row, target] for row, target in zip(bunch.data.tolist(), targets, strict=True)
        )
