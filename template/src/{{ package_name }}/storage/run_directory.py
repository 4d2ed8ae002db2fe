"""The folder of a run: what lies where in it, and who may write to it."""

import ast
import contextlib
import dataclasses
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UserError


@dataclasses.dataclass(frozen=True)
class RunDirectory:
    """The folder that holds everything a run leaves behind. Naming it creates nothing.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def config_text(self) -> Path:
        """The configuration, for people: one line per field."""
        return self.path / "config.txt"

    @property
    def config_json(self) -> Path:
        """The configuration, for ``--config=config_file:`` and for resuming."""
        return self.path / "config.json"

    @property
    def environment(self) -> Path:
        """What the run ran on and from which code, one record for each start."""
        return self.path / "environment.json"

    @property
    def data_set(self) -> Path:
        """What the run was trained on: fingerprint and description of the data set."""
        return self.path / "data_set.json"

    @property
    def git_diff(self) -> Path:
        """Changes that were not committed when the run was started."""
        return self.path / "git.diff"

    @property
    def metrics(self) -> Path:
        """All metrics, one JSON object per line."""
        return self.path / "metrics.jsonl"

    @property
    def curves(self) -> Path:
        """The curves as a picture."""
        return self.path / "curves.png"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def pretrained(self) -> Path:
        """Files of the published model that the run began with: its tokenizer and what it says."""
        return self.path / "pretrained"

    @property
    def tracker(self) -> Path:
        """The folder of the experiment tracker's files."""
        return self.path / "tracker"

    def config(self) -> dict[str, Any]:
        """The configuration by dotted name; empty before there is one.

        Values that are not written as Python's literals, like classes, stay text.
        """
        if not self.config_text.exists():
            return {}
        lines = self.config_text.read_text(encoding="utf-8").splitlines()
        fields = (line.removesuffix("  # default").partition(" = ") for line in lines)
        return {name: _parse(value) for name, _, value in fields}

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Create the folder and keep other processes from writing to it.

        The operating system holds the lock for this process and drops it when the process ends,
        however it ends, so a killed run leaves no stale lock. Of a run's processes only the first
        takes it.

        Raises:
            UserError: Another process holds the lock, or the folder cannot be created.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise UserError(
                f"run directory {self.path}: {error.strerror}; choose another with --run-dir"
            ) from error
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = os.read(file, 200).decode(errors="replace").strip() or "another process"
                raise UserError(
                    f"run directory {self.path} is in use by {holder}; wait until it ends, "
                    "or choose another with --run-dir"
                ) from error
            os.ftruncate(file, 0)
            os.write(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
            yield
        finally:
            os.close(file)


def _parse(value: str) -> Any:
    try:
        return ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return value
