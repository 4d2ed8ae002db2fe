"""The same series in a random layout and dialect are the same data, prepared and predicted."""

import bz2
import csv
import datetime
import gzip
import io
import json
import random

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from .project import data, prediction, storage
from .series_files import MONTHS, quarter
from .tiny_series import source

UTC = datetime.UTC
KEYS = ("shop", "item")
STEPS = ("hours", "days", "weeks", "months", "quarters")
PACKINGS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress}
MARKS = ((".", ""), (",", ""), (".", ","), (",", "."), (",", "\xa0"), (".", "'"))


def times_of(step, count):
    """Points in time, whatever a first cell leaves open settled by another."""
    start = datetime.datetime(2023, 12, 25)
    if step in ("months", "quarters"):
        size = 1 if step == "months" else 3
        return [
            datetime.datetime(1995 + at * size // 12, at * size % 12 + 1, 1) for at in range(count)
        ]
    hours = {"hours": 1, "days": 24, "weeks": 168}[step]
    return [start + datetime.timedelta(hours=hours * at) for at in range(count)]


def spellings(step):
    """Ways to write the times."""
    iso = [str, datetime.datetime.isoformat, lambda t: f"{t:%d.%m.%Y %H:%M}"]
    iso += [
        lambda t: f"{t:%m/%d/%Y %I:%M %p}",
        lambda t: f"{t.day} {MONTHS[t.month - 1]} {t:%Y %H:%M}",
    ]
    since = [lambda t: round(t.replace(tzinfo=UTC).timestamp()), lambda t: f"{t:%Y%m%d%H%M}"]
    since += [lambda t: 1000 * round(t.replace(tzinfo=UTC).timestamp())]
    months = [lambda t: f"{t:%Y-%m}", lambda t: f"{MONTHS[t.month - 1]} {t.year}"]
    months += [lambda t: f"{t.year}-{MONTHS[t.month - 1]}", lambda t: f"{t:%Y%m}"]
    quarters = [lambda t: f"{t.year}Q{quarter(t)}", lambda t: f"Q{quarter(t)}-{t.year}"]
    weeks = [lambda t: f"{t:%G-W%V}", lambda t: f"{t:%GW%V-%u}"]
    own = {"months": months, "quarters": [*months, *quarters], "weeks": weeks}
    return [*iso[: 2 if step in own else 5], *own.get(step, since)]


def random_series(draw):
    """Some series of one step, with gaps, and a column that is known beside them."""
    step, count = draw.choice(STEPS), draw.randint(60, 90)
    times = times_of(step, count)
    keys = [(shop, item) for shop in ("a", "ü") for item in ("x; y", "2")][: draw.randint(1, 4)]
    rows = []
    for key in keys:
        for at in range(draw.randint(0, 5), count):
            value = None if draw.random() < 0.1 else 1000 * at + draw.randint(0, 4000) + 0.25
            if at in (10, count - 1) or draw.random() > 0.05:
                rows.append(
                    (times[at], *key, value, at % 7 + 0.5, draw.choice(["fair", None, "sale"]))
                )
    return step, rows


def spread(rows, draw):
    """Rows in another order."""
    rows = list(rows)
    how = draw.choice(["as they are", "newest first", "shuffled"])
    if how == "shuffled":
        draw.shuffle(rows)
    return rows[::-1] if how == "newest first" else rows


def write(draw, folder, rows, spell, names):
    """Write rows as some files of one form, and return what `prepare` is told of them."""
    folder.mkdir()
    form = draw.choice(["csv", "csv", "csv", "jsonl", "parquet"])
    (point, group), packing = draw.choice(MARKS), draw.choice(list(PACKINGS))
    marks, delimiter = str.maketrans({",": group, ".": point}), draw.choice(",;\t|")
    coding = draw.choice(["utf-8", "utf-8-sig", "utf-16"])
    cut = draw.randint(1, len(rows) - 1)
    for part, some in enumerate((rows[:cut], rows[cut:])):
        order = draw.sample(range(len(names)), len(names))
        head = [names[at] for at in order]
        if form == "parquet":
            columns = {names[at]: [row[at] for row in some] for at in order}
            columns[names[0]] = pa.array(columns[names[0]], pa.timestamp("us"))
            parquet.write_table(pa.table(columns), folder / f"{part}.parquet")
            continue
        text = io.StringIO(newline="")
        cells = [[spell(row[0]), *row[1:]] for row in some]
        if form == "csv":
            written = [
                [f"{x:,}".translate(marks) if isinstance(x, float) else x for x in row]
                for row in cells
            ]
            writer = csv.writer(text, delimiter=delimiter)
            writer.writerows([head, *([row[at] for at in order] for row in written)])
        else:
            for row in cells:
                line = {names[at]: row[at] for at in order}
                text.write(json.dumps(line, ensure_ascii=False) + "\n")
        content = PACKINGS[packing](text.getvalue().encode(coding))
        (folder / f"{part}.{form}{packing}").write_bytes(content)


def prepare(folder, words):
    """Prepare the files of a folder, and return what is stored of each series."""
    settings = data.SeriesData(directory=str(folder.with_suffix(".data")))
    settings.prepare(source(folder / "*", *words), overwrite=False, progress=False)
    found = storage.dataset.DataSet.open(folder.with_suffix(".data"))
    windows = {split: settings.examples(split) for split in storage.splitting.SPLITS}
    return found.info, windows


def by_series(info, windows):
    """All windows, by the series' key and the origin."""
    found = {}
    for split, some in windows.items():
        batch = some.read(np.arange(len(some)))
        for at, (owner, origin) in enumerate(zip(some.owners, some.origins, strict=True)):
            key = tuple(info["series"][owner]["key"])
            found[split, key, int(origin)] = {name: array[at] for name, array in batch.items()}
    return found


def check_same(found, expected):
    """The same windows, whatever the order of the series."""
    assert found.keys() == expected.keys()
    for place, window in expected.items():
        for name in window.keys() - {"series"}:  # its number is its place in the table
            array = window[name]
            np.testing.assert_allclose(found[place][name], array, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_series_are_the_same_in_any_dialect(seed, tmp_path):
    draw = random.Random(seed)
    step, rows = random_series(draw)
    names = ["when", *KEYS, "sales", "price", "event"]
    words = ["--series", *KEYS, "--known", "price", "event", "--channels", "sales"]
    plain = tmp_path / "plain"
    plain.mkdir()
    with (plain / "t.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    info, windows = prepare(plain, words)

    spell = draw.choice(spellings(step))
    write(draw, tmp_path / "other", spread(rows, draw), spell, names)
    found, same = prepare(tmp_path / "other", words)
    for name in ("frequency", "season", "lengths", "splits"):
        assert found[name] == info[name]
    check_same(by_series(found, same), by_series(info, windows))

    # What a trained model reads of such files: the same rows, in another order once more.
    how, settings = prediction.ForecastPrediction().fitted(found), data.SeriesData(batch_size=512)
    settings = settings.fitted(found)
    read = []
    for pattern, known in (("plain/*", info), ("other/*", found)):
        how = prediction.ForecastPrediction().fitted(known)
        chunks = how.read(settings, [str(tmp_path / pattern)], targets=True)
        whole = {}
        for chunk in chunks:
            for at, row in enumerate(chunk.rows):
                place = (row["key"], row["origin"])
                whole[place] = {name: array[at] for name, array in chunk.batch.items()}
        read.append(whole)
    check_same(*read)


@pytest.mark.parametrize("seed", range(4))
def test_wide_tables_hold_what_long_ones_do(seed, tmp_path):
    draw = random.Random(f"wide {seed}")
    step = draw.choice(STEPS)
    times, names = times_of(step, 80), ["a", "b; c", "ü"]
    table = [[draw.randint(0, 40) / 4 for _ in names] for _ in times]
    spell = draw.choice(spellings(step))
    (tmp_path / "long").mkdir()
    (tmp_path / "wide").mkdir()
    with (tmp_path / "long" / "t.csv").open("w", encoding="utf-8", newline="") as file:
        rows = [
            (time, name, value)
            for time, row in zip(times, table, strict=True)
            for name, value in zip(names, row, strict=True)
        ]
        csv.writer(file).writerows([["t", "name", "value"], *rows])
    with (tmp_path / "wide" / "t.csv").open("w", encoding="utf-8", newline="") as file:
        cells = [[spell(time), *row] for time, row in zip(times, table, strict=True)]
        csv.writer(file).writerows([["t", *names], *spread(cells, draw)])
    long = prepare(tmp_path / "long", ["--series", "name"])
    wide = prepare(tmp_path / "wide", ["--wide"])
    assert wide[0]["columns"]["channels"] == long[0]["columns"]["channels"] == ["value"]
    check_same(by_series(*wide), by_series(*long))
