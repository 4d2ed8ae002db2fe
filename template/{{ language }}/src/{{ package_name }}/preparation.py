"""From documents to a data set: divided by hash, put in an order fixed by hash, cut into records.

Each split becomes one stream of tokens: the tokenizer's start, the first document, its end, the
start, the second, and so on. Where one token is both, it stands once between two documents. A
record is a fixed number of consecutive tokens of the stream, whatever sequence length they are read
with. See `gathering.py` for how documents come from a source.
"""

import contextlib
import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from .errors import UserError
from .gathering import Gathered, Part, together
from .reporting.byte_progress import ByteProgress
from .sources import Source
from .storage.ahead import ahead
from .storage.dataset import DataSet
from .storage.dataset_writer import DataSetWriter
from .storage.splitting import SPLITS, split_lines
from .storage.spool import Spool
from .tokenization.byte_tokenizer import BYTES
from .tokenization.keeping import keep_tokenizer, read_tokenizer
from .tokenization.storing import stored_dtype, to_stored
from .tokenization.tokenizer import Ids, Tokenizer, describe
from .tokenization.training import train_tokenizer
from .tokenizer import TOKENIZER

PERCENT = (90, 5, 5)  # of the bytes are for training, validation, and the test

CHUNK_BYTES = 8192  # of tokens in a record
_BATCH_BYTES = 2**20  # of text are encoded at a time
_SPECIAL = 2  # tokens beside those of a document's text, at most


