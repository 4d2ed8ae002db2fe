"""Code that a model has written, and whether it passes checks.

It runs in a fresh process of its own, with limits (`limited.py`), in an empty folder, without this
process's environment and open files. It may start no process and no thread, and its process group
is killed in the end. That keeps mistakes from doing harm. It is no sandbox for code that means to:
the code runs as you, so it can read and write whatever you can, and look for the harness that
judges it. The network is cut off where Linux lets an ordinary process do so, and reachable
elsewhere; macOS does not limit memory; as root, code may start processes, which can leave the
group. For code that you do not trust, run the training in a container or a virtual machine.
"""

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from typing import NamedTuple

from . import limited

_FENCED = re.compile(r"^```[^\n`]*\n(.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Limits:
    """What a program may use.

    Attributes:
        seconds: On the clock, the start of the interpreter included.
        cpu_seconds: Of processor time.
        memory: Bytes of address space.
        output: Bytes that it may write to the console, or to any file.
    """

    seconds: float = 5.0
    cpu_seconds: int = 5
    memory: int = 2**29
    output: int = 2**16


class Outcome(NamedTuple):
    """What became of a program.

    Attributes:
        passed: Whether it ran to its end, and then its checks to theirs.
        output: What both wrote, errors included.
    """

    passed: bool
    output: str


def find_code(completion: str) -> str:
    """The last fenced block of a text; the whole text if there is none."""
    return [completion, *_FENCED.findall(completion)][-1]


def run_checks(program: str, checks: str, limits: Limits | None = None) -> Outcome:
    """Run a program, and then checks that see what it has defined.

    Args:
        program: Source of Python.
        checks: More of it, which raises if the program is wrong, as ``assert`` does.
        limits: What both may use together.
    """
    limits, mark = limits or Limits(), secrets.token_hex(16)
    given = {"program": program, "checks": checks, "mark": mark, "limits": asdict(limits)}
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile() as output,
    ):
        process = subprocess.Popen(
            [sys.executable, "-IB", "-X", "utf8", limited.__file__],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={},
            start_new_session=True,
        )
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(json.dumps(given).encode(), timeout=limits.seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        told = output.read(limits.output).decode("utf-8", "replace")
    # An exit code would not do: a program can leave early with any.
    return Outcome(told.endswith(mark), told.removesuffix(mark))
