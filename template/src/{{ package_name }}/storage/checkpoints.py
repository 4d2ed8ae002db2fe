"""Checkpoints: the state and the position in the data, committed together by Orbax."""

import json
import logging
import math
import re
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any, Literal, NamedTuple, Protocol, cast, runtime_checkable

import jax
import numpy as np
from jax.experimental import multihost_utils
from jaxtyping import PyTree
from orbax.checkpoint import v1 as ocp
from pydantic import Field

from ..errors import Unsaved, UserError
from ..files import move_aside
from ..settings import Settings
from .digests import DIGESTS, METADATA, find_damage, write_digests
from .retention import Preservation, Saved, Steps

_logger = logging.getLogger(__name__)
# Orbax logs what it also raises, with tracebacks and more than once.
for _name in ("absl", "asyncio"):
    logging.getLogger(_name).addFilter(
        lambda record: "orbax" not in record.pathname + record.getMessage()
    )

# Replicas share the work of writing an array by writing slices of it. Each slice is a program to
# dispatch and a piece of a file, so it has to be worth it.
_BYTES_PER_SLICE = 1 << 20

_WRITING = ".orbax-checkpoint-tmp"  # what Orbax adds to the name of a checkpoint not yet complete
_KNOWN = re.compile(rf"\d+({re.escape(_WRITING)}.*)?|damaged-.*")


