"""Files as they lie on disk: what their names say, what they are packed in, how text is encoded."""

import codecs
import contextlib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from .dialect import Dialect
from .errors import UserError

SEPARATED = (".csv", ".tsv", ".txt")
LINES = (".jsonl", ".ndjson")
SHEETS = (".xlsx", ".xlsm", ".xls", ".ods")
ARROW = (".arrow", ".feather")
TYPED = (".parquet", *ARROW)  # they state the types of their columns
SUFFIXES = (*SEPARATED, *LINES, *TYPED, *SHEETS)
PACKED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # it begins like the one of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Form(NamedTuple):
    """What kind of file it is.

    Attributes:
        suffix: One of `SUFFIXES`.
        packed: The suffix of what it is packed in, or nothing.
        member: The only file in a zip archive.
    """

    suffix: str
    packed: str = ""
    member: str = ""


def form_of(path: Path) -> Form:
    """What kind of file it is, by its name.

    Raises:
        UserError: It is none that can be read.
    """
    name, packed, member = path.name.lower(), path.suffix.lower(), ""
    if packed == ".zip":
        member = _only_member(path)
        name = member.lower()
    elif packed in PACKED:
        name = name.removesuffix(packed)
    else:
        packed = ""
    suffix = next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")
    if not suffix:
        raise UserError(
            f"{path} is no table that can be read: give {', '.join(SUFFIXES)}; text also as "
            f"{', '.join(PACKED)} or .zip"
        )
    if packed and suffix not in (*SEPARATED, *LINES):
        raise UserError(f"{path}: a {suffix} file is read only as it is: unpack it")
    return Form(suffix, packed, member)


@contextlib.contextmanager
def unpacked(path: Path, form: Form) -> Iterator[tuple[pa.NativeFile, Callable[[], int]]]:
    """What is in a file, and a function that tells how many bytes of the file have been read."""
    if form.member:
        with (
            path.open("rb") as raw,
            zipfile.ZipFile(raw) as archive,
            archive.open(form.member) as member,
        ):
            yield pa.PythonFile(member, mode="r"), raw.tell
        return
    with pa.OSFile(str(path)) as raw:
        packed = PACKED.get(form.packed)
        yield pa.CompressedInputStream(raw, packed) if packed else raw, raw.tell


def encoding_of(path: Path, head: bytes, dialect: Dialect) -> str:
    """The encoding of a text that begins so.

    Raises:
        UserError: It is neither given nor certain.
    """
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), "")
    if b"\0" in head and not (marked or dialect.encoding):
        raise UserError(
            f"{path} holds NUL bytes, as UTF-16 does: give --encoding, such as utf-16-le"
        )
    return marked or dialect.encoding or "utf-8"


def _only_member(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except zipfile.BadZipFile as error:
        raise UserError(f"{path} is no intact zip archive: {error}") from error
    names = [name for name in names if not name.startswith("__MACOSX/")]
    if len(names) != 1:
        raise UserError(f"{path} holds {len(names)} files: unpack it and give those to read")
    return names[0]
