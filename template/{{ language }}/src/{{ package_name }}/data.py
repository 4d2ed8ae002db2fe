"""What an example is, and where examples come from.

A data set of text is one stream of tokens per split (see ``preparation.py``), cut into windows of
``seq_len`` targets. Windows are cut without regard to documents: a window may hold the end of one
document, several short ones and the beginning of another. What crosses a document's boundary: the
prediction that it ends (the target at a document's last token is ``DOCUMENT``). What does not:
attention and positions, since the model lets a token see only tokens of its own segment, and
positions restart with each document. Nothing at all crosses from one window to the next.

Which windows form the batch of a step stands in ``training/indexed_data.py``.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Int32
from pydantic import Field

from . import preparation, sources
from .errors import UserError
from .tokenizer import DOCUMENT, PAD, TOKENIZER
from .training.indexed_data import Draws, Numbers
from .training.prediction import Arrays
from .training.prepared_data import PreparedData
from .windows import Windows


class TextData(PreparedData):
    """A prepared data set of text and how it is read.

    Attributes:
        directory: Where the prepared data set stands.
        seq_len: Targets in an example.
        batch_size: Examples in a batch, over all processes together.
        threads: Threads that read ahead.
    """

    directory: str = "data/text"
    seq_len: int = Field(default=256, ge=1)

    @property
    def tokens_per_batch(self) -> int:
        """Targets in a batch, over all processes together."""
        return self.batch_size * self.seq_len

    def prepare(self, source: sources.Source, *, overwrite: bool, progress: bool) -> str:
        """Write the data set, and return a summary of it.

        Raises:
            UserError: The source cannot be read or is too small, or the data set not be written.
        """
        data_set = preparation.prepare_text(
            source,
            Path(self.directory),
            seq_len=self.seq_len,
            overwrite=overwrite,
            progress=progress,
        )
        return preparation.summary(data_set)

    def prepare_sample(self, *, progress: bool) -> str:
        """Write the bundled sample as the data set, and return a summary of it."""
        return self.prepare(sources.sample(), overwrite=False, progress=progress)

    def examples(self, split: str) -> "TextExamples":
        """The windows of a split.

        Raises:
            UserError: The data set is not there, or does not fit tokenizer and `seq_len`.
        """
        data_set = self.open("text")
        info = data_set.info
        if (info["tokenizer"], info["vocab_size"]) != (TOKENIZER.name, TOKENIZER.vocab_size):
            raise UserError(
                f"{self.directory} was prepared with tokenizer {info['tokenizer']!r} "
                f"({info['vocab_size']} ids), the project's is {TOKENIZER.name!r} "
                f"({TOKENIZER.vocab_size} ids): prepare it again with --overwrite"
            )
        chunks = data_set.source(split)
        tokens = info["splits"][split]["tokens"]
        if tokens <= self.seq_len:
            raise UserError(
                f"data.seq_len {self.seq_len} is too long: the {split} split of {self.directory} "
                f"has {tokens} tokens"
            )
        return TextExamples(
            Windows(
                chunks,
                chunk_tokens=info["chunk_tokens"],
                tokens=tokens,
                dtype=info["dtype"],
                seq_len=self.seq_len,
                pad=PAD,
            )
        )


class TextExamples:
    """Windows of text as batches."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows

    def __len__(self) -> int:
        """How many windows."""
        return len(self._windows)

    def read(self, numbers: Numbers, draws: Draws | None = None) -> Arrays:
        """Make a batch; nothing about a text is varied."""
        return make_batch(self._windows.read(numbers))


def make_batch(windows: Int32[np.ndarray, "batch window"]) -> Arrays:
    """Turn windows of ``seq_len + 1`` tokens into the arrays that the model and the loss need.

    Args:
        windows: Token ids, ``PAD`` beyond the end of the split.

    Returns:
        Arrays of shape (batch, seq_len): ``tokens``; ``targets``, the token that follows each;
        ``segments``, the number of the token's document within the window, from 1 (0 for padding);
        ``positions``, the token's place within that document's part of the window, from 0; and
        ``weights`` (float32), 1 for a target that counts and 0 for padding.
    """
    tokens, targets = windows[:, :-1], windows[:, 1:]
    begins = tokens == DOCUMENT
    begins[:, 0] = True  # a document that continues from the window before
    real = tokens != PAD
    places = np.arange(tokens.shape[1], dtype=np.int32)
    starts = np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    return {
        "tokens": np.ascontiguousarray(tokens),
        "targets": np.ascontiguousarray(targets),
        "segments": np.cumsum(begins, axis=1, dtype=np.int32) * real,
        "positions": ((places - starts) * real).astype(np.int32),
        "weights": (targets != PAD).astype(np.float32),
    }
