"""Documents from files: each kind that is read, and each mistake that is reported."""

import argparse
import gzip
import json
import sys

import pytest

from .project import data, errors, sources

UserError = errors.UserError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def source(*arguments):
    parser = argparse.ArgumentParser()
    sources.add_arguments(parser)
    return sources.from_arguments(parser.parse_args(arguments))


def documents(*arguments):
    return [text for _, text in source(*arguments).documents(lambda size: None)]


def prepare(*arguments, seq_len=4, overwrite=False):
    settings = data.TextData(directory="data/text", seq_len=seq_len)
    return settings.prepare(source(*arguments), overwrite=overwrite, progress=False)


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


def test_a_text_file_is_one_document(folder):
    (folder / "b.txt").write_bytes("zwei\r\nlines ü".encode())
    (folder / "a.md").write_bytes(b"\xef\xbb\xbfwith a byte order mark")
    assert documents("--source", "*.txt", "*.md") == ["with a byte order mark", "zwei\r\nlines ü"]


def test_patterns_search_folders_and_a_file_counts_once(folder):
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "a.txt").write_text("a")
    (folder / "deep" / "b.txt").write_text("b")
    assert documents("--source", "deep/**/*.txt", "--source", "deep/b.txt") == ["b", "a"]


def test_a_document_says_where_it_stands(folder):
    (folder / "a.txt").write_text("a")
    (folder / "b.jsonl").write_text("\n" + lines({"text": "one"}, {"text": "two"}))
    found = source("--source", "*.txt", "*.jsonl").documents(lambda size: None)
    assert list(found) == [("a.txt", "a"), ("b.jsonl:2", "one"), ("b.jsonl:3", "two")]


def test_the_home_folder_is_expanded(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    (folder / "a.txt").write_text("at home")
    assert documents("--source", "~/a.txt") == ["at home"]


def test_a_jsonl_file_holds_a_document_per_line(folder):
    (folder / "a.jsonl").write_text(lines({"text": "one\ntwo"}, {"text": "ü", "id": 7}) + "\n")
    assert documents("--source", "a.jsonl") == ["one\ntwo", "ü"]
    (folder / "b.jsonl").write_text(lines({"body": "one"}))
    assert documents("--source", "b.jsonl", "--field", "body") == ["one"]


def test_gz_is_unpacked(folder):
    (folder / "a.txt.gz").write_bytes(gzip.compress(b"text"))
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(lines({"text": "line"}).encode()))
    assert documents("--source", "*.gz") == ["text", "line"]


def test_zst_is_unpacked(folder):
    pyarrow = pytest.importorskip("pyarrow")
    codec = pyarrow.Codec("zstd")
    for name, content in (("a.txt", b"text"), ("b.jsonl", lines({"text": "line"}).encode())):
        (folder / f"{name}.zst").write_bytes(codec.compress(content, asbytes=True))
    assert documents("--source", "*.zst") == ["text", "line"]
    (folder / "a.txt.zst").write_bytes(codec.compress(b"text" * 100, asbytes=True)[:-5])
    with pytest.raises(UserError, match=r"a.txt.zst cannot be read: Truncated"):
        documents("--source", "a.txt.zst")


def test_a_byte_order_mark_tells_utf_16(folder):
    (folder / "a.txt").write_bytes("größer\r\n".encode("utf-16"))
    (folder / "b.jsonl").write_bytes(lines({"text": "λ"}, {"text": "two"}).encode("utf-16"))
    (folder / "c.txt").write_bytes(b"\xfe\xff" + "big".encode("utf-16-be"))
    assert documents("--source", "*") == ["größer\r\n", "λ", "two", "big"]


def test_tables_hold_a_document_per_row(folder):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"body": ["one", "zwei ü", "three"], "id": [1, 2, 3]})
    parquet.write_table(table, "a.parquet", row_group_size=2)
    with pyarrow.ipc.new_file("b.arrow", table.schema) as file:
        file.write_table(table)
    with pyarrow.ipc.new_stream("c.arrow", table.schema) as file:
        file.write_table(table)
    for name in ("a.parquet", "b.arrow", "c.arrow"):
        opened = source("--source", name, "--column", "body")
        sizes = []
        found = list(opened.documents(sizes.append))
        assert found == [(f"{name}:{n}", t) for n, t in enumerate(["one", "zwei ü", "three"], 1)]
        assert sum(sizes) == opened.size()
        with pytest.raises(UserError, match=rf"{name} has no column 'text'; .*body, id.*--column"):
            documents("--source", name)
        with pytest.raises(UserError, match=rf"{name}:1: field 'id' is no text but int"):
            documents("--source", name, "--column", "id")
        (folder / name).write_bytes(b"no table")
        with pytest.raises(UserError, match=rf"{name} is no intact"):
            documents("--source", name)


def test_a_table_without_pyarrow(folder, monkeypatch):
    (folder / "a.parquet").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"a.parquet needs the package pyarrow: run `uv add"):
        documents("--source", "a.parquet")


def test_a_folder_stands_for_the_texts_in_it(folder):
    (folder / "own" / "deep").mkdir(parents=True)
    (folder / "own" / "deep" / "a.txt").write_text("a")
    (folder / "own" / "b.jsonl").write_text(lines({"text": "b"}))
    (folder / "own" / "c.png").write_bytes(b"\x89")
    assert documents("--source", "own") == ["b", "a"]


