"""Tables as people have them: how each kind is made, what it is prepared with, what then happens.

Most of them hold the rows of `CLEAN`, so the data prepared from them must be the same.
"""

import bz2
import datetime
import decimal
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import feather, parquet

from . import spreadsheets

Row = tuple[Any, ...]
NAMES = ("size", "price", "day", "spent", "color", "y")
"""A number, a number of thousands, a date, a duration in seconds, a category, and the target."""


def rows_of(count: int = 60) -> list[Row]:
    """Rows that are the same every time."""
    return [
        (
            at * 0.25 - 3,
            1000.5 + 137 * at,
            datetime.date(2024, 1, 1) + datetime.timedelta(days=3 * at),
            60 * (at * at % 97) + 3600,
            ("red", "grün", "blue")[at % 3],
            (at * 37 % 60) / 8 - 2,
        )
        for at in range(count)
    ]


ROWS = rows_of()


def text(
    rows: Sequence[Row] = ROWS,
    *,
    names: Sequence[str] = NAMES,
    delimiter: str = ",",
    **spell: Callable[[Any], str],
) -> str:
    """Rows as CSV, with columns that are spelled in a way of their own."""
    lines = [names]
    for row in rows:
        cells = dict(zip(names, row, strict=True))
        lines.append([spell.get(name, str)(cell) for name, cell in cells.items()])
    quoted = [[f'"{cell}"' if delimiter in cell else cell for cell in line] for line in lines]
    return "".join(f"{delimiter.join(line)}\n" for line in quoted)


CLEAN = text()


@dataclass(frozen=True)
class Kind:
    """One way in which tables come.

    Attributes:
        name: What people would call it.
        write: Makes the files in a folder.
        words: What `prepare` is told beside ``--target``; a pattern of files is added.
        says: What the summary, or the error, holds.
        fails: Whether it is refused.
        same: Whether the data are those of `CLEAN`.
        target: The column to predict.
    """

    name: str
    write: Callable[[Path], None]
    words: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    fails: bool = False
    same: bool = True
    target: str = "y"


