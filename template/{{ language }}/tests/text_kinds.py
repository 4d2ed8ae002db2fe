"""Texts as people have them: how each kind is made, what it is prepared with, what then happens.

Most of them hold the documents of `CLEAN`, so the data prepared from them must be the same.
"""

import bz2
import gzip
import io
import json
import lzma
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEXTS = [
    "\n".join(f"{number}: größer, {word} {number * at % 7}" for at in range(6))
    for number, word in enumerate(["ship", "naïve", "return", "λόγος", "😀"] * 16)
]
"""The documents: more than one line each, with characters of one to four bytes."""

LATIN = [text.replace("λόγος", "logos").replace("😀", "smile") for text in TEXTS]
"""The same in characters that cp1252 has."""


@dataclass(frozen=True)
class Kind:
    """One way in which texts come.

    Attributes:
        name: What people would call it.
        write: Makes the files in a folder.
        words: What `prepare` is told beside ``--source``.
        says: What the summary, or the error, holds.
        fails: Whether it is refused.
        texts: The documents that it holds; None where they are counted only.
        pattern: Which files of the folder are read.
        needs: A package that reads it.
    """

    name: str
    write: Callable[[Path], None]
    words: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    fails: bool = False
    texts: Sequence[str] | None = tuple(TEXTS)
    pattern: str = "*"
    needs: str = ""


def stored(name: str, content: bytes | str) -> Callable[[Path], None]:
    """Writes one file."""

    def write(folder: Path) -> None:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return write


def files(
    texts: Sequence[str] = TEXTS, encoding: str = "utf-8", suffix: str = ".txt"
) -> Callable[[Path], None]:
    """Writes a file for each document."""

    def write(folder: Path) -> None:
        for number, text in enumerate(texts):
            (folder / f"{number:02}{suffix}").write_bytes(text.encode(encoding))

    return write


def lines(texts: Sequence[Any] = TEXTS, *, wrap: Callable[[Any], Any] | None = None) -> str:
    """Documents as JSON lines."""
    wrap = wrap or (lambda text: {"text": text})
    return "".join(json.dumps(wrap(text)) + "\n" for text in texts)


LINES = lines().encode()


def zipped(*names: str) -> bytes:
    """The same lines under several names."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, LINES)
    return whole.getvalue()


def zstd(content: bytes) -> bytes:
    """The standard library of Python 3.11 has none."""
    import pyarrow as pa

    return pa.compress(content, codec="zstd", asbytes=True)


def table(save: Callable[[Any, Path], None], name: str, **columns: Any) -> Callable[[Path], None]:
    """Writes a table, whose columns are made of the documents by functions of pyarrow."""

    def write(folder: Path) -> None:
        import pyarrow as pa

        made = {column: make(pa) for column, make in columns.items()}
        save(pa.table({"id": list(range(len(TEXTS))), **made}), folder / name)

    return write


def parquet(made: Any, path: Path) -> None:
    """Writes a Parquet file of several row groups."""
    from pyarrow import parquet

    parquet.write_table(made, path, row_group_size=32)


def feather(made: Any, path: Path) -> None:
    """Writes an Arrow file."""
    from pyarrow import feather

    feather.write_feather(made, path)


def every_other(texts: Sequence[str]) -> list[str | None]:
    """The documents with a null behind each."""
    return [part for text in texts for part in (text, None)]


def linked(folder: Path) -> None:
    """Two files, links to both of them, and a folder that holds itself."""
    (folder / "deep").mkdir()
    half = len(TEXTS) // 2
    (folder / "deep" / "a.jsonl").write_text(lines(TEXTS[:half]))
    (folder / "deep" / "b.jsonl").write_text(lines(TEXTS[half:]))
    os.symlink(folder / "deep", folder / "deep" / "again")
    os.symlink("a.jsonl", folder / "deep" / "c.jsonl")
    os.symlink("gone", folder / "deep" / "d.jsonl")


def hidden(folder: Path) -> None:
    """What systems leave beside one's own files."""
    (folder / "own" / ".git").mkdir(parents=True)
    (folder / "own" / "a.jsonl").write_bytes(LINES)
    (folder / "own" / "._a.jsonl").write_bytes(b"\0\5\x16\7")
    (folder / "own" / ".git" / "b.txt").write_text("not mine")
    (folder / "own" / "c.png").write_bytes(b"\x89PNG\0")


def large(folder: Path) -> None:
    """A line that is too long to be parsed at once, with more than its text in it."""
    text = "".join(f'{at} naïve 😀 "quoted" \\ \n' for at in range(40_000))
    record = {"id": [1, {"a": None}], "in": {"more": "x" * 4_000_000, "text": text}, "last": 1.5}
    (folder / "t.jsonl").write_text(json.dumps(record) + "\n" + json.dumps({"in": {"text": "end"}}))


HTML = [f"<p class='a'>{text}</p>\r\n<!-- &amp; -->" for text in TEXTS]

