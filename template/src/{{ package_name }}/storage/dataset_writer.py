"""Writing a data set so that it is there as a whole or not at all.

Everything is written below ``.writing`` inside the data set's directory (the same file system,
so that files can be renamed out of it, also where the directory is a mount point). Committing
renames the finished shards into place under names of their own and then replaces the manifest,
which is one atomic step: before it the old data set (or none) opens, after it the new one.
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
from typing import Any, TextIO

from array_record.python import array_record_module  # pyright: ignore[reportAttributeAccessIssue]

from ..errors import UserError
from .dataset import MANIFEST, DataSet, Manifest, Shard, holds_data_set

_WORK = ".writing"
_SHARD_NAME = re.compile(r"[a-z_]+-\d{5}-[0-9a-f]{8}\.arrayrecord")

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
        self._open: dict[str, _ShardWriter] = {}
        self._shards: dict[str, list[Shard]] = {}
        self._spools: list[Spool] = []

    @property
    def scratch(self) -> Path:
        """A directory for the caller's temporary files, gone when the writer is done."""
        return self._directory / _WORK

    def __enter__(self) -> "DataSetWriter":
        """Lock the directory against other writers and clear what a killed one left.

        Raises:
            UserError: There is a data set already, or other files, or another writer at work, or
                the directory cannot be written.
        """
        self._refuse()
        try:
            self._created = not self._directory.exists()
            self._lock = _lock(self.scratch)
        except OSError as error:
            raise UserError(f"cannot write {self._directory}: {error.strerror}") from error
        try:
            self._refuse()  # another writer may have committed before the lock was ours
            for leftover in self.scratch.iterdir():
                if leftover.name != "lock":
                    shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was not committed."""
        self._open.clear()
        for spool in self._spools:
            spool.close()
        self._release()
        if self._created and not any(self._directory.iterdir()):
            self._directory.rmdir()

    def write(self, split: str, record: bytes) -> None:
        """Append a record to a split.

        Args:
            split: Lower-case letters and underscores.
            record: Its bytes.

        Raises:
            UserError: The file cannot be written, for instance because the disk is full.
        """
        shard = self._open.get(split)
        if shard is None:
            shards = self._shards.setdefault(split, [])
            name = f"{split}-{len(shards):05d}-{self._token}.arrayrecord"
            if not _SHARD_NAME.fullmatch(name):
                raise ValueError(f"{split!r}: a split is named by lower-case letters only")
            shard = self._open[split] = _ShardWriter(self.scratch / name)
        shard.write(record)
        if shard.bytes >= self._shard_bytes:
            self._close(split)

    def spool(self) -> "Spool":
        """A place for records until it is known which splits they are in."""
        self._spools.append(Spool(self.scratch / f"spool-{len(self._spools):02d}"))
        return self._spools[-1]

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
            _sync(self._directory)
            draft = self.scratch / MANIFEST
            draft.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
            _sync(draft)
            os.replace(draft, self._directory / MANIFEST)
            _sync(self._directory)
            for path in self._directory.iterdir():
                if _SHARD_NAME.fullmatch(path.name) and path.name not in names:
                    path.unlink()
        return DataSet(self._directory, manifest)

    def _close(self, split: str) -> None:
        self._shards[split].append(self._open.pop(split).close())

    def _release(self) -> None:
        # On NFS a file that is still open, as the lock is, keeps its directory until it is closed.
        # The next writer makes do with what is left.
        shutil.rmtree(self.scratch, ignore_errors=True)
        self._lock.close()

    def _refuse(self) -> None:
        if not self._directory.exists():
            return
        if not self._directory.is_dir():
            raise UserError(f"{self._directory} is a file: choose another place for the data set")
        if holds_data_set(self._directory):
            if not self._overwrite:
                raise UserError(
                    f"{self._directory} holds a data set already: give --overwrite to replace it, "
                    "or another directory"
                )
            return
        for path in self._directory.iterdir():
            if path.name != _WORK and not _SHARD_NAME.fullmatch(path.name):
                raise UserError(
                    f"{self._directory} holds other files ({path.name}): choose a directory that "
                    "is empty or does not exist yet"
                )


class Spool:
    """Records in a file of their own; see ``DataSetWriter.spool``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")

    def add(self, record: bytes) -> None:
        """Append a record.

        Raises:
            UserError: The file cannot be written, for instance because the disk is full.
        """
        with _reporting(self._path):
            self._file.write(len(record).to_bytes(8, "little"))
            self._file.write(record)

    def take(self) -> Iterator[bytes]:
        """The records in their order, once; then the file is gone."""
        self.close()
        with self._path.open("rb") as file:
            while size := file.read(8):
                yield file.read(int.from_bytes(size, "little"))
        self._path.unlink()

    def close(self) -> None:
        """Write what has not been written yet."""
        with _reporting(self._path):
            self._file.close()


class _ShardWriter:
    """One open shard, which counts and digests the records that pass through."""

    def __init__(self, path: Path) -> None:
        self.bytes = 0
        self._path = path
        self._records = 0
        self._digest = hashlib.sha256()
        with _reporting(path):
            self._writer = array_record_module.ArrayRecordWriter(str(path), _OPTIONS)

    def write(self, record: bytes) -> None:
        with _reporting(self._path):
            self._writer.write(record)
        self.bytes += len(record)
        self._records += 1
        self._digest.update(len(record).to_bytes(8, "little"))
        self._digest.update(record)

    def close(self) -> Shard:
        with _reporting(self._path):
            self._writer.close()
        _sync(self._path)
        return Shard(
            file=self._path.name,
            records=self._records,
            bytes=self._path.stat().st_size,
            digest=self._digest.hexdigest(),
        )


@contextlib.contextmanager
def _reporting(path: Path) -> Iterator[None]:
    """Turn a failed write (ArrayRecord reports it by a RuntimeError) into a UserError."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        reason = str(error).partition(";")[0]
        raise UserError(f"cannot write {path}: {reason}") from error


def _lock(directory: Path) -> TextIO:
    """Lock a directory, made if need be; closing the handle, or dying, releases it."""
    while True:
        directory.mkdir(parents=True, exist_ok=True)
        try:
            handle = (directory / "lock").open("w")
        except FileNotFoundError:
            continue  # the writer before us has just removed the directory
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle.fileno()), (directory / "lock").stat()):
                return handle
        except BlockingIOError:
            handle.close()
            raise UserError(
                f"another process is writing {directory.parent}: wait until it is done"
            ) from None
        except FileNotFoundError:
            pass
        handle.close()  # locked, but it is no longer the file that others would lock


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
