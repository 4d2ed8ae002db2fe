"""Checkpoints: the state and the position in the data, committed together by Orbax."""

import logging
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
from jaxtyping import PyTree
from orbax.checkpoint import v1 as ocp
from pydantic import Field

from ..errors import UserError
from ..settings import Settings

_logger = logging.getLogger(__name__)

# Replicas share the work of writing an array by writing slices of it. Each slice is a program to
# dispatch and a piece of a file, so it has to be worth it.
_BYTES_PER_SLICE = 1 << 20


Saved = Mapping[int, Mapping[str, float]]
"""The metrics that were saved with each checkpoint, by step."""


class CheckpointSettings(Settings):
    """When checkpoints are made and how many stay.

    Attributes:
        every: Steps between two checkpoints; the last step is always saved.
        keep: Newest checkpoints that are kept. Older ones are what a damaged one falls back to.
    """

    every: int = Field(default=250, ge=1)
    keep: int = Field(default=3, ge=1)


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
    """

    step: int
    state: PyTree
    hooks: dict[str, Any]


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
        at_once: Bytes that are on their way from the devices to the disk at a time, more than
            the largest array has, where a save may take its time; without it, all.
    """

    def __init__(
        self,
        directory: Path,
        settings: CheckpointSettings,
        preserve: Callable[[Saved], Collection[int]] = lambda _: (),
        *,
        read_only: bool = False,
        at_once: int | None = None,
    ) -> None:
        self._directory = directory.absolute()
        self._read_only = read_only
        context = ocp.Context()
        context.array_options.saving.min_slice_bytes_for_replica_parallel = _BYTES_PER_SLICE
        context.memory_options.transfer_concurrent_bytes = at_once
        context.memory_options.write_concurrent_bytes = at_once
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
        """
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
            custom_metadata={"data": data.get_state(), "hooks": dict(hooks or {})},
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
        damaged: dict[int, Exception] = {}
        candidates = sorted(self.saved, reverse=True) if step is None else [step]
        for step in candidates:
            try:
                state = self._checkpointer.load_checkpointables(step, {"state": abstract})["state"]
                metadata: Any = self._checkpointer.checkpointables_metadata(step).custom_metadata
                position, hooks = metadata["data"], metadata.get("hooks", {})
            except Exception as error:  # damage to a file can surface as anything
                damaged[step] = error
                continue
            for bad, error in damaged.items():
                _logger.warning("checkpoint %d is damaged (%s); taking %d", bad, error, step)
                if not self._read_only and jax.process_index() == 0:
                    (self._directory / str(bad)).rename(self._directory / f"damaged-{bad}")
            if damaged:
                self._checkpointer.reload()
            if data is not None:
                data.set_state(position)
            return Restored(step, state, hooks)
        if damaged:
            newest = max(damaged)
            raise UserError(
                f"no checkpoint in {self._directory} fits this configuration (step {newest}: "
                f"{shorten(str(damaged[newest]), 200)}); use the configuration that the run was "
                "started with (a hook that averages weights, EMA, adds to the state: with it or "
                "without, a run stays as it began), or another --run-dir"
            )
        return None


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
