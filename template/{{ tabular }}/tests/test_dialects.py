"""The same table in a random dialect is the same data, for preparation and for predictions."""

import argparse
import bz2
import csv
import datetime
import gzip
import io
import itertools
import json
import random

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from .project import data, encoding, prediction, sources, storage

PACKINGS = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".zst": lambda content: pa.compress(content, codec="zstd", asbytes=True),
}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "latin-1")
MARKS = ((".", ""), (",", ""), (".", ","), (",", "."), (",", "\xa0"), (".", "'"))
DATES = ("%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%Y/%m/%d %H:%M:%S")
WORDS = ("red", "grün", "dark; blue", 'a "b", c', "ça va", "x|y\tz")
TYPES = {
    "number": pa.float64(),
    "whole": pa.int64(),
    "date": pa.timestamp("us"),
    "flag": pa.bool_(),
    "word": pa.string(),
}


def random_table(draw):
    """Columns of some kinds; what most cells leave open is settled by the first."""
    count, day = draw.randint(24, 60), datetime.datetime(2024, 1, 31)
    makers = {
        "number": lambda at: round(draw.gauss(0, 1) * 10 ** draw.randint(0, 6), 2) + 0.25,
        "whole": lambda at: draw.randint(-(10**9), 10**9),
        "date": lambda at: day + datetime.timedelta(minutes=at * draw.randint(0, 10**4)),
        "flag": lambda at: draw.random() < 0.5,
        "word": lambda at: draw.choice(WORDS),
    }
    table = {}
    for place, kind in enumerate(["number", *draw.choices(list(makers), k=draw.randint(1, 5))]):
        column = [makers[kind](at) for at in range(count)]
        table[f"{kind} {place}"] = [
            None if at and draw.random() < 0.1 else value for at, value in enumerate(column)
        ]
    classes = draw.random() < 0.5
    table["word y" if classes else "number y"] = [
        draw.choice("abc") if classes else round(draw.gauss(0, 1000), 2) for _ in range(count)
    ]
    return table


def speller(draw):
    """A way to write numbers and dates."""
    (point, group), pattern = draw.choice(MARKS), draw.choice(DATES)
    marks = str.maketrans({",": group, ".": point})
    unit = draw.choice(["", "", " €", " kg"])

    def spell(value):
        if value is None:
            return draw.choice(["", "NA", "?"])
        if isinstance(value, datetime.datetime):
            return value.strftime(pattern)
        if isinstance(value, float):
            return f"{value:,}".translate(marks) + unit
        return str(value)

    return spell


def write(draw, folder, table, *, turned):
    """Write a table as some files, and return what the command line is told of them."""
    folder.mkdir()
    names, count = list(table), len(next(iter(table.values())))
    form = draw.choice(["csv", "csv", "csv", "jsonl", "parquet", "feather"])
    spell, packing, coding = speller(draw), draw.choice(list(PACKINGS)), draw.choice(ENCODINGS)
    delimiter, quoting = draw.choice(",;\t|"), draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    borders = sorted({0, count, *draw.choices(range(count), k=draw.randint(0, 2))})
    for part, (start, stop) in enumerate(itertools.pairwise(borders)):
        order = draw.sample(names, len(names)) if turned or part else names
        columns = {name: table[name][start:stop] for name in order}
        if form in ("parquet", "feather"):
            typed = {n: pa.array(column, TYPES[n.split()[0]]) for n, column in columns.items()}
            save = parquet.write_table if form == "parquet" else feather.write_feather
            save(pa.table(typed), folder / f"{part}.{form}")
            continue
        text, rows = io.StringIO(newline=""), zip(*columns.values(), strict=True)
        if form == "csv":
            writer = csv.writer(text, delimiter=delimiter, quoting=quoting)
            writer.writerows([order, *(map(spell, row) for row in rows)])
        else:
            lines = (dict(zip(order, row, strict=True)) for row in rows)
            text.writelines(
                json.dumps(line, default=str, ensure_ascii=False) + "\n" for line in lines
            )
        content = PACKINGS[packing](text.getvalue().encode(coding))
        (folder / f"{part}.{form}{packing}").write_bytes(content)
    certain = coding.startswith("utf") or form in ("parquet", "feather")
    return [] if certain else ["--encoding", coding]


def prepare(folder, target, *words):
    """Prepare all files of a folder, and return what is stored."""
    parser = argparse.ArgumentParser()
    sources.add_arguments(parser)
    source = ["--source", str(folder / "*"), "--target", target, *words]
    directory = folder.with_suffix(".data")
    data.TableData(directory=str(directory)).prepare(
        sources.from_arguments(parser.parse_args(source)), overwrite=False, progress=False
    )
    found = storage.dataset.DataSet.open(directory)
    known = encoding.Encoding.of(found.info)
    splits = [found.source(split) for split in storage.splitting.SPLITS]
    return found.info, [
        array
        for split in splits
        for array in encoding.unpack([split[at] for at in range(len(split))], known)
    ]


def as_predicted(folder, info):
    """The rows of files as `evaluate --source` reads them."""
    how = prediction.TablePrediction().fitted(info)
    chunks = list(how.read(data.TableData(batch_size=16), [str(folder / "*")], targets=True))
    return [
        np.concatenate([chunk.batch[name][: len(chunk.rows)] for chunk in chunks])
        for name in chunks[0].batch
    ]


def check_same(found, expected):
    """Sums over batches of other lengths round in another way."""
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("seed", range(16))
def test_a_table_is_the_same_in_any_dialect(seed, tmp_path):
    table = random_table(random.Random(seed))
    *_, target = table
    plain = tmp_path / "plain"
    plain.mkdir()
    with (plain / "t.csv").open("w", encoding="utf-8", newline="") as file:
        rows = zip(*table.values(), strict=True)
        csv.writer(file).writerows([list(table), *rows])
    info, records = prepare(plain, target)

    how = f"dialect {seed}"
    words = write(random.Random(how), tmp_path / "other", table, turned=False)
    found, same = prepare(tmp_path / "other", target, *words)
    check_same(same, records)
    for name in ("categories", "ignored"):
        assert found["encoding"][name] == info["encoding"][name]

    write(random.Random(how), tmp_path / "turned", table, turned=True)
    check_same(as_predicted(tmp_path / "turned", found), as_predicted(plain, info))
