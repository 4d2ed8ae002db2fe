"""Tables from files: what is read, with which types, and each mistake that is reported."""

import datetime
import gzip
import itertools

import pyarrow as pa
import pytest
from pyarrow import parquet

from .project import cells, errors, separated, tables, typed

UserError = errors.UserError
INT, FLOAT, BOOL, TEXT = pa.int64(), pa.float64(), pa.bool_(), pa.string()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ignore(size):
    """Progress that nobody watches."""


def schema(*patterns):
    return tables.understand(tables.find_tables(patterns), ignore).types


def read(*patterns, types=None):
    """All rows as dictionaries."""
    paths = tables.find_tables(patterns)
    known = tables.understand(paths, ignore)
    found = tables.read_tables(paths, types or known.types, ignore, known.dialect)
    return [row for rows in found for row in rows.batch.to_pylist()]


def test_each_column_has_the_narrowest_type_of_all_its_cells(folder):
    (folder / "a.csv").write_text(
        "i,f,b,day,utc,text,nothing\n"
        "1,1,true,2024-01-02,2024-01-02T10:00:00Z,1,\n"
        " 2 ,1e3,False,2024-01-02 10:30,2024-01-02T10:00:00+02:00,x , NA \n"
    )
    assert schema("a.csv") == {
        "i": INT,
        "f": FLOAT,
        "b": BOOL,
        "day": cells.NAIVE,
        "utc": cells.UTC,
        "text": TEXT,
        "nothing": pa.null(),
    }
    first, second = read("a.csv")
    assert first["utc"].hour - second["utc"].hour == 2
    assert read("a.csv", types={"utc": cells.NAIVE})[1]["utc"] == datetime.datetime(2024, 1, 2, 8)
    assert second["day"] == datetime.datetime(2024, 1, 2, 10, 30)
    assert (second["i"], second["f"], second["b"], second["text"]) == (2, 1000.0, False, "x")
    assert second["nothing"] is None


@pytest.mark.parametrize("spelling", cells.MISSING)
def test_missing_values_are_null_whatever_the_type(folder, spelling):
    (folder / "a.csv").write_text(f"n,s,x\n1,a,1\n{spelling},{spelling},2\n")
    assert schema("a.csv") == {"n": INT, "s": TEXT, "x": INT}
    assert read("a.csv")[1] == {"n": None, "s": None, "x": 2}


def test_a_type_is_that_of_all_files_whatever_their_order(folder, monkeypatch):
    monkeypatch.setattr(separated, "BLOCK_BYTES", 64)  # several batches a file
    numbers = "".join(f"{number},{number}\n" for number in range(100))
    (folder / "a.csv").write_text("x,y\n" + numbers)
    (folder / "b.csv").write_text("y,x\n" + numbers + "0.5,late\n")
    assert schema("a.csv") == {"x": INT, "y": INT}
    for order in itertools.permutations([folder / "a.csv", folder / "b.csv"]):
        assert tables.understand(order, ignore).types == {"x": TEXT, "y": FLOAT}
    rows = read("*.csv")
    assert rows[7] == {"x": "7", "y": 7.0}  # though y stands first in b.csv
    assert rows[-1] == {"x": "late", "y": 0.5}


@pytest.mark.parametrize("words", [["1", "true"], ["true", "1"], ["2024-01-02", "7"]])
def test_what_has_no_common_type_is_text(folder, words):
    (folder / "a.csv").write_text("x\n" + "\n".join(words))
    assert schema("a.csv") == {"x": TEXT}


