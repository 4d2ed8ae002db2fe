"""Series as people have them: how each kind is made, what it is prepared with, what then happens.

Most of them hold the values of the plain table of the same step, so the data must be the same.
"""

from dataclasses import dataclass, field

from .series_files import (
    BERLIN,
    LONG,
    MONTHS,
    TIMES,
    Time,
    Write,
    autumn,
    berlin,
    by_file,
    columned,
    csv,
    fiscal,
    jitter,
    last_business_days,
    lines,
    month_ends,
    months,
    numbered,
    per_store,
    plain,
    promoted,
    quarter,
    readings,
    spelled,
    text,
    twice,
    values_of,
    wide,
    zoned,
)


@dataclass(frozen=True)
class Kind:
    """One way in which series come.

    Attributes:
        name: What people would call it.
        step: Which plain table holds the same values; empty for none.
        write: Makes the files in a folder.
        words: What `prepare` is told; a pattern of files is added.
        says: What the summary, or the error, holds.
        fails: Whether it is refused.
        values: What the first series holds, by step, where no plain table does.
    """

    name: str
    step: str
    write: Write
    words: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    fails: bool = False
    values: dict[int, float] = field(default_factory=dict)


STEP = "in steps of"
KINDS = (
    # What follows from the data
    Kind(
        "144 months",
        "months",
        plain("months"),
        (),
        (f"{STEP} 1mo, season of 12", "forecasts 12 steps"),
    ),
    Kind(
        "40 quarters",
        "quarters",
        plain("quarters"),
        (),
        (f"{STEP} 1q, season of 4", "forecasts 4 steps"),
    ),
    Kind("80 years", "years", plain("years"), (), (f"{STEP} 1y, season of 1", "forecasts 8 steps")),
    Kind(
        "200 weeks", "weeks", plain("weeks"), (), (f"{STEP} 1w, season of 52", "forecasts 20 steps")
    ),
    Kind(
        "three years of days",
        "days",
        plain("days"),
        (),
        (f"{STEP} 1d, season of 7", "forecasts 14 steps"),
    ),
    Kind(
        "400 hours", "hours", plain("hours"), (), (f"{STEP} 1h, season of 24", "forecasts 24 steps")
    ),
    Kind(
        "5 days",
        "",
        csv(text(f"2024-01-0{day}" for day in range(1, 6))),
        (),
        ("the longest series has 5 steps of 1d, too few",),
        fails=True,
    ),
    # How times are written
    Kind(
        "`1960Q1`",
        "quarters",
        spelled("quarters", lambda t: f"{t.year}Q{quarter(t)}"),
        (),
        ("read as 1960Q1",),
    ),
    Kind(
        "`1960-Q1`",
        "quarters",
        spelled("quarters", lambda t: f"{t.year}-Q{quarter(t)}"),
        (),
        ("read as 1960Q1",),
    ),
    Kind(
        "`Q1 1960`",
        "quarters",
        spelled("quarters", lambda t: f"Q{quarter(t)} {t.year}"),
        (),
        ("read as Q1 1960",),
    ),
    Kind(
        "`FY60 Q1`",
        "",
        spelled("quarters", lambda t: f"FY{t:%y} Q{quarter(t)}"),
        ("--time", "t"),
        ("'FY60 Q1' does not tell when a fiscal year begins",),
        fails=True,
    ),
    Kind(
        "`1960-W05`", "weeks", spelled("weeks", lambda t: f"{t:%G-W%V}"), (), ("read as 1960-W05",)
    ),
    Kind(
        "`1960W05-1`",
        "weeks",
        spelled("weeks", lambda t: f"{t:%GW%V-%u}"),
        (),
        ("read as 1960-W05",),
    ),
    Kind(
        "`1960-01`", "months", spelled("months", lambda t: f"{t:%Y-%m}"), (), ("read as 1960-01",)
    ),
    Kind(
        "`1960M01`", "months", spelled("months", lambda t: f"{t:%YM%m}"), (), ("read as 1960-01",)
    ),
    Kind(
        "`01/1960`", "months", spelled("months", lambda t: f"{t:%m/%Y}"), (), ("read as 01/1960",)
    ),
    Kind(
        "`Jan 1960`",
        "months",
        spelled("months", lambda t: f"{MONTHS[t.month - 1]} {t.year}"),
        (),
        ("read as Jan 1960",),
    ),
    Kind(
        "`January 1960`",
        "months",
        spelled("months", lambda t: f"{LONG[t.month - 1]} {t.year}"),
        (),
        ("read as Jan 1960",),
    ),
    Kind(
        "`1960-Jan`",
        "months",
        spelled("months", lambda t: f"{t.year}-{MONTHS[t.month - 1]}"),
        (),
        ("read as 1960 Jan",),
    ),
    Kind(
        "`Jan-89`",
        "",
        csv(text(f"{MONTHS[t.month - 1]}-{t:%y}" for t in months(120, 1985))),
        (),
        ("read as Jan-60", f"{STEP} 1mo", "from 1985-01-01"),
        values={0: values_of(120)[0], 119: values_of(120)[119]},
    ),
    Kind(
        "`1-Jan-1960`",
        "months",
        spelled("months", lambda t: f"{t.day}-{MONTHS[t.month - 1]}-{t.year}"),
        (),
        ("read as 31 Jan 1960",),
    ),
    Kind(
        "`Jan 1, 1960`",
        "months",
        spelled("months", lambda t: f"{MONTHS[t.month - 1]} {t.day}, {t.year}"),
        (),
        ("read as Jan 31, 1960",),
    ),
    Kind(
        "`Mon, 25 Mar 2024 17:00`",
        "hours",
        spelled(
            "hours",
            lambda t: f"{t:%a}, {t.day} {MONTHS[t.month - 1]} {t:%Y %H:%M}",
        ),
        (),
        ("read as 31 Jan 1960",),
    ),
    Kind(
        "`1949.083`",
        "months",
        spelled("months", lambda t: round(t.year + (t.month - 1) / 12, 3)),
        (),
        ("read as decimal years",),
    ),
    Kind("`31.12.2024 17:00`", "hours", spelled("hours", lambda t: f"{t:%d.%m.%Y %H:%M}")),
    Kind("`12/31/2024 5:00 PM`", "hours", spelled("hours", lambda t: f"{t:%m/%d/%Y %I:%M %p}")),
    Kind(
        "`31.12.2024 17:00` up to the twelfth only",
        "",
        csv(text(f"0{1 + at % 9}.0{1 + at // 9}.2024" for at in range(60))),
        (),
        ("dates such as '02.01.2024' begin with the day or the month: give --day-first",),
        fails=True,
    ),
    Kind("`20240131`", "days", spelled("days", lambda t: f"{t:%Y%m%d}"), (), ("read as YYYYMMDD",)),
    Kind("`194901`", "months", spelled("months", lambda t: f"{t:%Y%m}"), (), ("read as YYYYMM",)),
    Kind(
        "`2024032517`",
        "hours",
        spelled("hours", lambda t: f"{t:%Y%m%d%H}"),
        (),
        ("read as YYYYMMDDhh",),
    ),
    Kind(
        "`202403251700`",
        "hours",
        spelled("hours", lambda t: f"{t:%Y%m%d%H%M}"),
        (),
        ("read as YYYYMMDDhhmm",),
    ),
    Kind(
        "a date and a time of day, `--time date clock`",
        "hours",
        columned("date,clock", lambda t: f"{t:%d.%m.%Y},{t:%H:%M}"),
        ("--time", "date", "clock"),
        (f"{STEP} 1h", "'date' is written like d/m/y"),
    ),
    Kind(
        "`18.00.00` in the second column",
        "hours",
        columned("date,clock", lambda t: f"{t:%Y-%m-%d},{t:%H.%M.%S}"),
        ("--time", "date", "clock"),
        (f"{STEP} 1h",),
    ),
    Kind(
        "year, month, day and hour",
        "hours",
        columned("year,month,day,hour", lambda t: f"{t.year},{t.month},{t.day},{t.hour}"),
        ("--time", "year", "month", "day", "hour"),
        ("read as 1960 1 31 17",),
    ),
    Kind(
        "year and month",
        "months",
        columned("year,month", lambda t: f"{t.year},{t.month}"),
        ("--time", "year", "month"),
        ("read as 1960 1", f"{STEP} 1mo"),
    ),
    Kind(
        "a date alone, with the time of day in another column",
        "",
        columned("date,clock", lambda t: f"{t:%Y-%m-%d},{t:%H:%M}"),
        (),
        (
            "row 2 has the same time as",
            "or --time with a second column, if it holds the time of day",
        ),
        fails=True,
    ),
    Kind(
        "an index of whole numbers",
        "",
        csv(text(range(100, 300))),
        (),
        (f"{STEP} 1, season of 1", "read as whole numbers"),
        values={0: values_of(200)[0]},
    ),
    # Since 1970
    Kind(
        "seconds since 1970",
        "hours",
        spelled("hours", numbered(1)),
        (),
        ("read as seconds since 1970", f"{STEP} 1h"),
    ),
    Kind(
        "the same as floats",
        "hours",
        spelled("hours", numbered(1, float)),
        (),
        ("read as seconds since 1970",),
    ),
    Kind(
        "milliseconds since 1970",
        "hours",
        spelled("hours", numbered(1e-3)),
        (),
        ("read as milliseconds since 1970",),
    ),
    Kind(
        "microseconds since 1970",
        "hours",
        spelled("hours", numbered(1e-6)),
        (),
        ("read as microseconds since 1970",),
    ),
    Kind(
        "nanoseconds since 1970",
        "hours",
        spelled("hours", numbered(1e-9)),
        (),
        ("read as nanoseconds since 1970",),
    ),
    Kind(
        "seconds since 1970, `--frequency 3600`",
        "",
        spelled("hours", numbered(1)),
        ("--frequency", "3600"),
        ("read as whole numbers", f"{STEP} 3600, season of 1"),
        values={0: values_of(400)[0]},
    ),
    # Time zones
    Kind("`2024-03-25T01:00+01:00`", "hours", csv(text(berlin("%Y-%m-%d %H:%M%z")))),
    Kind("Parquet with a time zone", "hours", zoned),
    Kind("JSON lines with `Z`", "hours", lines),
    Kind(
        "local times over the spring, `--time-zone Europe/Berlin`",
        "hours",
        csv(text(berlin())),
        ("--time-zone", "Europe/Berlin"),
        (f"{STEP} 1h", "from 2024-03-25T01:00:00+01:00"),
    ),
    Kind(
        "local times over the spring without it",
        "",
        csv(text(berlin())),
        (),
        (f"{STEP} 1h", " 1 missing"),
        values={143: values_of(400)[143], 144: values_of(400)[144]},
    ),
    Kind(
        "local times over the autumn, `--time-zone Europe/Berlin`",
        "hours",
        csv(text(autumn())),
        ("--time-zone", "Europe/Berlin"),
        (f"{STEP} 1h",),
    ),
    Kind(
        "the same, the newest row first",
        "hours",
        csv(text(autumn()[::-1], values_of(400)[::-1])),
        ("--time-zone", "Europe/Berlin"),
        (f"{STEP} 1h",),
    ),
    Kind(
        "local times over the autumn without it",
        "",
        csv(text(autumn())),
        (),
        ("has the same time as", "or --time-zone, if clocks were set back"),
        fails=True,
    ),
    Kind(
        "a local time that never was",
        "",
        csv(text(f"{t:%Y-%m-%d %H:%M}" for t in TIMES["hours"])),
        ("--time-zone", "Europe/Berlin"),
        ("t.csv row 147: 2024-03-31 02:00:00 never was in Europe/Berlin",),
        fails=True,
    ),
    Kind(
        "local days with offsets, `--time-zone Europe/Berlin`",
        "days",
        csv(text(t.replace(tzinfo=BERLIN).isoformat() for t in TIMES["days"])),
        ("--time-zone", "Europe/Berlin"),
        (f"{STEP} 1d",),
    ),
    Kind(
        "local days with offsets without it",
        "",
        csv(text(t.replace(tzinfo=BERLIN).isoformat() for t in TIMES["days"])),
        (),
        ("give --time-zone, since days begin at another hour of UTC in summer, or --frequency 1d",),
        fails=True,
    ),
    # Between two steps
    Kind(
        "off by milliseconds",
        "",
        csv(text(t.isoformat() for t in jitter(TIMES["hours"]))),
        (),
        ("is no whole number of steps of", "give --frequency 1h, which brings"),
        fails=True,
    ),
    Kind(
        "the same, `--frequency 1h`",
        "hours",
        csv(text(t.isoformat() for t in jitter(TIMES["hours"]))),
        ("--frequency", "1h"),
        ("of 400 times are rounded to steps of 1h, by at most 0.005 s",),
    ),
    Kind(
        "five rows in each hour, `--frequency 1h --aggregate mean`",
        "hours",
        readings,
        ("--frequency", "1h", "--aggregate", "mean"),
        ("times count for the step of 1h that they lie in", "1,600 rows share a step"),
    ),
    Kind(
        "the same without `--aggregate`",
        "",
        readings,
        ("--frequency", "1h"),
        ("lies in the same step as", "give --aggregate mean, sum or last"),
        fails=True,
    ),
    Kind(
        "every time twice",
        "",
        twice("days"),
        (),
        ("row 2 has the same time as", "give --aggregate mean, sum or last"),
        fails=True,
    ),
    Kind(
        "the same, `--aggregate mean`",
        "days",
        twice("days"),
        ("--aggregate", "mean"),
        ("1,095 rows share a step",),
    ),
    Kind(
        "the same, `--aggregate sum`",
        "",
        twice("days"),
        ("--aggregate", "sum"),
        ("1,095 rows share a step",),
        values={0: 2 * values_of(1095)[0], 7: 2 * values_of(1095)[7]},
    ),
    Kind(
        "the same, `--aggregate last`",
        "",
        twice("days"),
        ("--aggregate", "last"),
        ("1,095 rows share a step",),
        values={0: values_of(1095)[0] + 2, 7: values_of(1095)[7] + 2},
    ),
    # Calendars
    Kind(
        "business days",
        "business days",
        plain("business days"),
        (),
        (f"{STEP} 1b, season of 5", " 0 missing"),
    ),
    Kind(
        "business days without holidays",
        "",
        csv(text([t.date() for t in TIMES["business days"] if t.month != 5 or t.day != 1])),
        (),
        (f"{STEP} 1b", " 1 missing"),
        values={86: values_of(199)[86], 88: values_of(199)[87]},
    ),
    Kind(
        "business days, `--frequency 1d`",
        "",
        plain("business days"),
        ("--frequency", "1d"),
        (f"{STEP} 1d", " 62 missing"),
        values={4: values_of(200)[4], 7: values_of(200)[5]},
    ),
    Kind(
        "ends of months",
        "",
        csv(text(f"{t:%Y-%m-%d}" for t in month_ends(TIMES["months"]))),
        (),
        (f"{STEP} 1mo", "from 1948-12-31"),
        values={0: values_of(144)[0], 143: values_of(144)[143]},
    ),
    Kind(
        "ends of fiscal quarters",
        "",
        csv(text(fiscal(t) for t in [Time(1960 + at // 4, at % 4 * 3 + 2, 1) for at in range(40)])),
        (),
        (f"{STEP} 1q, season of 4", "from 1960-01-31"),
        values={39: values_of(40)[39]},
    ),
    Kind(
        "last business days of months",
        "",
        csv(text(last_business_days(TIMES["months"]))),
        (),
        ("give --frequency 1mo",),
        fails=True,
    ),
    Kind(
        "the same, `--frequency 1mo`",
        "",
        csv(text(last_business_days(TIMES["months"]))),
        ("--frequency", "1mo"),
        ("times count for the step of 1mo", "from 1948-12-01"),
        values={0: values_of(144)[0], 143: values_of(144)[143]},
    ),
    Kind(
        "points in time at no step",
        "",
        csv(text(f"2024-01-{1 + at:02}T{at * 7 % 24:02}:{at * 13 % 60:02}" for at in range(28))),
        (),
        ("is no whole number of steps", "give --frequency 1d"),
        fails=True,
    ),
    # Which series
    Kind(
        "`--series store item`",
        "",
        per_store,
        ("--series", "store", "item"),
        ("3 series, by store, item",),
        values={0: values_of(1095, 11)[0], 1094: values_of(1095, 11)[1094]},
    ),
    Kind(
        "the same without it",
        "",
        per_store,
        (),
        ("has the same time as", "or --series, if there are several"),
        fails=True,
    ),
    Kind("`--series-per-file`", "months", by_file, ("--series-per-file",), ("2 series",)),
    Kind(
        "a column per series, `--wide`",
        "months",
        wide,
        ("--wide",),
        ("2 columns, each a series", "channels: value"),
    ),
    Kind(
        "a row per series",
        "",
        csv("id," + ",".join(f"d_{at}" for at in range(1, 50)) + "\na" + ",3" * 49 + "\n"),
        (),
        ("t.csv: columns such as 'd_1' and 'd_49' seem to be points in time: turn the table",),
        fails=True,
    ),
    # What is known beside
    Kind(
        "`--known`, `--static`",
        "",
        promoted,
        ("--series", "shop", "--known", "price", "event", "--static", "kind", "size"),
        (
            "known for the future: price (a number), event (2 texts)",
            "static: kind (2 texts), size (a number)",
        ),
        values={0: 0.0, 13: 9.0},
    ),
    Kind(
        "`--static` of what changes",
        "",
        promoted,
        ("--series", "shop", "--static", "price"),
        ("--static price: ", "t.csv row 1 and ", "t.csv row 2 are of one series"),
        fails=True,
    ),
    Kind(
        "`--holidays DE`",
        "days",
        plain("days"),
        ("--holidays", "DE"),
        ("known for the future: holidays DE (a number)",),
    ),
    Kind(
        "`--holidays Atlantis`",
        "",
        plain("days"),
        ("--holidays", "Atlantis"),
        ("--holidays Atlantis: Country Atlantis not available",),
        fails=True,
    ),
)
