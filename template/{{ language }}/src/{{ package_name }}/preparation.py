"""From documents to a data set: divided by hash, put in an order fixed by hash, cut into records.

Each split becomes one stream of tokens: ``DOCUMENT``, the first document, ``DOCUMENT``, the
second, ..., and a last ``DOCUMENT`` that ends the last one. A record is a fixed number of
consecutive tokens of the stream, whatever sequence length they are read with later.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer

from .errors import UserError
from .reporting.byte_progress import ByteProgress
from .sources import Source
from .storage.dataset import DataSet
from .storage.dataset_writer import DataSetWriter
from .storage.splitting import SPLITS, Splitter, split_lines
from .tokenizer import DOCUMENT, TOKENIZER

PERCENT = (90, 5, 5)  # of the bytes are for training, validation, and the test

CHUNK_TOKENS = 4096
DTYPE = "<u2" if TOKENIZER.vocab_size <= 2**16 else "<u4"

# Documents are sorted in memory, one bucket of about this many bytes at a time.
_BUCKET_BYTES = 64 * 2**20
_MOST_BUCKETS = 64


def prepare_text(
    source: Source, directory: Path, *, seq_len: int, overwrite: bool, progress: bool
) -> DataSet:
    """Write the data set of a source.

    The splits have their shares of all bytes, as nearly as whole documents allow. Memory stays
    bounded by the longest document, the bucket size, and some 30 bytes for each document; disk use
    peaks at about the size of the text beyond that of the data set.

    Args:
        source: The documents.
        directory: Where the data set will stand.
        seq_len: Targets in a sequence; each split must fill one.
        overwrite: Replace the data set that stands there.
        progress: Show progress on standard error.

    Returns:
        The finished data set.

    Raises:
        UserError: A document cannot be read, there is too little text, or the data set cannot be
            written. Nothing is left behind.
    """
    with DataSetWriter(directory, overwrite=overwrite) as writer:
        total = source.size()
        buckets = _Buckets(writer, min(_MOST_BUCKETS, 1 + total // _BUCKET_BYTES))
        splitter, empty = Splitter(PERCENT, "the document"), 0
        with ByteProgress("reading text", total, enabled=progress) as bar:
            for _, text in source.documents(bar.advance):
                if text.strip():
                    buckets.add(text, splitter)
                else:
                    empty += 1
        if not len(splitter):
            skipped = f" ({empty} empty documents)" if empty else ""
            raise UserError(f"the source holds no text{skipped}")
        splits, division = splitter.divide()
        streams = {split: _Stream(writer, split) for split in SPLITS}
        with ByteProgress("writing tokens", buckets.size, enabled=progress) as bar:
            for number, text in buckets.in_order():
                bar.advance(streams[splits[number]].add(text))
        for stream in streams.values():
            stream.close()
        counts = {split: stream.counts for split, stream in streams.items()}
        _check_enough(counts, seq_len)
        info: dict[str, Any] = {
            "kind": "text",
            "source": source.name,
            "tokenizer": TOKENIZER.name,
            "vocab_size": TOKENIZER.vocab_size,
            "chunk_tokens": CHUNK_TOKENS,
            "dtype": DTYPE,
            "empty_documents": empty,
            "split": division,
            "splits": {split: dict(counter) for split, counter in counts.items()},
        }
        return writer.commit(info)


def summary(data_set: DataSet) -> str:
    """Tell in a few lines what a text data set holds."""
    info = data_set.info
    lines = [f"{data_set.directory}: {info['source']}"]
    told = zip(split_lines(info["split"], "documents"), [{}, *info["splits"].values()], strict=True)
    for line, counts in told:
        more = [f" {counts[name]:>15,} {name}" for name in ("bytes", "tokens") if counts]
        lines.append(line + "".join(more))
    if info["empty_documents"]:
        lines.append(f"  {info['empty_documents']:,} empty documents were skipped")
    return "\n".join(lines)


def _check_enough(counts: dict[str, Counter[str]], seq_len: int) -> None:
    for split, counter in counts.items():
        if counter["tokens"] <= seq_len:
            raise UserError(
                f"the {split} split has {counter['documents']} documents with {counter['tokens']} "
                f"tokens, less than one sequence of seq_len {seq_len} and its last target: give "
                "more documents, cut long ones by --max-document-bytes, or shorten data.seq_len"
            )


class _Stream:
    """The token stream of one split on its way into records."""

    def __init__(self, writer: DataSetWriter, split: str) -> None:
        self.counts: Counter[str] = Counter(documents=0, bytes=0, tokens=0)
        self._writer = writer
        self._split = split
        self._rest = np.empty(0, DTYPE)  # tokens that do not fill a record yet

    def add(self, text: str) -> int:
        """Append a document and return its size in bytes."""
        size = len(text.encode())
        self.counts["documents"] += 1
        self.counts["bytes"] += size
        self._append(np.concatenate([[DOCUMENT], TOKENIZER.encode(text)]))
        return size

    def close(self) -> None:
        if self.counts["documents"]:
            self._append(np.array([DOCUMENT]))
        if len(self._rest):
            self._writer.write(self._split, self._rest.tobytes())

    def _append(self, tokens: Integer[np.ndarray, " seq_len"]) -> None:
        self.counts["tokens"] += len(tokens)
        tokens = np.concatenate([self._rest, tokens.astype(DTYPE)])
        full = len(tokens) - len(tokens) % CHUNK_TOKENS
        for start in range(0, full, CHUNK_TOKENS):
            self._writer.write(self._split, tokens[start : start + CHUNK_TOKENS].tobytes())
        self._rest = tokens[full:]


class _Buckets:
    """Documents spilled to files by the first byte of their digest, to be sorted file by file."""

    def __init__(self, writer: DataSetWriter, count: int) -> None:
        self._spools = [writer.spool() for _ in range(count)]
        self.size = 0

    def add(self, text: str, splitter: Splitter) -> None:
        data, number = text.encode(), len(splitter)
        digest = hashlib.sha256(data).digest()
        splitter.add(digest, size=len(data))
        spool = self._spools[digest[0] * len(self._spools) // 256]
        spool.add(digest + number.to_bytes(8, "big") + data)
        self.size += len(data)

    def in_order(self) -> Iterator[tuple[int, str]]:
        """Yield numbers, from 0 as documents were added, and texts in the order of the digests."""
        for spool in self._spools:
            for record in sorted(spool.take()):
                yield int.from_bytes(record[32:40], "big"), record[40:].decode()