def test_parquet_keeps_its_types_brought_to_one_of_each_kind(folder):
    table = pa.table(
        {
            "small": pa.array([1, None], pa.uint8()),
            "half": pa.array([0.5, float("nan")], pa.float32()),
            "day": pa.array([datetime.date(2024, 1, 2)] * 2),
            "nanoseconds": pa.array([1, 2], pa.timestamp("ns")),
            "word": pa.array(["a ", "NA"]).dictionary_encode(),
            "digits": pa.array(["1", "2"], pa.large_string()),
            "list": pa.array([[1], [2]]),
        }
    )
    parquet.write_table(table, folder / "a.parquet")
    found = schema("a.parquet")
    assert found.pop("list") == pa.list_(INT)
    assert found == {
        "small": INT,
        "half": FLOAT,
        "day": cells.NAIVE,
        "nanoseconds": cells.NAIVE,
        "word": TEXT,
        "digits": TEXT,
    }
    rows = read("a.parquet", types=found)
    assert [row["word"] for row in rows] == ["a", None]
    assert rows[1]["small"] is rows[1]["half"] is None
    assert rows[0]["day"] == datetime.datetime(2024, 1, 2)
    assert read("a.parquet", types={"digits": FLOAT})[1] == {"digits": 2.0}


def test_parquet_and_csv_together(folder):
    parquet.write_table(pa.table({"x": [1, 2]}), folder / "a.parquet")
    (folder / "b.csv").write_text("x\n2.5\n")
    assert schema("*") == {"x": FLOAT}
    assert [row["x"] for row in read("*")] == [1.0, 2.0, 2.5]


def test_only_the_columns_asked_for_are_read_in_that_order(folder):
    (folder / "a.csv").write_text("a,b,c\n1,2,3\n")
    (row,) = read("a.csv", types={"c": TEXT, "a": FLOAT})
    assert list(row.items()) == [("c", "3"), ("a", 1.0)]


def test_other_kinds_of_text_files(folder):
    (folder / "a.tsv").write_text("x\ty\n1\tone, two\n")
    assert read("a.tsv") == [{"x": 1, "y": "one, two"}]
    (folder / "b.TSV.GZ").write_bytes(gzip.compress(b"x\ty\n1\ttwo\n"))
    assert read("b.TSV.GZ") == [{"x": 1, "y": "two"}]
    (folder / "c.csv").write_bytes(b'\xef\xbb\xbfx,y\r\n1,"two\r\n""lines"""\r\n\r\n2,z\r\n')
    assert [row["y"] for row in read("c.csv")] == ['two\r\n"lines"', "z"]


def test_rows_are_numbered_within_their_file(folder, monkeypatch):
    monkeypatch.setattr(separated, "BLOCK_BYTES", 16)
    monkeypatch.setattr(typed, "BATCH_ROWS", 4)
    (folder / "a.csv").write_text("x\n" + "\n".join(map(str, range(1, 21))))
    parquet.write_table(pa.table({"x": list(range(1, 11))}), folder / "b.parquet")
    paths = tables.find_tables(["*"])
    for rows in tables.read_tables(paths, {"x": INT}, ignore):
        assert rows.batch.column("x")[0].as_py() == rows.first


def test_progress_adds_up_to_the_size_of_the_files(folder):
    text = "x\n" + "\n".join(map(str, range(5000)))
    (folder / "a.csv").write_text(text)
    (folder / "b.csv.gz").write_bytes(gzip.compress(text.encode()))
    parquet.write_table(pa.table({"x": list(range(5000))}), folder / "c.parquet")
    paths = tables.find_tables(["*"])
    looked, taken = [], []
    types = tables.understand(paths, looked.append).types
    assert sum(rows.batch.num_rows for rows in tables.read_tables(paths, types, taken.append)) > 1e4
    assert sum(looked) == sum(taken) == tables.size_of(paths) > 30_000


def test_a_table_without_rows(folder):
    (folder / "a.csv").write_text("x,y\n")
    assert schema("a.csv") == {"x": pa.null(), "y": pa.null()}
    assert read("a.csv") == []