def stored(name: str, content: bytes) -> Callable[[Path], None]:
    """Writes one file."""

    def write(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return write


def csv(content: str, encoding: str = "utf-8", name: str = "t.csv") -> Callable[[Path], None]:
    """Writes a text file."""
    return stored(name, content.encode(encoding))


def packed(name: str, pack: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Writes a compressed file."""
    return stored(name, pack(CLEAN.encode()))


def zipped(*names: str) -> Callable[[bytes], bytes]:
    """Packs the same content under several names."""

    def pack(content: bytes) -> bytes:
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(name, content)
        return whole.getvalue()

    return pack


def zstd(content: bytes) -> bytes:
    """The standard library of Python 3.11 has none."""
    return pa.compress(content, codec="zstd", asbytes=True)


def comma(value: Any) -> str:
    """With a decimal comma."""
    return str(value).replace(".", ",")


def grouped(group: str, point: str, before: str = "", after: str = "") -> Callable[[Any], str]:
    """With marks between thousands, and a unit."""

    def spell(value: Any) -> str:
        number = f"{value:,}".replace(".", "!").replace(",", group).replace("!", point)
        return f"{before}{number}{after}"

    return spell


def clock(seconds: Any) -> str:
    """Hours, minutes and seconds."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def day(pattern: str) -> Callable[[Any], str]:
    """A date by a pattern."""
    return lambda value: value.strftime(pattern)


def columns() -> dict[str, list[Any]]:
    """The clean rows column by column."""
    return dict(zip(NAMES, (list(column) for column in zip(*ROWS, strict=True)), strict=True))


def typed() -> pa.Table:
    """With types of other systems."""
    found: dict[str, Any] = columns()
    found["price"] = pa.array([decimal.Decimal(str(price)) for price in found["price"]])
    found["spent"] = pa.array(found["spent"], pa.duration("s"))
    found["day"] = pa.array(found["day"]).cast(pa.timestamp("ns", "UTC"))
    found["color"] = pa.array(found["color"]).dictionary_encode()
    return pa.table(found)


def nested(folder: Path) -> None:
    """Two columns inside another, and a list."""
    found = columns()
    pairs = zip(found.pop("price"), found.pop("day"), strict=True)
    inner = [{"price": price, "day": day} for price, day in pairs]
    table = pa.table({**found, "of": inner, "list": [[1, 2]] * len(ROWS)})
    parquet.write_table(table, folder / "t.parquet")


def lines(folder: Path) -> None:
    """An object in each line, with another inside."""
    with (folder / "t.jsonl").open("w", encoding="utf-8") as file:
        for size, price, day, *rest in ROWS:
            row = {"size": size, "price": price, "day": str(day)}
            row |= dict(zip(NAMES[3:], rest, strict=True))
            file.write(json.dumps(row) + "\n\n")


def sheet(write: Callable[[Path, spreadsheets.Sheets], None], name: str, *names: str) -> Any:
    """Writes a spreadsheet, with the rows in each of its sheets."""
    sheets = {each: [NAMES, *ROWS] for each in names or ("Data",)}
    return lambda folder: write(folder / name, {**sheets, "Empty": []})


def several(folder: Path) -> None:
    """Three files, the columns of each in another order."""
    for at, turn in enumerate((0, 2, 5)):
        names = (*NAMES[turn:], *NAMES[:turn])
        part = [(*row[turn:], *row[:turn]) for row in ROWS[20 * at : 20 * at + 20]]
        (folder / f"{at}.csv").write_text(text(part, names=names), encoding="utf-8")


def wide(extra: Callable[[int, Row], Any], rows: Sequence[Row] = ROWS) -> Callable[[Path], None]:
    """Writes one more column."""
    table = [(*row[:5], extra(at, row), row[5]) for at, row in enumerate(rows)]
    return csv(text(table, names=(*NAMES[:5], "extra", "y")))


def classes(*labels: str) -> Callable[[Path], None]:
    """Writes a class in the place of the number."""
    pairs = zip(rows_of(len(labels)), labels, strict=True)
    return csv(text([(*row[:5], label) for row, label in pairs]))


def indexed(folder: Path) -> None:
    """As data frames write their index."""
    head, *rows = CLEAN.splitlines()
    body = "".join(f"{at},{row}\n" for at, row in enumerate(rows))
    (folder / "t.csv").write_text(f",{head}\n{body}", encoding="utf-8")


def early(folder: Path) -> None:
    """Dates up to the twelfth only."""
    rows = [row for row in ROWS if row[2].day <= 12]
    csv(text(rows, day=day("%d.%m.%Y")))(folder)


EUROPE = text(delimiter=";", size=comma, price=comma, y=comma)
SPENT = text(spent=clock)
# Nothing tells the decimal mark: the only numbers with marks have one before three digits.
WITHOUT_POINTS = text(
    [(at * at, 1000 + at, *row[2:5], at % 40) for at, row in enumerate(ROWS)],
    price=lambda price: f"1,{price % 1000:03}",
)

KINDS = (
    # How cells are separated
    Kind("commas and decimal points", csv(CLEAN), (), ("separated by ','",)),
    Kind("semicolons and decimal commas", csv(EUROPE), (), ("separated by ';'", "like 1234,5")),
    Kind("tabs", csv(text(delimiter="\t")), (), (r"separated by '\t'",)),
    Kind("pipes", csv(text(delimiter="|")), (), ("separated by '|'",)),
    Kind(
        "as many commas as semicolons",
        csv("a,b;y\n1,2;3\n"),
        (),
        ("cells may be separated by ',' or ';': give --delimiter",),
        fails=True,
    ),
    Kind("semicolons, `--delimiter ';'`", csv(EUROPE), ("--delimiter", ";"), ("separated by ';'",)),
    Kind("a first column without a name", indexed, (), ("first column is an index",)),
    Kind(
        "a row with too many cells",
        csv(CLEAN + "1,2,3,4,5,6,7\n"),
        (),
        ("t.csv row 61 has 7 cells instead of 6",),
        fails=True,
    ),
    # How numbers are written
    Kind("`1,234.5`", csv(text(price=grouped(",", "."))), (), ("like 1,234.5",)),
    Kind("`1.234,5`", csv(text(price=grouped(".", ","))), (), ("like 1.234,5",)),
    Kind("`1'234.5`", csv(text(price=grouped("'", "."))), (), ("like 1'234.5",)),
    Kind("`1 234,5`", csv(text(price=grouped(" ", ","))), (), ("like 1 234,5",)),
    Kind(
        "`1 234,5` with no-break spaces",
        csv(text(price=grouped("\xa0", ","))),
        (),
        ("like 1 234,5",),
    ),
    Kind("`$ 1,234.5`", csv(text(price=grouped(",", ".", "$ "))), (), ("like $ 1,234.5",)),
    Kind("`12.5 %`", csv(text(size=grouped("", ".", "", " %"))), (), ("like 1234.5 %",)),
    Kind("`12.5kg`", csv(text(size=grouped("", ".", "", "kg"))), (), ("like 1234.5 kg",)),
    Kind("`12,5 €` as the target", csv(text(y=grouped("", ",", "", " €"))), (), ("1234,5 €",)),
    Kind(
        "`12 kg` and `12 g` in a column",
        csv(text(size=lambda size: f"{size} {'kg' if size > 0 else 'g'}")),
        (),
        ("numbers with different units: g, kg",),
        same=False,
    ),
    Kind(
        "`1,234` in every cell",
        csv(WITHOUT_POINTS),
        (),
        ("'1,000' may be 1000 or 1.000: give --decimal . or --decimal ,",),
        fails=True,
    ),
    Kind(
        "the same, `--decimal .`",
        csv(WITHOUT_POINTS),
        ("--decimal", "."),
        ("price  number    from 1000 to 1059, written like 1,234.5",),
        same=False,
    ),
    Kind(
        "nearly as many classes as rows",
        csv(text(y=lambda y: f"around {y}")),
        (),
        ("the target 'y' has 60 values in 60 rows, such as 'around -2.0', ", "give --kind"),
        fails=True,
    ),
    # How texts are encoded
    Kind("UTF-8 with a byte order mark", csv(CLEAN, "utf-8-sig"), (), ("UTF-8",)),
    Kind("UTF-16 with a byte order mark", csv(CLEAN, "utf-16"), (), ("UTF-16",)),
    Kind(
        "UTF-16 without one",
        csv(CLEAN, "utf-16-le"),
        (),
        ("holds NUL bytes, as UTF-16 does: give --encoding, such as utf-16-le",),
        fails=True,
    ),
    Kind(
        "cp1252",
        csv(CLEAN, "cp1252"),
        (),
        (r"t.csv row 2, column 'color': b'gr\xfcn' is not UTF-8: give --encoding, such as cp1252",),
        fails=True,
    ),
    Kind(
        "the same, `--encoding cp1252`",
        csv(CLEAN, "cp1252"),
        ("--encoding", "cp1252"),
        ("CP1252",),
    ),
    # How they are stored
    Kind("`.gz`", packed("t.csv.gz", gzip.compress), (), ("packed as .gz",)),
    Kind("`.bz2`", packed("t.csv.bz2", bz2.compress), (), ("packed as .bz2",)),
    Kind("`.zst`", packed("t.csv.zst", zstd), (), ("packed as .zst",)),
    Kind("`.zip`", packed("t.zip", zipped("t.csv")), (), ("packed as .zip",)),
    Kind(
        "`.zip` of several files",
        packed("t.zip", zipped("a.csv", "b.csv")),
        (),
        ("t.zip holds 2 files: unpack it",),
        fails=True,
    ),
    Kind("several files, columns in another order", several, (), ("3 files",)),
    Kind("`.xlsx`", sheet(spreadsheets.write_xlsx, "t.xlsx"), (), ("sheet 'Data'",)),
    Kind("`.ods`", sheet(spreadsheets.write_ods, "t.ods"), (), ("sheet 'Data'",)),
    Kind(
        "several sheets",
        sheet(spreadsheets.write_xlsx, "t.xlsx", "One", "Two"),
        (),
        ("t.xlsx has several sheets, One, Two: give --sheet",),
        fails=True,
    ),
    Kind(
        "the same, `--sheet Two`",
        sheet(spreadsheets.write_xlsx, "t.xlsx", "One", "Two"),
        ("--sheet", "Two"),
        ("sheet 'Two'",),
    ),
    Kind(
        "Parquet with decimals, durations and zones",
        lambda folder: parquet.write_table(typed(), folder / "t.parquet"),
        (),
        ("Parquet",),
    ),
    Kind("Parquet with nested columns", nested, (), ("of.price", "type list<"), same=False),
    Kind("Feather", lambda folder: feather.write_feather(typed(), folder / "t.feather")),
    Kind("Arrow", lambda folder: feather.write_feather(typed(), folder / "t.arrow")),
    Kind("JSON lines", lines, (), ("JSON lines, UTF-8",)),
    # Dates and durations
    Kind("`31.12.2024`", csv(text(day=day("%d.%m.%Y"))), (), ("like d/m/y",)),
    Kind("`12/31/2024 05:00 PM`", csv(text(day=day("%m/%d/%Y 12:00 AM"))), (), ("like m/d/y",)),
    Kind("`31/12/24`", csv(text(day=day("%d/%m/%y"))), (), ("like d/m/y",)),
    Kind("`2024-12-31T17:00+01:00`", csv(text(day=day("%Y-%m-%dT01:00+01:00")))),
    Kind("`2024/12/31`", csv(text(day=day("%Y/%m/%d"))), (), ("like y/m/d",)),
    Kind(
        "days up to the twelfth only",
        early,
        (),
        ("dates such as '04.01.2024' begin with the day or the month: give --day-first or",),
        fails=True,
    ),
    Kind("the same, `--day-first`", early, ("--day-first",), ("like d/m/y",), same=False),
    Kind("`1:30:00` as a duration", csv(SPENT), (), ("like h:m:s",)),
    # What the columns hold
    Kind(
        "2 of 300 rows in a class",
        classes(*["usual"] * 150, *["other"] * 148, "rare", "rare"),
        (),
        ("warning: test has no example of rare", "hardly any examples of rare (2)"),
        same=False,
    ),
    Kind(
        "95 : 5",
        classes(*["no"] * 285, *["yes"] * 15),
        (),
        ("warning: 95% of the rows are no: look at balanced_accuracy", "class_weights=balanced"),
        same=False,
    ),
    Kind(
        "rows without a target",
        csv(text(y=lambda y: "" if y > 4 else str(y))),
        (),
        ("rows without a target were skipped",),
        same=False,
    ),
    Kind(
        "`inf`",
        csv(text(size=lambda size: "inf" if size == 0 else str(size))),
        (),
        ("t.csv row 13, column 'size': the number is infinite; leave the cell empty",),
        fails=True,
    ),
    Kind("identifiers", wide(lambda at, _: f"id{at:03}"), (), ("like an identifier",)),
    Kind("rows that are numbered", wide(lambda at, _: at), (), ("it numbers the rows",)),
    Kind(
        "free text", wide(lambda at, _: f"It was the {at}th night of May"), (), ("free text: 60",)
    ),
    Kind(
        "more than 1,000 categories",
        wide(lambda at, _: f"shop {at // 3}", rows_of(3300)),
        (),
        ("1,100 values: ", "of which the rare ones count as one"),
        same=False,
    ),
    Kind("a constant column", wide(lambda *_: "x"), (), ("the same in every row: 1 values: x",)),
    Kind("a column twice", wide(lambda _, row: row[1]), (), ("the same as 'price' in every row",)),
    Kind("the target as a column", wide(lambda _, row: row[5]), (), ("the same as 'y' in every",)),
    Kind(
        "a column that gives the target away",
        wide(lambda _, row: row[5] * 9 / 5 + 32),
        (),
        ("warning: it tells the target",),
        same=False,
    ),
    Kind(
        "rows that stand there twice",
        csv(text([*ROWS, *ROWS])),
        (),
        ("60 rows equal another one; those share a split",),
        same=False,
    ),
)
