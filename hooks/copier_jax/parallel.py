"""Work on many projects at the same time."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import TypeVar
from unittest import mock

from .project import UpdateError

Task = TypeVar("Task")
Result = TypeVar("Result")

UNATTENDED = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes"}


def in_parallel(
    function: Callable[[Task], Result], tasks: list[Task], jobs: int | None
) -> Iterator[tuple[Task, Result | str]]:
    """Does all tasks in processes of their own; threads do not serve, Copier changes the folder.

    Args:
        function: what is done, a function of a module.
        tasks: to what.
        jobs: how many at the same time; None for one on each core.

    Yields:
        Each task as soon as it is done, with its result or what went wrong.
    """
    context = get_context("spawn")
    with ProcessPoolExecutor(jobs or os.cpu_count(), context, _follow_parent) as pool:
        futures = {pool.submit(function, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                error = future.exception()
                yield futures[future], told(error) if error else future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _follow_parent() -> None:
    """Lets a process end with the one that has started it, and only that one answer to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if parent := parent_process():
        Thread(target=_end_after, args=[parent.sentinel], daemon=True).start()


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


@contextmanager
def unattended() -> Iterator[None]:
    """Lets git fail where it would ask for a password.

    Raises:
        UpdateError: the user has interrupted the work; what had begun is done.
    """
    with mock.patch.dict(os.environ, UNATTENDED):
        try:
            yield
        except KeyboardInterrupt:
            raise UpdateError("interrupted: run it again") from None


def told(error: BaseException) -> str:
    """What an error says; its kind if it says nothing."""
    return str(error).strip() or type(error).__name__
