"""What a run asks of its data, and what data may tell or do beyond that.

Data that satisfies `DataSettings` works in every command; the other protocols are optional, each by
itself. `IndexedData` (``indexed_data.py``) does most of the work where examples are read by number.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

from .prepared_data import PreparedData


@runtime_checkable
class DataSettings(Protocol):
    """Settings of a data set, which know how to read it.

    A batch is a dictionary of numpy arrays whose leading axis holds this process's share of
    `batch_size` examples. Where examples are made of tokens, a property `tokens_per_batch` says how
    many there are in a global batch, and rates are given in tokens rather than examples.
    """

    batch_size: int

    def train_batches(self, *, seed: int, process: int, processes: int) -> Iterable[dict[str, Any]]:
        """Endless shuffled batches, such as a Grain dataset.

        Their iterator is `storage.checkpoints.Resumable`: ``get_state()`` gives its position as
        JSON, the same on every process, and ``set_state(position)`` goes there.
        """
        ...

    def eval_batches(
        self, split: str, *, limit: int | None, process: int, processes: int
    ) -> Iterable[dict[str, Any]]:
        """The batches of a held-out split (``validation`` or ``test``), in a fixed order.

        There are at most `limit` of them, and equally many on every process.
        """
        ...


@runtime_checkable
class TellsOrigins(Protocol):
    """Data that can tell what a training batch is made of, once a run could not learn from it."""

    def origins(self, numbers: Iterable[int], *, seed: int) -> Iterable[list[str]]:
        """For each batch, where its examples come from.

        Args:
            numbers: Which of the batches of all processes together; the first is 1.
            seed: That of `train_batches`.
        """
        ...


@runtime_checkable
class Fingerprinted(Protocol):
    """Data that a resumed run can tell from other data."""

    def fingerprint(self) -> str:
        """A digest of the content, taken at each start of a run.

        Names, sizes and dates of files are not enough: a value that is overwritten may change none
        of them, and a mere copy changes the dates. The SHA-256 of the files
        (`hashlib.file_digest`) takes about a second a gigabyte. For much more data than that, let
        the program that writes the files leave their digests beside them, and digest these.
        """
        ...


@runtime_checkable
class Described(Protocol):
    """Data that models are fitted to; see `FitsData`."""

    def info(self) -> Mapping[str, Any]:
        """What follows from the data, such as the classes, in JSON's types.

        A run keeps it, so that its model can be used where the data is not.
        """
        ...


@runtime_checkable
class KeepsFiles(Protocol):
    """Data that a model cannot be used without, such as its tokenizer."""

    def keep_files(self, run: Path) -> None:
        """Copy what is needed of the data into the folder of a run, at each start of it.

        Raises:
            UserError: The run was started with something else.
        """


@runtime_checkable
class KnowsModels(Protocol):
    """Data that means something only to models of the same kind, such as with its tokenizer."""

    def check_run(self, run: Path, what: str) -> None:
        """Check that the model of another run knows this data.

        Args:
            run: The folder of the run.
            what: What it is to this one, the beginning of the message.

        Raises:
            UserError: It was trained with something else.
        """
        ...


@runtime_checkable
class Prepares(Protocol):
    """Data that the `prepare` command writes, and `train` where there is none yet.

    If it does not say so itself, its fingerprint and its `info` are those of the data set (see
    ``storage/dataset.py``) in `directory`: up to 0.2, projects had no `PreparedData`.
    """

    directory: str

    def exists(self) -> bool:
        """Whether it stands in `directory`."""
        ...

    def prepare(self, source: Any, *, overwrite: bool, progress: bool) -> str:
        """Write what `sources.py` describes to `directory`, and return a summary of it."""
        ...

    def prepare_sample(self, *, progress: bool) -> str:
        """Write the bundled sample to `directory`, and return a summary of it."""
        ...


def fingerprint_of(data: Any) -> str | None:
    """The digest of the data; None where it has none."""
    if isinstance(data, Fingerprinted):
        return data.fingerprint()
    return PreparedData.fingerprint(cast(Any, data)) if isinstance(data, Prepares) else None


def info_of(data: Any) -> Mapping[str, Any]:
    """What the data says of itself; nothing where it says nothing."""
    if isinstance(data, Described):
        return data.info()
    return PreparedData.info(cast(Any, data)) if isinstance(data, Prepares) else {}
