"""Checkpoints: the state and the position in the data, committed together by Orbax."""

import logging
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np
from jax.experimental import multihost_utils
from jaxtyping import PyTree
from orbax.checkpoint import v1 as ocp
from pydantic import Field

from ..errors import UserError
from ..files import move_aside
from ..settings import Settings
from .digests import DIGESTS, find_damage, write_digests

_logger = logging.getLogger(__name__)
# Orbax logs what it also raises, with its traceback and more than once.
logging.getLogger("absl").addFilter(lambda record: "orbax" not in record.pathname)

# Replicas share the work of writing an array by writing slices of it. Each slice is a program to
# dispatch and a piece of a file, so it has to be worth it.
_BYTES_PER_SLICE = 1 << 20

_WRITING = ".orbax-checkpoint-tmp"  # what Orbax adds to the name of a checkpoint not yet complete
_KNOWN = re.compile(rf"\d+({re.escape(_WRITING)}.*)?|damaged-.*")

Saved = Mapping[int, Mapping[str, float]]
"""The metrics that were saved with each checkpoint, by step."""


class CheckpointSettings(Settings):
    """When checkpoints are made and how many stay.

    Attributes:
        every: Steps between two checkpoints; the last step is always saved.
        keep: Newest checkpoints that are kept. Older ones are what a damaged one falls back to.
        digests: Keep the SHA-256 of every file with a checkpoint, and compare them before it is
            used. Each time all of it is read once more, at about 1.5 GB/s and core, when saving in
            the background; without, damage to a file may go unnoticed.
    """

    every: int = Field(default=250, ge=1)
    keep: int = Field(default=3, ge=1)
    digests: bool = True


@runtime_checkable
class Resumable(Protocol):
    """An iterator whose position can be saved, such as Grain's."""

    def get_state(self) -> dict[str, Any]:
        """The position, as JSON."""
        ...

    def set_state(self, state: dict[str, Any]) -> None:
        """Go to a position."""
        ...