def test_documents_are_counted_and_repeated_ones_dropped_on_demand(folder):
    texts = [f"document {number % 400} of many" for number in range(800)]
    (folder / "a.jsonl").write_text(lines(*({"text": text} for text in texts)))
    told = prepare("--source", "a.jsonl", "--max-documents", "300")
    assert [int(line.split()[1]) for line in told.splitlines()[2:5]] == [270, 15, 15]
    told = prepare("--source", "a.jsonl", "--dedup", overwrite=True)
    assert [int(line.split()[1]) for line in told.splitlines()[2:5]] == [360, 20, 20]
    assert "400 repeated documents were dropped" in told


def test_progress_adds_up_to_the_size_of_the_files(folder):
    (folder / "a.jsonl").write_text(lines(*({"text": "x" * 1000} for _ in range(100))))
    (folder / "b.txt").write_text("y" * 5000)
    (folder / "c.txt.gz").write_bytes(gzip.compress(b"z" * 5000))
    sizes = []
    opened = source("--source", "*")
    assert len(list(opened.documents(sizes.append))) == 102
    assert sum(sizes) == opened.size() > 100_000


def test_long_documents_are_cut_at_ends_of_lines_on_demand(folder):
    (folder / "a.txt").write_text("one\ntwo\nthree is long\nfour\nindivisible ü")
    pieces = documents("--source", "a.txt", "--max-document-bytes", "8")
    longer = ["three ", "is long\n", "four\n", "indivisi", "ble ü"]
    assert pieces == ["one\ntwo\n", *longer]


def test_the_sample_is_the_standard_library():
    sample = source()
    names = {path.name for path in sample.files}
    assert {"argparse.py", "dataclasses.py", "os.py"} <= names
    assert len(sample.files) > 400
    assert list(sample.files) == sorted(sample.files)
    parts = {part for path in sample.files for part in path.parts}
    assert parts.isdisjoint({"site-packages", "__pycache__"})


def test_a_python_without_sources_is_reported(folder, monkeypatch):
    monkeypatch.setattr(sources.sysconfig, "get_path", lambda name: str(folder))
    with pytest.raises(UserError, match=r"no sources in .*--source"):
        source()


def test_the_summary_counts(folder):
    texts = [f"document {number} of many" for number in range(300)]
    (folder / "a.jsonl").write_text(lines(*({"text": text} for text in [*texts, "", " \n"])))
    told = prepare("--source", "a.jsonl")
    assert told.splitlines()[1] == "  split 90/5/5 by SHA-256 of the document"
    assert [int(line.split()[1]) for line in told.splitlines()[2:5]] == [270, 15, 15]
    assert "data/text: a.jsonl" in told
    assert "2 empty documents were skipped" in told


def test_a_failed_preparation_leaves_the_old_data(folder):
    (folder / "a.jsonl").write_text(lines(*({"text": f"document {n}"} for n in range(300))))
    prepare("--source", "a.jsonl")
    before = sorted(path.name for path in (folder / "data" / "text").iterdir())
    (folder / "a.jsonl").write_text("broken")
    with pytest.raises(UserError, match=r"a.jsonl:1"):
        prepare("--source", "a.jsonl", overwrite=True)
    assert sorted(path.name for path in (folder / "data" / "text").iterdir()) == before
    with pytest.raises(UserError, match="--overwrite"):
        prepare("--source", "a.jsonl")


FAULTY = {
    "latin1.txt": (b"one\ntwo\nna\xefve", r"latin1.txt:3 is not UTF-8 \(byte 0xef at offset 10\)"),
    "latin1.jsonl": (b'{"text": "na\xefve"}', r"latin1.jsonl:1 is not UTF-8 \(byte 0xef"),
    "bad.jsonl": (b'{"text": "fine"}\n{"text": ', r"bad.jsonl:2 is no JSON"),
    "list.jsonl": (b"[1, 2]", r"list.jsonl:1 holds no JSON object with a field 'text'"),
    "field.jsonl": (b'{"body": "x", "id": 1}', r"field.jsonl:1 has no field 'text'.*body, id"),
    "number.jsonl": (b'{"text": 7}', r"number.jsonl:1: field 'text' is no text but int"),
    "half.jsonl": (b'{"text": "\\ud800"}', r"half.jsonl:1: .*half a surrogate pair"),
    "plain.txt.gz": (b"not compressed", r"plain.txt.gz is no intact gzip file"),
    "cut.txt.gz": (gzip.compress(b"text" * 100)[:-10], r"cut.txt.gz is no intact gzip file"),
    "empty.txt": (b" \n", r"the source holds no text \(1 empty documents\)"),
    "short.txt": (b"short", r"split has no example: 1 examples are too few"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_file_is_reported(folder, name):
    content, message = FAULTY[name]
    (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        prepare("--source", name)
    assert "\n" not in str(caught.value)
    assert not (folder / "data" / "text").exists()


def test_an_unreadable_file_is_reported(folder):
    (folder / "a.txt").write_text("text")
    opened = source("--source", "a.txt")
    (folder / "a.txt").unlink()
    (folder / "a.txt").mkdir()
    with pytest.raises(UserError, match=r"a.txt cannot be read: Is a directory"):
        list(opened.documents(lambda size: None))


def test_faulty_arguments_are_reported(folder):
    with pytest.raises(UserError, match=r"--source \*.txt matches no file"):
        source("--source", "*.txt")
    (folder / "texts").mkdir()
    with pytest.raises(UserError, match=r"texts is a folder: give a pattern such as 'texts/\*\*/"):
        source("--source", "texts")
    (folder / "a.txt").write_text("text")
    with pytest.raises(UserError, match="at least 1"):
        source("--source", "a.txt", "--max-document-bytes", "0")
