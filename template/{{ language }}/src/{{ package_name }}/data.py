"""What an example is, and where examples come from.

A data set of text is one stream of tokens per split (see ``preparation.py``), cut into windows of
``seq_len`` targets. Windows are cut without regard to documents: a window may hold the end of one
document, several short ones and the beginning of another. What crosses a document's boundary: the
prediction that it ends (the target at a document's last token is ``DOCUMENT``). What does not:
attention and positions, since the model lets a token see only tokens of its own segment, and
positions restart with each document. Nothing at all crosses from one window to the next.

Which windows form the batch of a step follows from the seed and the step alone: not from the
number of processes, of threads, or of interruptions.
"""

from collections.abc import Iterator
from pathlib import Path

import grain
import numpy as np
from jaxtyping import Int32, Num
from pydantic import Field

from . import preparation, sources
from .errors import UserError
from .settings import Settings
from .storage.dataset import DataSet, holds_data_set
from .tokenizer import DOCUMENT, PAD, TOKENIZER
from .windows import Windows

Batch = dict[str, Num[np.ndarray, "batch seq_len"]]


class TextData(Settings):
    """A prepared data set of text and how it is read.

    Attributes:
        directory: Where the prepared data set stands.
        seq_len: Targets in an example.
        batch_size: Examples in a batch, over all processes together.
        threads: Threads that read ahead.
    """

    directory: str = "data/text"
    seq_len: int = Field(default=256, ge=1)
    batch_size: int = Field(default=16, ge=1)
    threads: int = Field(default=2, ge=1)

    @property
    def tokens_per_batch(self) -> int:
        """Targets in a batch, over all processes together."""
        return self.batch_size * self.seq_len

    def exists(self) -> bool:
        """Whether a data set was completed in ``directory``."""
        return holds_data_set(Path(self.directory))

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

    def train_batches(self, *, seed: int, process: int, processes: int) -> grain.IterDataset:
        """Endless shuffled batches of this process.

        The state of the iterator is the number of batches taken. Each epoch has an order of its
        own, and a batch may hold the end of one epoch and the beginning of the next.

        Args:
            seed: Of the order, from 0 to 2**32 - 1.
            process: Number of this process.
            processes: How many there are. The batches of all processes at a step are together the
                batch that a single process would get: examples ``process``, ``process +
                processes``, ... of it.
        """
        per_process = self._per_process(processes)
        windows = self._windows("train")
        # What is shuffled and batched is numbers of windows; a batch is then read at once.
        numbers = grain.MapDataset.range(len(windows)).seed(seed).shuffle().repeat()
        return (
            numbers[process::processes]
            # Nothing remains of an endless data set; without this its length overflows at size 1.
            .batch(per_process, drop_remainder=True)
            .map(lambda batch: make_batch(windows.read(batch)))
            .to_iter_dataset(
                grain.ReadOptions(num_threads=self.threads, prefetch_buffer_size=4 * self.threads)
            )
        )

    def eval_batches(
        self, split: str, *, limit: int | None, process: int, processes: int
    ) -> "EvaluationBatches":
        """A split in a fixed order, cut into batches for this process.

        Args:
            split: ``validation`` or ``test`` (or ``train``).
            limit: At most so many batches, spread evenly over the split; None takes all of it.
            process: Number of this process.
            processes: How many there are; each gets the same number of batches.
        """
        if limit is not None and limit < 1:
            raise UserError(f"evaluation needs at least one batch, not {limit}")
        return EvaluationBatches(
            self._windows(split), self._per_process(processes), limit, process, processes
        )

    def _per_process(self, processes: int) -> int:
        if self.batch_size % processes:
            raise UserError(
                f"data.batch_size {self.batch_size} does not divide among {processes} processes"
            )
        return self.batch_size // processes

    def _windows(self, split: str) -> Windows:
        data_set = DataSet.open(Path(self.directory))
        info = data_set.info
        if info.get("kind") != "text":
            raise UserError(f"{self.directory} holds no text but {info.get('kind', 'other data')}")
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
        return Windows(
            chunks,
            chunk_tokens=info["chunk_tokens"],
            tokens=tokens,
            dtype=info["dtype"],
            seq_len=self.seq_len,
            pad=PAD,
        )


class EvaluationBatches:
    """Batches in a fixed order, made while they are iterated over, as often as you like.

    The last batch is filled up with examples of weight 0, unless a limit chose whole batches.
    """

    def __init__(
        self,
        windows: Windows,
        per_process: int,
        limit: int | None,
        process: int,
        processes: int,
    ) -> None:
        """Choose the windows; see ``TextData.eval_batches``."""
        batch_size = per_process * processes
        everything = -(-len(windows) // batch_size)
        if limit is None or limit >= everything:
            chosen = np.full(everything * batch_size, -1)
            chosen[: len(windows)] = np.arange(len(windows))
        else:
            chosen = np.arange(limit * batch_size) * len(windows) // (limit * batch_size)
        self._windows = windows
        self._chosen = chosen.reshape(-1, per_process, processes)[:, :, process]

    def __len__(self) -> int:
        """How many batches."""
        return len(self._chosen)

    def __iter__(self) -> Iterator[Batch]:
        """Make the batches one by one."""
        for numbers in self._chosen:
            yield make_batch(self._windows.read(numbers))


def make_batch(windows: Int32[np.ndarray, "batch window"]) -> Batch:
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
