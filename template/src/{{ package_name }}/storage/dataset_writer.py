"""Writing a data set so that it is there as a whole or not at all.

Everything is written below ``.writing`` inside the data set's directory (the same file system,
so that files can be renamed out of it, also where the directory is a mount point). Committing
renames the finished shards into place under names of their own and then replaces the manifest,
which is one atomic step: before it the old data set (or none) opens, after it the new one. Only
a tokenizer is exchanged just before that, and its digest tells if no more than that was done.
Whatever a killed writer left is removed by the next one.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, no_type_check

from array_record.python import array_record_module  # pyright: ignore[reportAttributeAccessIssue]
from array_record.python.array_record_data_source import ArrayRecordDataSource

from ..errors import UserError
from ..files import refuse_links, sync
from .dataset import MANIFEST, TOKENIZER, DataSet, Manifest, Shard, add_records, holds_data_set

_WORK = ".writing"
_SHARD_NAME = re.compile(r"[a-z_]+-\d{5}-[0-9a-f]{8}\.arrayrecord")
_LEFT = re.compile(f"{_SHARD_NAME.pattern}|{TOKENIZER}")  # perhaps, by a killed writer

# One record per compressed block, so that reading one record decompresses nothing else. The default
# level of compression takes twice the time for hardly smaller files.
_OPTIONS = "group_size:1,zstd:1"


class DataSetWriter:
    """Writes one data set; a context manager that discards everything unless committed.

    Example::

        with DataSetWriter(Path("data/digits")) as writer:
            writer.write("train", b"...")
            writer.commit({"classes": 10})
    """

    def __init__(
        self, directory: Path, *, overwrite: bool = False, shard_bytes: int = 256 * 2**20
    ) -> None:
        """Nothing is touched before the ``with`` statement.

        Args:
            directory: Where the data set will stand; made with its parents if need be.
            overwrite: Replace the data set that stands there, at the commit.
            shard_bytes: A shard that has reached this many bytes before compression is closed
                and the next one begun.
        """
        self._directory = directory
        self._overwrite = overwrite
        self._shard_bytes = shard_bytes
        # A writer's shards bear its own token and so never meet those they replace.
        self._token = secrets.token_hex(4)
        self._open: dict[str, RecordFile] = {}
        self._shards: dict[str, list[Shard]] = {}
        self._spools = 0

    @property
    def scratch(self) -> Path:
        """A directory for the caller's temporary files, gone when the writer is done.

        A folder ``tokenizer`` in it becomes that of the data set.
        """
        return self._directory / _WORK

    def __enter__(self) -> "DataSetWriter":
        """Lock the directory against other writers and clear what a killed one left.

        Raises:
            UserError: There is a data set already, or other files, or another writer at work, or
                the directory cannot be written.
        """
        refuse_links(self.scratch)  # what a killed writer left is removed
        try:
            self._created = not self._directory.exists()
            self._lock = _lock(self.scratch)
        except OSError as error:
            raise UserError(f"cannot write {self._directory}: {error.strerror}") from error
        with contextlib.ExitStack() as undone:
            undone.push(self)
            self._refuse()
            for leftover in self.scratch.iterdir():
                if leftover.name != "lock":
                    shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
            undone.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was not committed."""
        self._open.clear()
        # On NFS a file that is still open, as the lock is, keeps its directory until it is closed.
        # The next writer makes do with what is left.
        shutil.rmtree(self.scratch, ignore_errors=True)
        self._lock.close()
        if self._created and not any(self._directory.iterdir()):
            self._directory.rmdir()

    @no_type_check  # it takes longer than the work, which is done for each of many small records
    def write(self, split: str, *records: bytes) -> None:
        """Append records to a split.

        Args:
            split: Lower-case letters and underscores.
            records: The bytes of each.

        Raises:
            UserError: The file cannot be written, for instance because the disk is full.
        """
        shard = self._open.get(split)
        if shard is None:
            shards = self._shards.setdefault(split, [])
            name = f"{split}-{len(shards):05d}-{self._token}.arrayrecord"
            if not _SHARD_NAME.fullmatch(name):
                raise ValueError(f"{split!r}: a split is named by lower-case letters only")
            shard = self._open[split] = RecordFile(self.scratch / name)
        shard.add(*records)
        if shard.bytes >= self._shard_bytes:
            self._close(split)

    def spool(self) -> "RecordFile":
        """A temporary file for records until it is known which splits they are in."""
        self._spools += 1
        return RecordFile(self.scratch / f"spool-{self._spools:02d}")

    def commit(self, info: dict[str, Any]) -> DataSet:
        """Put the data set into place, durably, and remove the one that it replaces.

        Args:
            info: What the task wants to remember beside the records, in JSON's types.

        Returns:
            The data set, ready to be read.
        """
        for split in list(self._open):
            self._close(split)
        manifest = Manifest(splits=self._shards, info=info)
        names = {shard.file for shards in self._shards.values() for shard in shards}
        with _reporting(self._directory):
            for name in names:
                os.rename(self.scratch / name, self._directory / name)
            sync(self._directory)
            draft = self.scratch / MANIFEST
            draft.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
            sync(draft)
            tokenizer = self._directory / TOKENIZER
            if tokenizer.exists():
                os.rename(tokenizer, self.scratch / "replaced")
            if (self.scratch / TOKENIZER).exists():
                os.rename(self.scratch / TOKENIZER, tokenizer)
            os.replace(draft, self._directory / MANIFEST)
            sync(self._directory)
            for path in self._directory.iterdir():
                if _SHARD_NAME.fullmatch(path.name) and path.name not in names:
                    path.unlink()
        return DataSet(self._directory, manifest)

    def _close(self, split: str) -> None:
        file = self._open.pop(split)
        digest = file.close()
        sync(file.path)
        size = file.path.stat().st_size
        self._shards[split].append(
            Shard(file=file.path.name, records=file.records, bytes=size, digest=digest)
        )

    def _refuse(self) -> None:
        if holds_data_set(self._directory):
            if not self._overwrite:
                raise UserError(
                    f"{self._directory} holds a data set already: give --overwrite to replace it, "
                    "or another directory"
                )
            return
        for path in self._directory.iterdir():
            if path.name != _WORK and not _LEFT.fullmatch(path.name):
                raise UserError(
                    f"{self._directory} holds other files ({path.name}): choose a directory that "
                    "is empty or does not exist yet"
                )


