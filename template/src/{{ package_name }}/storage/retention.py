"""What Orbax asks of a run: which checkpoints there are, and which of them stay."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Saved = Mapping[int, Mapping[str, float]]
"""The metrics that were saved with each checkpoint, by step."""


def saved_steps(folder: Path) -> list[int]:
    """The steps of the checkpoints in a folder, by the names of theirs, in order."""
    return sorted(int(path.name) for path in folder.glob("*") if path.name.isdecimal())


class Preservation:
    """Which checkpoints stay: the newest, and those that are asked for.

    Args:
        keep: How many of the newest.
        preserve: Further steps, given the metrics of all checkpoints.
        saved: The metrics of some checkpoints.
    """

    def __init__(
        self,
        keep: int,
        preserve: Callable[[Saved], Collection[int]],
        saved: Callable[[Sequence[Any]], Saved],
    ) -> None:
        self._keep, self._preserve, self._saved = keep, preserve, saved

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> Sequence[bool]:
        """Whether each checkpoint stays."""
        saved = self._saved(checkpoints)
        stay = {*sorted(saved)[-self._keep :], *self._preserve(saved)}
        return [checkpoint.step in stay for checkpoint in checkpoints]


class Steps:
    """Which checkpoints there are, by the names of folders: Orbax would read what may be damaged.

    The paths are of Orbax's own kind.
    """

    def build_name(self, step: int) -> str:
        """The name of the folder."""
        return str(step)

    def find_all(self, base_path: Any) -> Iterator[Any]:
        """All checkpoints in a folder."""
        steps = (path.name for path in base_path.iterdir() if path.is_dir())
        return (self.find_step(base_path, int(step)) for step in steps if step.isdecimal())

    def find_step(self, base_path: Any, step: int) -> Any:
        """One of them."""
        path = base_path / str(step)
        if not path.is_dir():
            raise ValueError(f"{path} is not there")
        written = datetime.fromtimestamp(path.stat().mtime, UTC)
        return SimpleNamespace(step=step, path=path, commit_timestamp=written)
