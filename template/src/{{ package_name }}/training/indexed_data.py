"""Batches of examples that are read by number: which of them form the batch of a step.

That follows from the seed and the step alone: not from the number of processes, of threads, or of
interruptions. What an example is made of is the task's to say.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, ClassVar, Protocol, runtime_checkable

import grain
import numpy as np
from jaxtyping import Float, Int
from pydantic import Field

from ..errors import UserError
from ..settings import FREE, Settings, Size
from .prediction import Arrays

Numbers = Int[np.ndarray, " batch"]
Draws = Float[np.ndarray, "batch draws"]


@runtime_checkable
class Examples(Protocol):
    """The examples of a split, in random access."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def read(self, numbers: Numbers, draws: Draws | None = None) -> Arrays:
        """Make a batch.

        Args:
            numbers: Numbers of examples from 0; -1 stands for padding, an example of weight 0.
            draws: In training, random numbers from [0, 1) for each example: as many as the data
                settings' `DRAWS`, None for none.

        Returns:
            Arrays with a leading axis ``batch``, ``weights`` (float32) among them.
        """
        ...


@runtime_checkable
class Located(Protocol):
    """Examples that can tell where they come from."""

    def locate(self, number: int) -> str:
        """Where an example comes from, such as a file and a place in it."""
        ...


class ArrayExamples:
    """Examples held in memory: arrays with a leading axis of examples, `weights` among them."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays

    def __len__(self) -> int:
        """How many examples."""
        return len(self._arrays["weights"])

    def read(self, numbers: Numbers, draws: Draws | None = None) -> Arrays:
        """Make a batch; nothing is varied."""
        batch = {name: array[np.maximum(numbers, 0)] for name, array in self._arrays.items()}
        batch["weights"][numbers < 0] = 0
        return batch


class IndexedData(Settings):
    """Data whose examples are read by number; `examples` says what they are.

    Attributes:
        batch_size: Examples in a batch, over all processes together.
        threads: Threads that read ahead.
        DRAWS: Random numbers that varying a training example takes.
    """

    batch_size: Size = 16
    threads: Annotated[int, FREE] = Field(default=2, ge=1, le=1024)

    DRAWS: ClassVar[int] = 0

    @abstractmethod
    def examples(self, split: str) -> Examples:
        """The examples of ``train``, ``validation`` or ``test``.

        Raises:
            UserError: They are not there, or do not fit these settings.
        """

    def training_examples(self) -> Examples:
        """What batches of training are made of: the examples of ``train``, unless it is replaced.

        Raises:
            UserError: As `examples` does.
        """
        return self.examples("train")

    def train_batches(self, *, seed: int, process: int, processes: int) -> grain.IterDataset:
        """Endless shuffled batches of this process.

        The state of the iterator is the number of batches taken. Each epoch has an order of its
        own, and a batch may hold the end of one epoch and the beginning of the next.

        Args:
            seed: Of the order and the draws, from 0 to 2**32 - 1.
            process: Number of this process.
            processes: How many there are. The batches of all processes at a step are together the
                batch that a single process would get: examples ``process``, ``process +
                processes``, ... of it.
        """
        per_process = self._per_process(processes)
        examples, count = self.training_examples(), self.DRAWS

        def draw(number: Any, rng: np.random.Generator) -> tuple[Any, Float[np.ndarray, " draws"]]:
            return number, rng.random(count)

        # What is shuffled and batched is numbers of examples; a batch is then read at once. Draws
        # come before the share of a process, so that they follow from the place in the order.
        numbers = _order(examples, seed)
        drawn = numbers.random_map(draw) if count else numbers.map(lambda number: (number,))
        # An endless data set has no remainder; without this its length overflows at size 1.
        batches = drawn[process::processes].batch(per_process, drop_remainder=True)
        return batches.map(lambda batch: examples.read(*batch)).to_iter_dataset(self._reading)

    def origins(self, numbers: Iterable[int], *, seed: int) -> Iterator[list[str]]:
        """For each training batch, where its examples come from.

        Args:
            numbers: Which of the batches of all processes together; the first is 1.
            seed: That of `train_batches`.
        """
        examples = self.training_examples()
        order = _order(examples, seed)
        for number in numbers:
            places = range((number - 1) * self.batch_size, number * self.batch_size)
            held: list[Any] = [order[place] for place in places]
            yield [locate(examples, int(each)) for each in held]

    def eval_batches(
        self, split: str, *, limit: int | None, process: int, processes: int
    ) -> grain.IterDataset:
        """A split in a fixed order, cut into batches for this process.

        The last batch is filled up with examples of weight 0, unless a limit chose whole batches.

        Args:
            split: ``validation`` or ``test`` (or ``train``).
            limit: At most so many batches, spread evenly over the split; None takes all of it.
            process: Number of this process.
            processes: How many there are; each gets the same number of batches.
        """
        if limit is not None and limit < 1:
            raise UserError(f"evaluation needs at least one batch, not {limit}")
        per_process, examples = self._per_process(processes), self.examples(split)
        count = len(examples)
        batches = -(-count // self.batch_size)
        chosen = np.arange(min(limit or batches, batches) * self.batch_size)
        if len(chosen) < count:
            chosen = chosen * count // len(chosen)
        chosen[chosen >= count] = -1
        shares = list(chosen.reshape(-1, per_process, processes)[:, :, process])
        return grain.MapDataset.source(shares).map(examples.read).to_iter_dataset(self._reading)

    @property
    def _reading(self) -> grain.ReadOptions:
        return grain.ReadOptions(num_threads=self.threads, prefetch_buffer_size=4 * self.threads)

    def _per_process(self, processes: int) -> int:
        if self.batch_size % processes:
            raise UserError(
                f"data.batch_size {self.batch_size} does not divide among {processes} processes"
            )
        return self.batch_size // processes


def locate(examples: Examples, number: int) -> str:
    """Where an example comes from: its number, where the examples tell no more."""
    return examples.locate(number) if isinstance(examples, Located) else f"example {number}"


def _order(examples: Examples, seed: int) -> grain.MapDataset:
    """The numbers of the examples as training takes them, endlessly."""
    return grain.MapDataset.range(len(examples)).seed(seed).shuffle().repeat()