class NoData:
    """The position of a run that has read no data."""

    def get_state(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Stay."""


class Restored(NamedTuple):
    """What a checkpoint holds.

    Attributes:
        step: Steps made.
        state: The state after them.
        hooks: What the run's hooks remember.
        lines: Lines of metrics up to this step; None in checkpoints of earlier releases.
    """

    step: int
    state: PyTree
    hooks: dict[str, Any]
    lines: int | None


class Checkpoints:
    """The checkpoints of one run directory, written in the background.

    A checkpoint is a directory that Orbax renames into place when it is complete: a killed process
    leaves the one before. The data position is the same on every process (they advance in step), so
    one copy is kept beside the state and a run may resume on another number of processes.

    Args:
        directory: Where they lie.
        settings: How many are kept.
        preserve: Steps to keep beside the newest ones, given the metrics of all checkpoints.
        read_only: Leave everything as it is: another process may be writing here.
    """

    def __init__(
        self,
        directory: Path,
        settings: CheckpointSettings,
        preserve: Callable[[Saved], Collection[int]] = lambda _: (),
        *,
        read_only: bool = False,
    ) -> None:
        self._directory = directory.absolute()
        self._read_only = read_only
        self._digests = settings.digests
        self._writing = 0
        context = ocp.Context()
        if settings.digests:
            # Called on the first process, once all have written, before the commit. Orbax makes
            # deep copies of its options: of a method, but not of a function.
            context.async_options.post_finalization_callback = lambda: write_digests(
                self._directory / f"{self._writing}{_WRITING}"
            )
        context.array_options.saving.min_slice_bytes_for_replica_parallel = _BYTES_PER_SLICE
        self._checkpointer = ocp.training.Checkpointer(
            str(self._directory),
            context=context,
            preservation_policy=_Preservation(settings.keep, preserve),
            cleanup_tmp_directories=not read_only,
        )

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        self._checkpointer.close()

    @property
    def saved(self) -> Saved:
        """The metrics of every checkpoint, by step."""
        return _saved(self._checkpointer.checkpoints)

    def save(
        self,
        step: int,
        state: PyTree,
        data: Resumable,
        *,
        metrics: Mapping[str, Mapping[str, float]] | None = None,
        hooks: Mapping[str, Any] | None = None,
        lines: int | None = None,
    ) -> None:
        """Copy the state off the devices and write it in the background.

        The state may be donated to the next step as soon as this returns. An error of the write
        before is raised here.

        Args:
            step: Steps made.
            state: The state after them.
            data: The iterator over the training batches, whose position is saved.
            metrics: Results of the evaluations after this step, by the evaluation's name.
            hooks: What the run's hooks remember.
            lines: Lines of metrics so far.
        """
        self._checkpointer.wait()
        self._writing = step
        numbers: Any = {
            f"{name}/{metric}": value
            for name, results in (metrics or {}).items()
            for metric, value in results.items()
            if math.isfinite(value)  # JSON knows no other numbers
        }
        self._checkpointer.save_checkpointables_async(
            step,
            {"state": state},
            force=True,
            metrics=numbers or None,
            custom_metadata={
                "data": data.get_state(),
                "hooks": dict(hooks or {}),
                "lines": lines,
            },
        )

    def restore(
        self, abstract: PyTree, data: Resumable | None = None, *, step: int | None = None
    ) -> Restored | None:
        """Load the newest checkpoint that can be read, and put `data` at its position.

        A damaged checkpoint is moved aside (``damaged-<step>``) and the one before is taken.

        Args:
            abstract: Shapes, dtypes and shardings to restore to; the mesh may be another than that
                of the run which saved.
            data: Iterator to reposition.
            step: Load this checkpoint and no other.

        Returns:
            What was loaded, or None where there is no checkpoint yet.

        Raises:
            UserError: There are checkpoints and none of them can be read.
        """
        self._tell_of_strangers()
        damaged: dict[int, str] = {}
        unfit: dict[int, str] = {}
        candidates = sorted(self.saved, reverse=True) if step is None else [step]
        for step in candidates:
            problem = _anywhere(self._damage(step))
            if problem is not None:
                damaged[step] = problem
                continue
            restored = None
            try:
                restored = self._load(step, abstract, data)
            except Exception as error:  # damage to a file can surface as anything
                problem = f"{type(error).__name__}: {error}"
            problem = _anywhere(problem)
            if problem is None:
                self._set_aside(damaged | unfit, step)
                return restored
            unfit[step] = problem
        if unfit:
            raise UserError(
                f"no checkpoint in {self._directory} fits this configuration (step {max(unfit)}: "
                f"{shorten(unfit[max(unfit)], 200)}); use the configuration that the run was "
                "started with (a hook that averages weights, EMA, adds to the state: with it or "
                "without, a run stays as it began), or another --run-dir"
            )
        if damaged:
            raise UserError(
                f"all checkpoints in {self._directory} are damaged (step {max(damaged)}: "
                f"{damaged[max(damaged)]}); put back a copy of one, or train with --from-scratch"
            )
        return None

    def _load(self, step: int, abstract: PyTree, data: Resumable | None) -> Restored:
        state = self._checkpointer.load_checkpointables(step, {"state": abstract})["state"]
        metadata: Any = self._checkpointer.checkpointables_metadata(step).custom_metadata
        if data is not None:
            data.set_state(metadata["data"])
        return Restored(step, state, metadata.get("hooks", {}), metadata.get("lines"))

    def _damage(self, step: int) -> str | None:
        """What is wrong with this process's share of the files of a checkpoint."""
        folder = self._directory / str(step)
        if not self._digests:
            return None
        if not (folder / DIGESTS).exists():
            _logger.warning("checkpoint %d has no %s to be compared with", step, DIGESTS)
        return find_damage(folder, jax.process_index(), jax.process_count())

    def _set_aside(self, problems: Mapping[int, str], step: int) -> None:
        for bad, problem in problems.items():
            _logger.warning(
                "checkpoint %d is damaged (%s); taking %d", bad, shorten(problem, 300), step
            )
            if not self._read_only and jax.process_index() == 0:
                move_aside(self._directory / str(bad), f"damaged-{bad}")
        if problems:
            _anywhere(None)  # wait for the first process
            self._checkpointer.reload()

    def _tell_of_strangers(self) -> None:
        for path in sorted(self._directory.iterdir()):
            if not (path.is_dir() and _KNOWN.fullmatch(path.name)):
                _logger.warning("%s is no checkpoint and is passed over", path)


def _anywhere(problem: str | None) -> str | None:
    """The problem of this process, or that another has one; all processes wait here."""
    if jax.process_count() > 1:
        found = multihost_utils.process_allgather(np.array(problem is not None))
        return problem or ("another process cannot read it" if found.any() else None)
    return problem


class _Preservation:
    """Orbax's question which checkpoints stay: the newest, and those that are asked for."""

    def __init__(self, keep: int, preserve: Callable[[Saved], Collection[int]]) -> None:
        self._keep, self._preserve = keep, preserve

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> Sequence[bool]:
        saved = _saved(checkpoints)
        stay = {*sorted(saved)[-self._keep :], *self._preserve(saved)}
        return [checkpoint.step in stay for checkpoint in checkpoints]


def _saved(checkpoints: Sequence[Any]) -> Saved:
    return {checkpoint.step: checkpoint.metrics or {} for checkpoint in checkpoints}
