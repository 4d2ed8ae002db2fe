"""The folder of a run: what lies where in it, and who may write to it."""

import ast
import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import move_aside, read_text, refuse_links


class RunDirectory:
    """The folder that holds everything a run leaves behind. Naming it creates nothing.

    Attributes:
        path: The folder.
        config_text: The configuration, for people: one line per field.
        config_json: The configuration, for ``--config=config_file:`` and for resuming.
        environment: What the run ran on and from which code, one record for each start.
        data_set: What the run was trained on: fingerprint and description of the data set.
        git_diff: Changes that were not committed at a start; a digest of them is added to the name.
        metrics: All metrics, one JSON object per line.
        curves: The curves as a picture.
        rollbacks: Which batches the run passes over, what they hold, and what came of them.
        diverged: The same of those that ended it.
        checkpoints: The folder of the checkpoints.
        pretrained: Files of the published model that the run began with, such as its tokenizer.
        tracker: The folder of the experiment tracker's files.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_text = path / "config.txt"
        self.config_json = path / "config.json"
        self.environment = path / "environment.json"
        self.data_set = path / "data_set.json"
        self.git_diff = path / "git.diff"
        self.metrics = path / "metrics.jsonl"
        self.curves = path / "curves.png"
        self.rollbacks = path / "rollbacks.json"
        self.diverged = path / "diverged.json"
        self.checkpoints = path / "checkpoints"
        self.pretrained = path / "pretrained"
        self.tracker = path / "tracker"

    def config(self) -> dict[str, Any]:
        """The configuration by dotted name; empty before there is one.

        Values that are not written as Python's literals, like classes, stay text.
        """
        if not self.config_text.exists():
            return {}
        lines = read_text(self.config_text).splitlines()
        fields = (line.removesuffix("  # default").partition(" = ") for line in lines)
        return {name: _parse(value) for name, _, value in fields}

    def refuse_links(self) -> None:
        """Check that what is here leads nowhere else; trackers may link within their own folder.

        Raises:
            UserError: There is a symbolic link, a pipe or a device.
        """
        for path in self.path.resolve().glob("*"):
            if path.name != self.tracker.name or path.is_symlink():
                refuse_links(path)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Create the folder and keep other processes from writing to it.

        The operating system holds the lock for this process and drops it when the process ends,
        however it ends, so a killed run leaves no stale lock. Of a run's processes only the first
        takes it. A folder that was created here and in which nothing was written is removed.

        Raises:
            UserError: Another process holds the lock, or the folder cannot be created, or a link
                in it leads elsewhere.
        """
        self.refuse_links()
        created = not self.path.exists()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = (self.path / ".lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise UserError(
                f"run directory {self.path}: {error.strerror}; choose another with --run-dir"
            ) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                holder = file.read().strip() or "another process"
                raise UserError(
                    f"run directory {self.path} is in use by {holder}; wait until it ends, "
                    "or choose another with --run-dir"
                ) from error
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
            file.flush()
            try:
                yield
            finally:
                if created:
                    self._remove_if_empty()

    @contextlib.contextmanager
    def moved_aside(self) -> Iterator[Path | None]:
        """Move what is here to a numbered folder beside it, and back if nothing takes its place.

        Yields:
            Where it is now; None if there was nothing.

        Raises:
            UserError: Another process is writing here.
        """
        if not self.path.exists():
            yield None
            return
        with self.lock():
            old = move_aside(self.path, self.path.name)
        try:
            yield old
        finally:
            if not self.path.exists():
                old.rename(self.path)

    def _remove_if_empty(self) -> None:
        if not self.metrics.exists():  # beside them an empty one says that none was complete yet
            with contextlib.suppress(OSError):  # there is something in it, or it is not there
                self.checkpoints.rmdir()
        if os.listdir(self.path) == [".lock"]:
            (self.path / ".lock").unlink()
            self.path.rmdir()


def _parse(value: str) -> Any:
    try:
        return ast.literal_eval(value)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return value
