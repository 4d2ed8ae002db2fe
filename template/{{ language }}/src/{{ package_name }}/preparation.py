"""From documents to a data set: divided by hash, put in an order fixed by hash, cut into records.

Each split becomes one stream of tokens: ``DOCUMENT``, the first document, ``DOCUMENT``, the
second, ..., and a last ``DOCUMENT`` that ends the last one. A record is a fixed number of
consecutive tokens of the stream, whatever sequence length they are read with later.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

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


def write_text(
    writer: DataSetWriter, source: Source, *, seq_len: int, progress: bool
) -> dict[str, Any]:
    """Write the splits of a source.

    They have their shares of all bytes, as nearly as whole documents allow. Memory stays bounded by
    the longest document and some 50 bytes for each document; disk use peaks at about the size of
    the compressed text beyond that of the data set.

    Args:
        writer: Where they go.
        source: The documents.
        seq_len: Targets in a sequence; each split must fill one.
        progress: Show progress on standard error.

    Returns:
        What the data set is to remember.

    Raises:
        UserError: A document cannot be read, there is too little text, or a file cannot be written.
    """
    documents, order, empty = writer.spool(), array("Q"), 0
    splitter = Splitter(PERCENT, "the document")
    with ByteProgress("reading text", source.size(), enabled=progress) as bar:
        for _, text in source.documents(bar.advance):
            if not text.strip():
                empty += 1
                continue
            data = text.encode()
            digest = hashlib.sha256(data).digest()
            splitter.add(digest, size=len(data))
            order.append(int.from_bytes(digest[:8], "big"))
            documents.add(data)
    if not order:
        raise UserError(f"the source holds no text ({empty} empty documents)")
    splits, division = splitter.divide()
    stored, counts = documents.take(), {}
    in_order = np.argsort(np.array(order), kind="stable").tolist()
    with ByteProgress("writing tokens", documents.bytes, enabled=progress) as bar:
        for split in SPLITS:
            texts = (stored[number] for number in in_order if splits[number] == split)
            counts[split] = _write_stream(writer, split, texts, bar)
    _check_enough(counts, seq_len)
    return {
        "kind": "text",
        "source": source.name,
        "tokenizer": TOKENIZER.name,
        "vocab_size": TOKENIZER.vocab_size,
        "chunk_tokens": CHUNK_TOKENS,
        "dtype": DTYPE,
        "empty_documents": empty,
        "split": division,
        "splits": counts,
    }


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


def _check_enough(counts: dict[str, dict[str, int]], seq_len: int) -> None:
    for split, found in counts.items():
        if found["tokens"] <= seq_len:
            raise UserError(
                f"the {split} split has {found['documents']} documents with {found['tokens']} "
                f"tokens, less than one sequence of seq_len {seq_len} and its last target: give "
                "more documents, cut long ones by --max-document-bytes, or shorten data.seq_len"
            )


def _write_stream(
    writer: DataSetWriter, split: str, texts: Iterable[bytes], bar: ByteProgress
) -> dict[str, int]:
    """Write documents as one stream of tokens, and count what is in it."""
    counts = Counter(documents=0, bytes=0, tokens=1)  # the end of the last document
    stream = np.empty(0, DTYPE)  # what is not written yet
    for data in texts:
        tokens = TOKENIZER.encode(data.decode())
        stream = np.concatenate([stream, [DOCUMENT], tokens]).astype(DTYPE)
        while len(stream) > CHUNK_TOKENS:
            writer.write(split, stream[:CHUNK_TOKENS].tobytes())
            stream = stream[CHUNK_TOKENS:]
        counts.update(documents=1, bytes=len(data), tokens=1 + len(tokens))
        bar.advance(len(data))
    stream = np.append(stream, DOCUMENT).astype(DTYPE)
    for start in range(0, len(stream), CHUNK_TOKENS):
        writer.write(split, stream[start : start + CHUNK_TOKENS].tobytes())
    return dict(counts)