class CheckpointSettings(Settings):
    """When checkpoints are made and how many stay.

    Attributes:
        every: Steps between two checkpoints; the last step is always saved.
        keep: Newest checkpoints that are kept. Older ones are what a damaged one falls back to. The
            one that a run would go back to from skipped updates stays beside them.
        digests: Keep the SHA-256 of every file with a checkpoint, and compare them before it is
            used. Each time all of it is read once more, at about 1.5 GB/s and core, when saving in
            the background; without, damage to a file may go unnoticed.
        on_failure: Whether to ``stop`` when one cannot be written, for instance because the disk is
            full, or to ``continue`` with those before. The last one must be written.
    """

    every: int = Field(default=250, ge=1)
    keep: int = Field(default=3, ge=1)
    digests: bool = True
    on_failure: Literal["stop", "continue"] = "stop"


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
        passed: What the run passes over: the first and the last batch of each window.
    """

    step: int
    state: PyTree
    hooks: dict[str, Any]
    lines: int | None
    passed: list[tuple[int, int]]


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
        self._settings = settings
        self._writing: int | None = None
        self._kept: dict[str, Any] = {}
        context, steps = ocp.Context(), cast(Any, Steps())
        if settings.digests:
            # Called on the first process, once all have written, before the commit. Orbax makes
            # deep copies of its options: of a method, but not of a function.
            context.async_options.post_finalization_callback = lambda: write_digests(
                self._directory / f"{self._writing}{_WRITING}", self._kept
            )
        context.array_options.saving.min_slice_bytes_for_replica_parallel = _BYTES_PER_SLICE
        context.memory_options.transfer_concurrent_bytes = at_once
        context.memory_options.write_concurrent_bytes = at_once
        try:
            self._checkpointer = ocp.training.Checkpointer(
                str(self._directory),
                context=context,
                preservation_policy=Preservation(settings.keep, preserve, self._saved),
                step_name_format=steps,
                cleanup_tmp_directories=not read_only,
            )
        except (OSError, ValueError) as error:
            raise UserError(f"{self._directory} cannot be read: {error}") from error
        self._metrics: dict[int, Any] = {
            checkpoint.step: checkpoint.metrics  # Orbax's own, in earlier releases
            or _kept(self._directory / str(checkpoint.step)).get("metrics", {})
            for checkpoint in self._checkpointer.checkpoints
        }

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._wait()
        finally:
            self._checkpointer.close()

    @property
    def saved(self) -> Saved:
        """The metrics of every checkpoint, by step."""
        return self._saved(self._checkpointer.checkpoints)

    def passed(self, step: int) -> list[tuple[int, int]]:
        """What the run passed over by the time of a checkpoint, as `save` was told."""
        return _windows(_kept(self._directory / str(step)))

    def _saved(self, checkpoints: Sequence[Any]) -> Saved:
        return {checkpoint.step: self._metrics[checkpoint.step] for checkpoint in checkpoints}

    def save(
        self,
        step: int,
        state: PyTree,
        data: Resumable,
        *,
        metrics: Mapping[str, Mapping[str, float]] | None = None,
        hooks: Mapping[str, Any] | None = None,
        lines: int | None = None,
        passed: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Copy the state off the devices and write it in the background.

        The state may be donated to the next step as soon as this returns.

        Args:
            step: Steps made.
            state: The state after them.
            data: The iterator over the training batches, whose position is saved.
            metrics: Results of the evaluations after this step, by the evaluation's name.
            hooks: What the run's hooks remember.
            lines: Lines of metrics so far.
            passed: What the run passes over: the first and the last batch of each window.

        Raises:
            Unsaved: The write before has failed; see `check`.
        """
        self.check(wait=True)
        self._writing = step
        self._metrics[step] = {
            f"{name}/{metric}": value
            for name, results in (metrics or {}).items()
            for metric, value in results.items()
            if math.isfinite(value)  # JSON knows no other numbers
        }
        self._kept = {
            "metrics": self._metrics[step],
            "data": data.get_state(),
            "hooks": dict(hooks or {}),
            "lines": lines,
            "passed_over": [list(window) for window in passed],
        }
        self._checkpointer.save_checkpointables_async(
            step, {"state": state}, force=True, custom_metadata=self._kept
        )

    def check(self, *, wait: bool = False) -> None:
        """Look whether the write in the background has failed, or wait for its end.

        Raises:
            Unsaved: It has, and `CheckpointSettings.on_failure` says to stop.
        """
        if self._writing is None:
            return
        if not wait and self._checkpointer.is_saving_in_progress():
            return
        try:
            self._wait()
        except Unsaved as error:
            if self._settings.on_failure == "stop":
                raise
            _logger.warning("%s", error)

    def _wait(self) -> None:
        try:
            self._checkpointer.wait()
        except Exception as error:  # which depends on what was written with
            shutil.rmtree(f"{self._directory / str(self._writing)}{_WRITING}", ignore_errors=True)
            raise Unsaved(
                f"checkpoint {self._writing} in {self._directory} could not be written: "
                f"{shorten(str(error), 300)}; those before are intact"
            ) from error
        finally:
            self._writing = None

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
        problems: dict[int, str] = {}
        intact = False
        candidates = sorted(self.saved, reverse=True) if step is None else [step]
        for step in candidates:
            restored, problem = None, _anywhere(self._damage(step))
            if problem is None:
                try:
                    restored = self._load(step, abstract, data)
                except Exception as error:  # damage to a file can surface as anything
                    cause = error.__cause__ or error  # below what Orbax makes of it
                    problem = f"{type(cause).__name__}: {cause}"
                problem, intact = _anywhere(problem), True
            if problem is None:
                self._set_aside(problems, step)
                return restored
            problems[step] = shorten(problem, 300)
        if not problems:
            return None
        newest = max(problems)
        if intact:
            raise UserError(
                f"no checkpoint in {self._directory} fits this configuration (step {newest}: "
                f"{problems[newest]}); use the configuration that the run was started with (a hook "
                "that averages weights, EMA, adds to the state, and so does "
                "safety.spike_threshold: with it or without, a run stays as it began), or another "
                "--run-dir"
            )
        raise UserError(
            f"no checkpoint in {self._directory} is intact (step {newest}: {problems[newest]}); "
            "put back a copy of one, or train with --from-scratch"
        )

    def remove_after(self, step: int) -> None:
        """Remove the checkpoints of later steps, the newest first.

        Raises:
            Unsaved: The write before has failed; see `check`.
        """
        self.check(wait=True)
        for later in sorted((each for each in self.saved if each > step), reverse=True):
            if jax.process_index() == 0:
                # Whatever is left under this name when the process is killed, Orbax removes.
                unwanted = self._directory / f"{later}{_WRITING}"
                (self._directory / str(later)).rename(unwanted)
                shutil.rmtree(unwanted)
        _anywhere(None)  # wait for the first process
        self._checkpointer.reload()

    def _load(self, step: int, abstract: PyTree, data: Resumable | None) -> Restored:
        state = self._checkpointer.load_checkpointables(step, {"state": abstract})["state"]
        kept = _kept(self._directory / str(step))
        if data is not None:
            data.set_state(kept["data"])
        return Restored(step, state, kept.get("hooks", {}), kept.get("lines"), _windows(kept))

    def _damage(self, step: int) -> str | None:
        """What is wrong with this process's share of the files of a checkpoint."""
        folder = self._directory / str(step)
        if not self._settings.digests:
            return None
        if not (folder / DIGESTS).exists():
            _logger.warning("checkpoint %d has no %s to be compared with", step, DIGESTS)
        return find_damage(folder, jax.process_index(), jax.process_count())

    def _set_aside(self, problems: Mapping[int, str], step: int) -> None:
        for bad, problem in problems.items():
            _logger.warning("checkpoint %d is damaged (%s); taking %d", bad, problem, step)
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


def _kept(checkpoint: Path) -> dict[str, Any]:
    """What is kept with the state: the position in the data and what else is no array."""
    try:
        return dict(json.loads((checkpoint / METADATA).read_bytes())["custom_metadata"])
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _windows(kept: Mapping[str, Any]) -> list[tuple[int, int]]:
    """What the run passed over, in what is kept with a state."""
    return [(first, last) for first, last in kept.get("passed_over", [])]