KINDS = [
    Kind("a text file for each document", files(), says=("read as 80 files: text, UTF-8",)),
    Kind(
        "JSON lines",
        stored("t.jsonl", LINES),
        says=("read as JSON lines, field 'text', UTF-8",),
    ),
    Kind("UTF-8 with a byte order mark", files(encoding="utf-8-sig"), says=("text, UTF-8",)),
    Kind("UTF-16 with a byte order mark", files(encoding="utf-16"), says=("text, UTF-16",)),
    Kind("UTF-32 with a byte order mark", files(encoding="utf-32"), says=("text, UTF-32",)),
    Kind(
        "JSON lines in UTF-16 with a byte order mark",
        stored("t.jsonl", LINES.decode().encode("utf-16")),
        says=("JSON lines, field 'text', UTF-16",),
    ),
    Kind(
        "UTF-16 without one",
        files(encoding="utf-16-le"),
        says=("00.txt holds NUL bytes, as UTF-16 and files that are no text do: give --encoding",),
        fails=True,
    ),
    Kind(
        "the same, `--encoding utf-16-le`",
        files(encoding="utf-16-le"),
        words=("--encoding", "utf-16-le"),
        says=("text, UTF-16-LE",),
    ),
    Kind(
        "cp1252",
        files(LATIN, "cp1252"),
        says=("00.txt:1 is not UTF-8 (byte 0xf6 at offset 5): give --encoding, such as cp1252",),
        fails=True,
    ),
    Kind(
        "the same, `--encoding cp1252`",
        files(LATIN, "cp1252"),
        words=("--encoding", "cp1252"),
        says=("text, CP1252",),
        texts=LATIN,
    ),
    Kind("NUL bytes", stored("t.txt", "a\0b" * 9000), says=("t.txt holds NUL bytes",), fails=True),
    Kind(
        "the same, `--encoding utf-8`",
        files([f"{text}\0" for text in TEXTS]),
        words=("--encoding", "utf-8"),
        says=("text, UTF-8",),
        texts=[f"{text}\0" for text in TEXTS],
    ),
    Kind(
        "ends of lines of Windows",
        files([text.replace("\n", "\r\n") for text in TEXTS]),
        texts=[text.replace("\n", "\r\n") for text in TEXTS],
    ),
    Kind(
        "JSON lines with ends of lines of Windows",
        stored("t.jsonl", LINES.replace(b"\n", b"\r\n")),
    ),
    Kind("HTML", files(HTML, suffix=".html"), says=("text, UTF-8",), texts=HTML),
    Kind(
        "nulls and lines without the field",
        stored(
            "t.jsonl",
            lines(
                [None, *TEXTS, ""], wrap=lambda text: {"text": text} if text != "" else {"id": 1}
            ),
        ),
        says=("2 lines or rows without a text were skipped",),
    ),
    Kind(
        "no line with the field",
        stored("t.jsonl", lines(wrap=lambda text: {"body": text, "id": 1})),
        says=("t.jsonl:1 has no field 'text'; its fields: body, id (see --field)",),
        fails=True,
    ),
    Kind(
        "a field inside another, `--field data.body`",
        stored("t.jsonl", lines(wrap=lambda text: {"data": {"body": text}, "text": "no"})),
        words=("--field", "data.body"),
        says=("JSON lines, field 'data.body', UTF-8",),
    ),
    Kind(
        "a name with a dot, `--field data.body`",
        stored("t.jsonl", lines(wrap=lambda text: {"data.body": text})),
        words=("--field", "data.body"),
    ),
    Kind(
        "a value that is no text",
        stored("t.jsonl", LINES + b'{"text": ["a", "b"]}\n'),
        says=("t.jsonl:81: field 'text' is no text but list",),
        fails=True,
    ),
    Kind(
        "a last line that breaks off",
        stored("t.jsonl", LINES[:-9]),
        says=("t.jsonl:80 is no JSON: ",),
        fails=True,
    ),
    Kind(
        "half a surrogate pair",
        stored("t.jsonl", LINES + b'{"text": "\\ud83d"}\n'),
        says=("t.jsonl:81: field 'text' holds half a surrogate pair",),
        fails=True,
    ),
    Kind("`.gz`", stored("t.jsonl.gz", gzip.compress(LINES)), says=("packed as .gz",)),
    Kind("`.bz2`", stored("t.jsonl.bz2", bz2.compress(LINES)), says=("packed as .bz2",)),
    Kind("`.xz`", stored("t.jsonl.xz", lzma.compress(LINES)), says=("packed as .xz",)),
    Kind(
        "`.zst`",
        lambda folder: stored("t.jsonl.zst", zstd(LINES))(folder),
        says=("packed as .zst",),
        needs="pyarrow",
    ),
    Kind("`.zip`", stored("t.zip", zipped("t.jsonl")), says=("packed as .zip",)),
    Kind(
        "`.zip` of several files",
        stored("t.zip", zipped("a.jsonl", "b.jsonl")),
        says=("t.zip holds 2 files: unpack it and give those to read",),
        fails=True,
    ),
    Kind(
        "`.gz` that breaks off",
        stored("t.jsonl.gz", gzip.compress(LINES)[:-200]),
        says=("t.jsonl.gz is no intact gzip file",),
        fails=True,
    ),
    Kind(
        "`.bz2` that breaks off",
        stored("t.jsonl.bz2", bz2.compress(LINES)[:-20]),
        says=("t.jsonl.bz2 is no intact bzip2 file",),
        fails=True,
    ),
    Kind(
        "`.xz` that breaks off",
        stored("t.jsonl.xz", lzma.compress(LINES)[:-20]),
        says=("t.jsonl.xz is no intact xz file",),
        fails=True,
    ),
    Kind(
        "`.zst` that breaks off",
        lambda folder: stored("t.jsonl.zst", zstd(LINES)[:-5])(folder),
        says=("t.jsonl.zst cannot be read: Truncated compressed stream",),
        fails=True,
        needs="pyarrow",
    ),
    Kind(
        "`.zip` that breaks off",
        stored("t.zip", zipped("t.jsonl")[:-20]),
        says=("t.zip is no intact zip file",),
        fails=True,
    ),
    Kind(
        "Parquet",
        table(parquet, "t.parquet", text=lambda pa: pa.array(TEXTS)),
        says=("read as Parquet, column 'text'",),
        needs="pyarrow",
    ),
    Kind(
        "Parquet with large strings and nulls",
        table(
            parquet,
            "t.parquet",
            text=lambda pa: pa.array([*TEXTS[:-1], None], pa.large_string()),
        ),
        says=("1 lines or rows without a text were skipped",),
        texts=TEXTS[:-1],
        needs="pyarrow",
    ),
    Kind(
        "Parquet with bytes",
        table(parquet, "t.parquet", text=lambda pa: pa.array([t.encode() for t in TEXTS])),
        needs="pyarrow",
    ),
    Kind(
        "Parquet with texts in a dictionary",
        table(parquet, "t.parquet", text=lambda pa: pa.array(TEXTS).dictionary_encode()),
        needs="pyarrow",
    ),
    Kind(
        "Parquet, `--column data.body` inside another",
        table(parquet, "t.parquet", data=lambda pa: pa.array([{"a": 1, "body": t} for t in TEXTS])),
        words=("--column", "data.body"),
        says=("read as Parquet, column 'data.body'",),
        needs="pyarrow",
    ),
    Kind(
        "Parquet without the column",
        table(parquet, "t.parquet", body=lambda pa: pa.array(TEXTS)),
        says=("t.parquet has no column 'text'; its columns: id, body (see --column)",),
        fails=True,
        needs="pyarrow",
    ),
    Kind(
        "Arrow and Feather",
        table(feather, "t.feather", text=lambda pa: pa.array(TEXTS)),
        says=("read as Arrow, column 'text'",),
        needs="pyarrow",
    ),
    Kind("hidden files in a folder", hidden, says=("read as JSON lines",), pattern="own"),
    Kind(
        "links that lead back",
        linked,
        says=("read as 2 files: JSON lines",),
        pattern="**/*.jsonl",
    ),
    Kind(
        "a folder with links that lead back",
        linked,
        says=("read as 2 files: JSON lines",),
        pattern="deep",
    ),
    Kind(
        "empty files",
        files([*TEXTS, ""]),
        says=("1 empty documents were skipped",),
    ),
    Kind(
        "nothing but blanks",
        stored("t.txt", " \n\u3000"),
        says=("the source holds no text (1 empty documents)",),
        fails=True,
    ),
    Kind(
        "the same document twice",
        stored("t.jsonl", LINES * 2),
        says=("80 repeated documents are kept (--dedup drops them)",),
        texts=TEXTS * 2,
    ),
    Kind(
        "the same, `--dedup`",
        stored("t.jsonl", LINES * 2),
        words=("--dedup",),
        says=("80 repeated documents were dropped",),
    ),
    Kind(
        "one large text",
        stored("t.txt", "".join(f"line {at}\n" for at in range(30_000))),
        says=("long documents were cut at ends of lines, 1 into 101 of at most 3,188 bytes",),
        texts=None,
    ),
    Kind(
        "one large text of a single line",
        stored("t.txt", "".join(f"word{at} " for at in range(30_000))),
        says=("long documents were cut at ends of lines, 1 into 102 of at most",),
        texts=None,
    ),
    Kind(
        "one large line of JSON, `--field in.text`",
        large,
        words=("--field", "in.text"),
        says=("long documents were cut at ends of lines, 2 into",),
        texts=None,
    ),
    Kind(
        "one text that is too short to be cut",
        stored("t.txt", "short"),
        says=("split has no example: 1 examples are too few",),
        fails=True,
    ),
]
