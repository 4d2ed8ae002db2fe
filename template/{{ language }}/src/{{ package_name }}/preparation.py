"""From documents to a data set: divided by hash, put in an order fixed by hash, cut into records.

Each split becomes one stream of tokens: the tokenizer's start, the first document, its end, the
start, the second, and so on. Where one token is both, it stands once between two documents. A
record is a fixed number of consecutive tokens of the stream, whatever sequence length they are read
with.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from .errors import UserError
from .reporting.byte_progress import ByteProgress
from .sources import Source
from .storage.dataset import DataSet
from .storage.dataset_writer import DataSetWriter
from .storage.splitting import SPLITS, Splitter, split_lines
from .tokenization.keeping import keep_tokenizer, read_tokenizer
from .tokenization.tokenizer import Ids, Tokenizer, describe
from .tokenization.training import train_tokenizer
from .tokenizer import TOKENIZER

PERCENT = (90, 5, 5)  # of the bytes are for training, validation, and the test

CHUNK_TOKENS = 4096
_BATCH_BYTES = 4 * 2**20  # of text are encoded at a time


def write_text(
    writer: DataSetWriter, source: Source, *, seq_len: int, progress: bool
) -> dict[str, Any]:
    """Write the splits of a source.

    They have their shares of all bytes, as nearly as whole documents allow. Memory stays bounded by
    the longest document and some 50 bytes for each document, 150 where repeated ones are dropped;
    disk use peaks at about the size of the compressed text beyond that of the data set.

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
    tokenizer = TOKENIZER if source.tokenizer is None else read_tokenizer(source.tokenizer)
    documents, order, empty = writer.spool(), array("Q"), 0
    seen, repeated = set[bytes](), 0
    splitter = Splitter(PERCENT, "the document")
    with ByteProgress("reading text", source.size(), enabled=progress) as bar:
        for _, text in source.documents(bar.advance):
            if not text.strip():
                empty += 1
                continue
            data = text.encode()
            digest = hashlib.sha256(data).digest()
            if source.dedup:
                if digest in seen:
                    repeated += 1
                    continue
                seen.add(digest)
            splitter.add(digest, size=len(data))
            order.append(int.from_bytes(digest[:8], "big"))
            documents.add(data)
            if len(order) == source.max_documents:
                break
    if not order:
        raise UserError(f"the source holds no text ({empty} empty documents)")
    splits, division = splitter.divide()
    stored, counts = documents.take(), {}
    in_order = np.argsort(np.array(order), kind="stable").tolist()

    def texts(split: str) -> Iterator[bytes]:
        return (stored[number] for number in in_order if splits[number] == split)

    if source.train_tokenizer is not None:
        folder = writer.scratch / "trained"
        train_tokenizer(map(bytes.decode, texts("train")), source.train_tokenizer, folder)
        tokenizer = read_tokenizer(folder)
    keep_tokenizer(tokenizer, writer.scratch)
    with ByteProgress("writing tokens", documents.bytes, enabled=progress) as bar:
        for split in SPLITS:
            counts[split] = _write_stream(writer, split, texts(split), tokenizer, bar)
    _check_enough(counts, seq_len)
    return {
        "kind": "text",
        "source": source.name,
        **describe(tokenizer),
        "chunk_tokens": CHUNK_TOKENS,
        "dtype": _dtype(tokenizer),
        "empty_documents": empty,
        "repeated_documents": repeated,
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
    lines.append(f"  tokenizer {info['tokenizer']}, {info['vocab_size']:,} ids")
    total, told = (
        sum(split[name] for split in info["splits"].values())
        for name in ("bytes", "bytes_of_tokens")
    )
    if told != total:
        lines.append(f"  it does not keep all of the text: {told:,} bytes of {total:,}")
    if info["empty_documents"]:
        lines.append(f"  {info['empty_documents']:,} empty documents were skipped")
    if info["repeated_documents"]:
        lines.append(f"  {info['repeated_documents']:,} repeated documents were dropped")
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
    writer: DataSetWriter,
    split: str,
    texts: Iterable[bytes],
    tokenizer: Tokenizer,
    bar: ByteProgress,
) -> dict[str, int]:
    """Write documents as one stream of tokens, and count what is in it."""
    counts = Counter(documents=0, bytes=0, tokens=0, bytes_of_tokens=0)
    dtype = _dtype(tokenizer)
    waiting = np.empty(0, dtype)  # what is not written yet
    for tokens in _encoded(texts, tokenizer, counts, bar):
        waiting = np.concatenate([waiting, tokens], dtype=dtype, casting="unsafe")
        whole = len(waiting) // CHUNK_TOKENS * CHUNK_TOKENS
        for start in range(0, whole, CHUNK_TOKENS):
            writer.write(split, waiting[start : start + CHUNK_TOKENS].tobytes())
        waiting = waiting[whole:]
    if len(waiting):
        writer.write(split, waiting.tobytes())
    return dict(counts)


def _encoded(
    texts: Iterable[bytes], tokenizer: Tokenizer, counts: Counter[str], bar: ByteProgress
) -> Iterator[Ids]:
    """The tokens of documents, many documents at a time, so that all cores have something to do."""
    start, end = (np.array([token], np.int32) for token in (tokenizer.start, tokenizer.end))
    shared = tokenizer.start == tokenizer.end  # then the start of a document ends the one before
    after = [] if shared else [end]
    for batch in _batches(texts):
        encoded = tokenizer.encode_batch([data.decode() for data in batch])
        tokens = np.concatenate([part for ids in encoded for part in (start, ids, *after)])
        size = sum(map(len, batch))
        told = int(tokenizer.sizes[tokens].sum()) - tokenizer.added * sum(map(bool, batch))
        counts.update(documents=len(batch), bytes=size, tokens=len(tokens), bytes_of_tokens=told)
        bar.advance(size)
        yield tokens
    if shared:
        counts.update(tokens=1)
        yield end


def _batches(texts: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch, size = [], 0
    for data in texts:
        batch.append(data)
        size += len(data)
        if size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _dtype(tokenizer: Tokenizer) -> str:
    return "<u2" if tokenizer.vocab_size <= 2**16 else "<u4"
