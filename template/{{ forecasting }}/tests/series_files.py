"""Tables of series as people have them: the plain ones, and ways to write them otherwise."""

import datetime
import json
import zoneinfo
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

UTC = datetime.UTC
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LONG = ("January", "February", "March", "April", "May", "June", "July", "August", "September")
LONG += ("October", "November", "December")

Time = datetime.datetime
Write = Callable[[Path], None]


def months(count: int = 144, start: int = 1949, size: int = 1) -> list[Time]:
    """The first days of months, of every so many."""
    return [Time(start + at * size // 12, at * size % 12 + 1, 1) for at in range(count)]


def regular(start: Time, step: datetime.timedelta, count: int) -> list[Time]:
    """Points in time one after the other."""
    return [start + at * step for at in range(count)]


DAY, HOUR = datetime.timedelta(days=1), datetime.timedelta(hours=1)
TIMES = {
    "months": months(),
    "quarters": months(40, 1960, 3),
    "years": [Time(1900 + at, 1, 1) for at in range(80)],
    "weeks": regular(Time(1960, 2, 1), 7 * DAY, 200),
    "days": regular(Time(2021, 1, 1), DAY, 3 * 365),
    "hours": regular(Time(2024, 3, 25), HOUR, 400),
    "business days": [time for time in regular(Time(2024, 1, 1), DAY, 280) if time.weekday() < 5],
}
"""The steps of the plain tables."""


def values_of(count: int, seed: int = 0) -> list[float]:
    """A pattern on a slope, to a quarter."""
    noise = np.random.default_rng(seed).integers(0, 8, count)
    return [(at // 2 + 10 * (at % 6) + int(noise[at])) / 4 for at in range(count)]


def text(times: Iterable[object], values: Iterable[object] | None = None, head: str = "t,x") -> str:
    """A row for each point in time."""
    listed = list(times)
    pairs = zip(listed, values_of(len(listed)) if values is None else values, strict=True)
    return "".join(f"{line}\n" for line in (head, *(f"{time},{value}" for time, value in pairs)))


def csv(content: str, name: str = "t.csv") -> Write:
    """Writes a text file."""

    def write(folder: Path) -> None:
        (folder / name).write_text(content, encoding="utf-8")

    return write


def spelled(step: str, spell: Callable[[Time], object]) -> Write:
    """Writes the plain table of a step with times written in another way."""
    return csv(text(f'"{spell(time)}"' for time in TIMES[step]))


def columned(head: str, spell: Callable[[Time], object]) -> Write:
    """Writes the plain table of months or hours with the time in several columns."""
    step = "hours" if "day" in head or "clock" in head else "months"
    return csv(text((spell(time) for time in TIMES[step]), head=f"{head},x"))


def plain(step: str) -> Write:
    """Writes ISO 8601."""
    return csv(text(time.isoformat() for time in TIMES[step]))


def quarter(time: Time) -> int:
    """From 1."""
    return (time.month + 2) // 3


def numbered(unit: float, kind: type = int) -> Callable[[Time], object]:
    """Units since 1970."""
    return lambda time: kind(round(time.replace(tzinfo=UTC).timestamp()) / unit)


def jitter(times: Sequence[Time]) -> list[Time]:
    """Off by some milliseconds."""
    return [
        time + datetime.timedelta(milliseconds=at * 7 % 11 - 5) for at, time in enumerate(times)
    ]


def month_ends(times: Sequence[Time]) -> list[Time]:
    """The last days of the months before."""
    return [time - DAY for time in times]


def last_business_days(times: Sequence[Time]) -> list[str]:
    """Of the months before."""
    before = np.array([time.date() for time in times], "datetime64[D]") - 1
    return np.busday_offset(before, 0, "backward").astype(str).tolist()


def berlin(spell: str = "%Y-%m-%d %H:%M") -> list[str]:
    """Hours over both changes of the clocks, as the clocks show them."""
    spring = regular(Time(2024, 3, 25), HOUR, 400)
    return [time.replace(tzinfo=UTC).astimezone(BERLIN).strftime(spell) for time in spring]


def autumn(spell: str = "%Y-%m-%d %H:%M") -> list[str]:
    """Hours in which the clocks show one twice."""
    times = regular(Time(2024, 10, 20), HOUR, 400)
    return [time.replace(tzinfo=UTC).astimezone(BERLIN).strftime(spell) for time in times]


def per_store(folder: Path) -> None:
    """A row for each store and item."""
    rows = ["date,store,item,sales"]
    for store, item in ((1, 1), (1, 2), (2, 1)):
        values = values_of(1095, 10 * store + item)
        rows += [
            f"{time:%Y-%m-%d},{store},{item},{value}"
            for time, value in zip(TIMES["days"], values, strict=True)
        ]
    csv("\n".join(rows) + "\n")(folder)


def wide(folder: Path) -> None:
    """A column for each series, one of which begins later."""
    columns = [values_of(144, seed) for seed in (0, 5)]
    late = ["", *columns[1][1:]]
    rows = [
        f"{time:%Y-%m},{x},{y}"
        for time, x, y in zip(TIMES["months"], columns[0], late, strict=True)
    ]
    csv("\n".join(["month,north,south", *rows]) + "\n")(folder)


def twice(step: str, shift: float = 2.0) -> Write:
    """Two rows of each point in time, around the plain value."""
    times = [time.isoformat() for time in TIMES[step]]
    pairs = [value for x in values_of(len(times)) for value in (x - shift, x + shift)]
    return csv(text([time for time in times for _ in range(2)], pairs))


def readings(folder: Path) -> None:
    """Five rows in each hour at no regular times."""
    random = np.random.default_rng(1)
    times, values = [], []
    for time, value in zip(TIMES["hours"], values_of(400), strict=True):
        for second, off in zip(
            np.sort(random.choice(3600, 5, replace=False)), (-1, 0, 1, 0, 0), strict=True
        ):
            times.append((time + datetime.timedelta(seconds=int(second))).isoformat())
            values.append(value + off)
    csv(text(times, values))(folder)


def promoted(folder: Path) -> None:
    """A price and an event that are known for the future, and what the shops are."""
    rows = ["day,shop,kind,size,price,event,sales"]
    for shop, (kind, size) in (("a", ("city", 3.5)), ("b", ("land", 1.5))):
        for at, time in enumerate(TIMES["days"][:200]):
            event = ("", "fair", "sale")[at % 3]
            rows.append(f"{time:%Y-%m-%d},{shop},{kind},{size},{at % 5},{event},{at % 7 + at % 5}")
    csv("\n".join(rows) + "\n")(folder)


def zoned(folder: Path) -> None:
    """Parquet that knows its time zone, to the nanosecond."""
    times = (
        pa.array(TIMES["hours"])
        .cast(pa.timestamp("ns", "UTC"))
        .cast(pa.timestamp("ns", "Asia/Tokyo"))
    )
    parquet.write_table(pa.table({"t": times, "x": values_of(400)}), folder / "t.parquet")


def lines(folder: Path) -> None:
    """An object for each point in time."""
    pairs = zip(TIMES["hours"], values_of(400), strict=True)
    rows = (json.dumps({"t": f"{time.isoformat()}Z", "x": value}) + "\n" for time, value in pairs)
    (folder / "t.jsonl").write_text("".join(rows))


def by_file(folder: Path) -> None:
    """A file for each series."""
    for seed, name in ((0, "a"), (3, "b")):
        csv(
            text((f"{time:%Y-%m}" for time in TIMES["months"]), values_of(144, seed)), f"{name}.csv"
        )(folder)


def fiscal(time: Time) -> str:
    """The end of a quarter of a year that ends with January."""
    return f"{time - DAY:%Y-%m-%d}"
