"""What an example is, and where examples come from.

A data set of text is one stream of tokens per split (see ``preparation.py``), made by the tokenizer
that the data set keeps and cut into windows of ``seq_len`` targets. Windows are cut without regard
to documents: a window may hold the end of one document, several short ones and the beginning of
another. What crosses a document's boundary: the prediction that it ends (the target at a document's
last token is the tokenizer's `end`). What does not: attention and positions, since the model lets a
token see only tokens of its own segment, and positions restart with each document. Nothing at all
crosses from one window to the next.

Which windows form the batch of a step stands in ``training/indexed_data.py``.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Int32, Integer

from . import preparation, sources
from .errors import UserError
from .settings import Size
from .storage.dataset import DataSet
from .storage.dataset_writer import DataSetWriter
from .tokenization.fitting import TokenizedData
from .tokenization.storing import from_stored
from .tokenization.tokenizer import Tokenizer
from .training.indexed_data import Draws, Numbers
from .training.prediction import Arrays

_BEGINNING = 16  # tokens of a document that tell which it is


class TextData(TokenizedData):
    """A prepared data set of text and how it is read.

    Attributes:
        directory: Where the prepared data set stands.
        seq_len: Targets in an example.
        batch_size: Examples in a batch, over all processes together.
        threads: Threads that read ahead.
    """

    directory: str = "data/text"
    seq_len: Size = 256

    @property
    def tokens_per_batch(self) -> int:
        """Targets in a batch, over all processes together."""
        return self.batch_size * self.seq_len

    def prepare(self, source: sources.Source, *, overwrite: bool, progress: bool) -> str:
        """Write the data set, and return a summary of it.

        Raises:
            UserError: The source cannot be read or is too small, or the data set not be written.
        """
        with DataSetWriter(Path(self.directory), overwrite=overwrite) as writer:
            info = preparation.write_text(writer, source, seq_len=self.seq_len, progress=progress)
            return preparation.summary(writer.commit(info))

    def prepare_sample(self, *, progress: bool) -> str:
        """Write the bundled sample as the data set, and return a summary of it."""
        return self.prepare(sources.sample(), overwrite=False, progress=progress)

    def examples(self, split: str) -> "TextExamples":
        """The windows of a split.

        Raises:
            UserError: The data set is not there, or does not fit the run's tokenizer or `seq_len`.
        """
        data_set = self.open("text")
        examples = TextExamples(data_set, split, self.seq_len, self.tokenizer)
        if examples.tokens <= self.seq_len:
            raise UserError(
                f"data.seq_len {self.seq_len} is too long: the {split} split of {self.directory} "
                f"has {examples.tokens} tokens"
            )
        return examples


class TextExamples:
    """A split's stream of tokens as overlapping windows of ``seq_len + 1`` tokens.

    Window ``i`` is ``tokens[i * seq_len : (i + 1) * seq_len + 1]``: the last token of a window is
    the first of the next, so that each token but the very first is a target exactly once. The last
    window is padded. Only the records that a window touches are read.

    Attributes:
        tokens: How many there are in the stream.
    """

    def __init__(self, data_set: DataSet, split: str, seq_len: int, tokenizer: Tokenizer) -> None:
        self._records, self._info, self._seq_len = data_set.source(split), data_set.info, seq_len
        self._tokenizer = tokenizer
        self.tokens: int = data_set.info["splits"][split]["tokens"]

    def __len__(self) -> int:
        """How many windows hold at least one target."""
        return -(-(self.tokens - 1) // self._seq_len)

    def read(self, numbers: Numbers, draws: Draws | None = None) -> Arrays:
        """Make a batch; nothing about a text is varied."""
        windows = np.full((len(numbers), self._seq_len + 1), self._tokenizer.pad, np.int32)
        for row in np.flatnonzero(numbers >= 0):
            tokens = self._window(int(numbers[row]))
            windows[row, : len(tokens)] = tokens
        return make_batch(windows, self._tokenizer)

    def locate(self, number: int) -> str:
        """Where a window begins, and the beginnings of the documents in it."""
        start, tokens = number * self._seq_len, self._window(number)
        size, first = self._info["chunk_tokens"], self._tokenizer.start
        begins = [0, *(np.flatnonzero(tokens[1:-1] == first) + 1).tolist()]
        texts = [self._tokenizer.decode(tokens[at : at + _BEGINNING]) for at in begins]
        return f"{self._records.locate(start // size)}, token {start % size}: {texts}"

    def _window(self, number: int) -> Integer[np.ndarray, " window"]:
        """The tokens of a window, as far as there are any."""
        size, start = self._info["chunk_tokens"], number * self._seq_len
        stop = min(start + self._seq_len + 1, self.tokens)
        touched = range(start // size, (stop - 1) // size + 1)
        data = b"".join([self._records[at] for at in touched])
        return from_stored(data, self._info["dtype"])[start % size :][: stop - start]


def make_batch(windows: Int32[np.ndarray, "batch window"], tokenizer: Tokenizer) -> Arrays:
    """Turn windows of ``seq_len + 1`` tokens into the arrays that the model and the loss need.

    Args:
        windows: Token ids, padded beyond the end of the split.
        tokenizer: What they are ids of.

    Returns:
        Arrays of shape (batch, seq_len): ``tokens``; ``targets``, the token that follows each;
        ``segments``, the number of the token's document within the window, from 1 (0 for padding);
        ``positions``, the token's place within that document's part of the window, from 0;
        ``bytes``, how many the target stands for, 0 for special tokens; and ``weights`` (float32),
        1 for a target that counts, 0 for padding and for the start of the next document.
    """
    tokens, targets = windows[:, :-1], windows[:, 1:]
    starts_document = tokens == tokenizer.start
    begins = starts_document.copy()
    begins[:, 0] = True  # a document that continues from the window before
    real = tokens != tokenizer.pad
    counts = targets != tokenizer.pad
    if tokenizer.start != tokenizer.end:
        counts &= targets != tokenizer.start
    sizes = tokenizer.sizes[targets] - tokenizer.added * starts_document
    places = np.arange(tokens.shape[1], dtype=np.int32)
    starts = np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    return {
        "tokens": np.ascontiguousarray(tokens),
        "targets": np.ascontiguousarray(targets),
        "segments": np.cumsum(begins, axis=1, dtype=np.int32) * real,
        "positions": ((places - starts) * real).astype(np.int32),
        "bytes": np.maximum(sizes, 0).astype(np.int32),
        "weights": counts.astype(np.float32),
    }