def test_patterns(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    (folder / "deep").mkdir()
    (folder / "deep" / "a.csv").write_text("x\n1\n")
    (folder / "b.csv").write_text("x\n2\n")
    found = tables.find_tables(["**/*.csv", "deep/a.csv"])
    assert [path.name for path in found] == ["b.csv", "a.csv"]
    assert tables.find_tables(["~/b.csv"]) == (folder / "b.csv",)
    with pytest.raises(UserError, match=r"--source \*.parquet matches no file"):
        tables.find_tables(["*.parquet"])
    with pytest.raises(UserError, match=r"deep is a folder: give a pattern such as 'deep/\*.csv'"):
        tables.find_tables(["deep"])
    (folder / "c.pdf").write_text("x")
    with pytest.raises(UserError, match=r"c.pdf is no table that can be read: give .csv, .tsv"):
        tables.find_tables(["*.pdf"])


FAULTY = {
    "wide.csv": (b"a,b\n1,2\n1,2,3\n", r"wide.csv row 2 has 3 cells instead of 2"),
    "narrow.csv": (b"a,b\n1,2\n\n1\n", r"narrow.csv row 2 has 1 cells instead of 2"),
    "empty.csv": (b"", r"empty.csv holds no row"),
    "blank.csv": (b"\n\n", r"blank.csv holds no row"),
    "twice.csv": (b"a,b,a\n1,2,3\n", r"twice.csv has two columns named 'a'"),
    "nameless.csv": (b"a, ,b\n1,2,3\n", r"nameless.csv: column 2 has no name"),
    "latin1.csv": (b"a,b\nx,y\nx,na\xefve\n", r"row 2, column 'b': b'na\\xefve' is not UTF-8"),
    "header.csv": (
        b"a,na\xefve\n1,2\n",
        r"header.csv is not UTF-8 .*: give --encoding, such as cp",
    ),
    "wide16.csv": ("a,b\n1,2\n".encode("utf-16-le"), r"NUL bytes, as UTF-16 .*: give --encoding"),
    "either.csv": (b"a,b;c\n1,2;3\n", r"may be separated by ',' or ';': give --delimiter"),
    "open.csv": (b'a,b\n1,"2\n3,4\n', r"open.csv: a quotation mark opened in the last row"),
    "long.csv": (b'a,b\n1,"' + b"2\n3,4\n" * 2 * 10**6, r"row of more than 4 MiB: is a quotation"),
    "plain.csv.gz": (b"a,b\n1,2\n", r"plain.csv.gz cannot be read: zlib inflate failed"),
    "cut.csv.gz": (gzip.compress(b"a,b\n1,2\n" * 99)[:-9], r"cannot be read: Truncated"),
    "text.parquet": (b"a,b\n1,2\n", r"text.parquet cannot be read: "),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_file_is_reported(folder, name):
    content, message = FAULTY[name]
    (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read(name)
    assert "\n" not in str(caught.value)


def test_files_must_share_their_columns(folder):
    (folder / "a.csv").write_text("x,y\n1,2\n")
    (folder / "b.csv").write_text("x,z\n1,2\n")
    with pytest.raises(UserError, match=r"^a.csv lacks the column 'z' that b.csv has"):
        schema("a.csv", "b.csv")
    (folder / "b.csv").write_text("x\n1\n")
    with pytest.raises(UserError, match=r"^b.csv lacks the column 'y' that a.csv has"):
        schema("a.csv", "b.csv")
    with pytest.raises(UserError, match=r"^b.csv has no columns 'y', 'z'; it has: x"):
        read("b.csv", types={"x": INT, "y": INT, "z": INT})


def test_a_cell_that_is_not_of_the_type_asked_for_is_named(folder):
    (folder / "a.csv").write_text("x\n1\n?\n1.5\n")
    with pytest.raises(UserError, match=r"a.csv row 3, column 'x': '1.5' is no whole number"):
        read("a.csv", types={"x": INT})
    with pytest.raises(UserError, match=r"a.csv row 1, column 'x': '1' is no date"):
        read("a.csv", types={"x": cells.NAIVE})
    parquet.write_table(pa.table({"x": [[1]]}), folder / "a.parquet")
    with pytest.raises(UserError, match=r"a.parquet, column 'x': "):
        read("a.parquet", types={"x": FLOAT})


def test_a_file_that_is_gone_is_reported(folder):
    (folder / "a.csv").write_text("x\n1\n")
    paths = tables.find_tables(["a.csv"])
    (folder / "a.csv").unlink()
    with pytest.raises(UserError, match=r"a.csv cannot be read: "):
        tables.understand(paths, ignore)