def write_text(
    writer: DataSetWriter, source: Source, *, seq_len: int, progress: bool
) -> dict[str, Any]:
    """Write the splits of a source.

    They have their shares of all bytes, as nearly as whole documents allow. Memory stays bounded by
    a few megabytes of text and some 50 bytes for each document, 150 where repeated ones are
    dropped; disk use peaks at the size of the text beyond that of the data set.

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
    with contextlib.ExitStack() as stack:

        def spool(name: str) -> Spool:
            return stack.enter_context(contextlib.closing(Spool(writer.scratch / name)))

        gathered = Gathered(spool("texts"), PERCENT, source)
        with ByteProgress("reading text", source.size(), enabled=progress) as bar:
            gathered.read(bar.advance)
        gathered = gathered.cut_large(lambda: spool("pieces"))
        return _write_gathered(writer, source, gathered, tokenizer, seq_len, progress)


def _write_gathered(
    writer: DataSetWriter,
    source: Source,
    gathered: Gathered,
    tokenizer: Tokenizer,
    seq_len: int,
    progress: bool,
) -> dict[str, Any]:
    splits, division = gathered.splitter.divide()
    in_order = gathered.order()
    counts: dict[str, Any] = {}

    def parts(split: str) -> Iterator[Part]:
        documents = (number for number in in_order if splits[number] == split)
        return itertools.chain.from_iterable(map(gathered.parts, documents))

    at_most = {
        split: _SPECIAL * division["counts"][split] + size
        for split, size in gathered.sizes(splits).items()
    }
    if tokenizer is TOKENIZER or source.train_tokenizer is not None:  # a token is a byte or more
        _check_enough(division["counts"], at_most, seq_len, "at most ")
    if source.train_tokenizer is not None:
        folder = writer.scratch / "trained"
        train = (part.text.decode() for part in parts("train"))
        train_tokenizer(train, source.train_tokenizer, folder)
        tokenizer = read_tokenizer(folder)
    keep_tokenizer(tokenizer, writer.scratch)
    with ByteProgress("writing tokens", gathered.bytes, enabled=progress) as bar:
        for split in SPLITS:
            counts[split] = _write_stream(writer, split, parts(split), tokenizer, bar)
    tokens = {split: found["tokens"] for split, found in counts.items()}
    _check_enough(division["counts"], tokens, seq_len)
    return {
        "kind": "text",
        "source": source.name,
        **describe(tokenizer),
        "chunk_tokens": _chunk_tokens(tokenizer),
        "dtype": stored_dtype(tokenizer),
        "reading": dataclasses.asdict(source.reading),
        **gathered.told(),
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
    files: Mapping[str, int] = info.get("files", {})
    one = sum(files.values()) == 1
    lines += [f"  read as {'' if one else f'{n:,} files: '}{way}" for way, n in files.items()]
    lines += _passed_over(info)
    return "\n".join(lines)


def _passed_over(info: Mapping[str, Any]) -> list[str]:
    """What became of documents that are not there as they were read."""
    lines, cut = [], info.get("cut", {"documents": 0, "pieces": 0})
    if cut["pieces"] > cut["documents"]:
        lines.append(
            f"  long documents were cut at ends of lines, {cut['documents']:,} into "
            f"{cut['pieces']:,} of at most {cut['bytes']:,} bytes (see --max-document-bytes)"
        )
    if info.get("without_text"):
        lines.append(f"  {info['without_text']:,} lines or rows without a text were skipped")
    if info["empty_documents"]:
        lines.append(f"  {info['empty_documents']:,} empty documents were skipped")
    if info["repeated_documents"]:
        dropped = info.get("dropped_repeated", True)
        what = "were dropped" if dropped else "are kept (--dedup drops them)"
        lines.append(f"  {info['repeated_documents']:,} repeated documents {what}")
    return lines


def _check_enough(
    documents: Mapping[str, int], tokens: Mapping[str, int], seq_len: int, at_most: str = ""
) -> None:
    for split, found in tokens.items():
        if found <= seq_len:
            raise UserError(
                f"the {split} split has {documents[split]} documents with {at_most}{found} tokens, "
                f"less than one sequence of seq_len {seq_len} and its last target: give more text, "
                "or shorten data.seq_len"
            )


def _write_stream(
    writer: DataSetWriter,
    split: str,
    parts: Iterable[Part],
    tokenizer: Tokenizer,
    bar: ByteProgress,
) -> dict[str, int]:
    """Write documents as one stream of tokens, and count what is in it."""
    counts = Counter(documents=0, bytes=0, tokens=0, bytes_of_tokens=0)
    dtype, chunk = stored_dtype(tokenizer), _chunk_tokens(tokenizer)
    waiting = np.empty(0, dtype)  # what is not written yet
    for tokens in ahead(_encoded(parts, tokenizer, counts, bar)):
        waiting = np.concatenate([waiting, to_stored(tokens, dtype)])
        whole = len(waiting) // chunk * chunk
        for start in range(0, whole, chunk):
            writer.write(split, waiting[start : start + chunk].tobytes())
        waiting = waiting[whole:]
    if len(waiting):
        writer.write(split, waiting.tobytes())
    return dict(counts)


def _chunk_tokens(tokenizer: Tokenizer) -> int:
    return CHUNK_BYTES // np.dtype(stored_dtype(tokenizer)).itemsize


def _encoded(
    parts: Iterable[Part], tokenizer: Tokenizer, counts: Counter[str], bar: ByteProgress
) -> Iterator[Ids]:
    """The tokens of documents, many parts at a time, so that all cores have something to do."""
    start, end = (np.array([token], np.int32) for token in (tokenizer.start, tokenizer.end))
    shared = tokenizer.start == tokenizer.end  # then the start of a document ends the one before
    for batch in together(parts, _BATCH_BYTES):
        encoded = tokenizer.encode_batch([part.text.decode() for part in batch])
        pieces = list[Ids]()
        for part, ids in zip(batch, encoded, strict=True):
            pieces += [start, ids] if part.begins else [ids]
            pieces += [end] if part.ends and not shared else []
        tokens, size = np.concatenate(pieces), sum(len(part.text) for part in batch)
        told = _bytes_of(tokens, tokenizer) - tokenizer.added * len(batch)
        documents = sum(part.begins for part in batch)
        counts.update(documents=documents, bytes=size, tokens=len(tokens), bytes_of_tokens=told)
        bar.advance(size)
        yield tokens
    if shared:
        counts.update(tokens=1)
        yield end


def _bytes_of(tokens: Ids, tokenizer: Tokenizer) -> int:
    """How many bytes of text some tokens stand for."""
    if tokenizer is TOKENIZER:
        return int(np.count_nonzero(tokens < BYTES))
    counts = np.bincount(tokens, minlength=len(tokenizer.sizes))
    return int(counts @ tokenizer.sizes.astype(np.int64))
