"""Data sets on disk: shards of records, and the manifest that makes them a data set.

A data set is a directory. Each split is a list of ArrayRecord files (shards), whose records are
bytes that only the task understands. ``dataset.json`` names every shard with its size; it is
written last, so a directory without it holds no data set. Where records are made of tokens, a
folder ``tokenizer`` has the files of the tokenizer. ``dataset_writer.py`` writes all of this.
"""

import bisect
import hashlib
import itertools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, SupportsIndex, no_type_check

from array_record.python import array_record_module  # pyright: ignore[reportAttributeAccessIssue]
from array_record.python.array_record_data_source import ArrayRecordDataSource
from pydantic import Field, ValidationError

from ..errors import UserError
from ..files import read_text, refuse_links
from ..settings import Settings

MANIFEST = "dataset.json"
TOKENIZER = "tokenizer"


class Shard(Settings):
    """One ArrayRecord file of a split."""

    file: Annotated[str, Field(pattern=r"^[\w-][\w.-]*$")]  # in the folder itself
    records: Annotated[int, Field(ge=0)]
    bytes: Annotated[int, Field(ge=0)]
    digest: str  # SHA-256 of the records, which compression does not change


class Manifest(Settings):
    """The content of ``dataset.json``."""

    format: Literal[1] = 1
    splits: dict[str, list[Shard]]
    info: dict[str, Any]  # whatever the task wants to remember, in JSON's types


class DataSet:
    """A complete data set, opened for reading.

    Attributes:
        directory: Where it stands.
        info: What the task stored beside the records.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        """Use ``DataSet.open``, which checks the files, or ``DataSetWriter.commit``."""
        self.directory = directory
        self.info = manifest.info
        self._splits = manifest.splits

    @classmethod
    def open(cls, directory: Path) -> "DataSet":
        """Open the data set in ``directory`` after checking that all of it is there.

        Sizes and record counts are compared with the manifest. The records themselves carry
        checksums, which ArrayRecord verifies when they are read.

        Raises:
            UserError: There is no data set, or it is damaged, or a newer version wrote it.
        """
        data_set = cls(directory, _read_manifest(directory))
        refuse_links(*directory.iterdir())
        for shards in data_set._splits.values():
            for shard in shards:
                _check_shard(directory / shard.file, shard)
        return data_set

    @property
    def splits(self) -> list[str]:
        """The names of the splits, in the order in which they were written."""
        return list(self._splits)

    @property
    def fingerprint(self) -> str:
        """A digest of every record of every split: equal only for equal data."""
        digest = hashlib.sha256()
        for split in sorted(self._splits):
            digest.update(f"{split}\n".encode())
            for shard in self._splits[split]:
                digest.update(f"{shard.records} {shard.digest}\n".encode())
        return digest.hexdigest()

    def find_damage(self) -> str | None:
        """Read all records, and tell which file does not hold what was written, if any."""
        for shard in itertools.chain.from_iterable(self._splits.values()):
            path, digest = self.directory / shard.file, hashlib.sha256()
            try:
                _check_shard(path, shard)
                add_records(digest, Records([path], [shard.records]))
            except UserError as error:
                return str(error)
            if digest.hexdigest() != shard.digest:
                return str(_damaged(path, "its records are not those that were written"))
        return None

    def source(self, split: str) -> "Records":
        """Give random access to the records (bytes) of a split.

        It is a source in Grain's sense. Grain's own wrapper around it adds statistics only, and an
        import of JAX, which writing and checking data sets can do without.

        Raises:
            UserError: There is no such split.
        """
        if split not in self._splits:
            there = ", ".join(self._splits) or "none"
            raise UserError(f"{self.directory} has no split {split!r}; its splits: {there}")
        shards = self._splits[split]
        return Records(
            [self.directory / shard.file for shard in shards], [shard.records for shard in shards]
        )


class Records(ArrayRecordDataSource):
    """The records of some files, one after the other; a damaged one is named when it is read.

    Args:
        paths: The files.
        counts: How many records there are in each.
    """

    def __init__(self, paths: Sequence[Path], counts: Sequence[int]) -> None:
        super().__init__([str(path) for path in paths])
        self._files, self._ends = paths, list(itertools.accumulate(counts))

    def locate(self, number: int) -> str:
        """The file that a record is in, and its place there, from 0."""
        shard = self._shard(number)
        place = number - (self._ends[shard - 1] if shard else 0)
        return f"{self._files[shard].name}, record {place}"

    def _shard(self, number: int) -> int:
        return bisect.bisect_right(self._ends, number)

    def __getitem__(self, record_key: SupportsIndex) -> bytes:
        """One record."""
        try:
            return super().__getitem__(record_key)
        except RuntimeError as error:  # ArrayRecord's, for a checksum that is wrong
            path = self._files[self._shard(int(record_key))]
            raise _damaged(path, str(error).partition(";")[0]) from error

    def __getitems__(self, record_keys: Sequence[SupportsIndex]) -> Sequence[bytes]:
        """Several records."""
        try:
            return super().__getitems__(record_keys)
        except RuntimeError:
            return [self[key] for key in record_keys]


@no_type_check  # it takes longer than the work, which is done for each of many small records
def add_records(digest: Any, records: Iterable[bytes]) -> None:
    """Add records to the digest of a shard."""
    for record in records:
        digest.update(len(record).to_bytes(8, "little"))
        digest.update(record)


def holds_data_set(directory: Path) -> bool:
    """Whether a data set was completed in ``directory``; ``DataSet.open`` tells if it is intact."""
    return (directory / MANIFEST).is_file()


def _read_manifest(directory: Path) -> Manifest:
    path = directory / MANIFEST
    if not os.path.exists(path):
        raise UserError(f"no data set in {directory}: run the prepare command first")
    try:
        return Manifest.model_validate_json(read_text(path))
    except ValidationError as error:
        problem = error.errors()[0]
        raise _damaged(path, ": ".join(map(str, (*problem["loc"], problem["msg"])))) from error


def _check_shard(path: Path, shard: Shard) -> None:
    try:
        size = path.stat().st_size
        if size != shard.bytes:
            raise _damaged(path, f"it has {size} bytes instead of {shard.bytes}")
        reader = array_record_module.ArrayRecordReader(str(path))
        records = reader.num_records()
        reader.close()
    except FileNotFoundError:
        raise _damaged(path, "the file is missing") from None
    except (OSError, RuntimeError, IndexError) as error:  # the latter two are ArrayRecord's
        raise _damaged(path, str(error).partition(";")[0]) from error
    if records != shard.records:
        raise _damaged(path, f"it has {records} records instead of {shard.records}")


def _damaged(path: Path, reason: str) -> UserError:
    return UserError(f"{path} is damaged ({reason}): prepare the data set again with --overwrite")