class RecordFile:
    """A file of records, counted and digested as they are added.

    Attributes:
        path: Where it is.
        records: How many there are.
        bytes: Their size before compression.
    """

    def __init__(self, path: Path) -> None:
        """Begin a file in place of what is there.

        Raises:
            UserError: It cannot be written.
        """
        self.path = path
        self.records = self.bytes = 0
        self._digest = hashlib.sha256()
        with _reporting(path):
            self._writer = array_record_module.ArrayRecordWriter(str(path), _OPTIONS)

    @no_type_check  # likewise
    def add(self, *records: bytes) -> None:
        """Append records.

        Raises:
            UserError: The file cannot be written, for instance because the disk is full.
        """
        try:
            for record in records:
                self._writer.write(record)
        except (OSError, RuntimeError) as error:
            raise _unwritten(self.path, error) from error
        self.records += len(records)
        self.bytes += sum(map(len, records))
        add_records(self._digest, records)

    def close(self) -> str:
        """Write what has not been written yet, and return the SHA-256 of all records."""
        with _reporting(self.path):
            self._writer.close()
        return self._digest.hexdigest()

    def take(self) -> ArrayRecordDataSource:
        """Close the file and give random access to its records."""
        self.close()
        return ArrayRecordDataSource([str(self.path)])


@contextlib.contextmanager
def _reporting(path: Path) -> Iterator[None]:
    """Turn a failed write (ArrayRecord reports it by a RuntimeError) into a UserError."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise _unwritten(path, error) from error


def _unwritten(path: Path, error: Exception) -> UserError:
    reason = str(error).partition(";")[0]
    return UserError(f"cannot write {path}: {reason}")


def _lock(directory: Path) -> TextIO:
    """Lock a directory, made if need be; closing the handle, or dying, releases it."""
    with contextlib.ExitStack() as stack:
        directory.mkdir(parents=True, exist_ok=True)
        try:
            handle = stack.enter_context((directory / "lock").open("w"))
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Not so where its last owner has removed the file in between.
            if os.path.samestat(os.fstat(handle.fileno()), (directory / "lock").stat()):
                stack.pop_all()
                return handle
        except (BlockingIOError, FileNotFoundError):
            pass
    raise UserError(f"another process is writing {directory.parent}: wait until it is done")
