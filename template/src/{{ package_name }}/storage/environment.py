"""A record of what a run ran on and from which code."""

import datetime
import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

from ..files import read_json, write_atomically

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "fiddle", "numpy")


def record_start(environment: Path, git_diff: Path, *, source: Path | None = None) -> None:
    """Append a record of this start to a run's `environment` file.

    Uncommitted changes go to a file of their own, which the record names: equal ones share a file.
    Neither git nor a repository needs to be there.

    Args:
        environment: The file, JSON, a list with one record for each start of the run.
        git_diff: Where to write uncommitted changes; a digest of them is added to the name.
        source: A folder of the repository to record; by default, that of this package.

    Raises:
        UserError: The file is there and damaged.
    """
    starts = read_json(environment, list) if environment.exists() else []
    starts.append(
        {
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "command": shlex.join(sys.orig_argv),
            "working_directory": os.getcwd(),
            "host": platform.node(),
            "platform": platform.platform(),
            "python": platform.python_version(),
            "packages": {name: metadata.version(name) for name in _PACKAGES},
            "devices": {
                "platform": jax.default_backend(),
                "kind": jax.devices()[0].device_kind,
                "count": jax.device_count(),
                "processes": jax.process_count(),
            },
            "git": _git_state(source or Path(__file__).resolve().parent, git_diff),
        }
    )
    write_atomically(environment, json.dumps(starts, indent=2) + "\n")


def _git_state(folder: Path, git_diff: Path) -> dict[str, Any] | None:
    """The state of the repository around `folder`, if there is one; its changes are written."""
    status = _git(folder, "status", "--porcelain")
    if status is None:
        return None
    diff = _git(folder, "diff", "--no-color", "--no-ext-diff", "HEAD")
    if diff:
        digest = hashlib.sha256(diff.encode()).hexdigest()[:8]
        git_diff = git_diff.with_stem(f"{git_diff.stem}-{digest}")
        write_atomically(git_diff, diff + "\n")
    return {
        # There is no commit before the first, and no branch where HEAD is detached.
        "commit": _git(folder, "rev-parse", "--verify", "--quiet", "HEAD"),
        "branch": _git(folder, "symbolic-ref", "--short", "--quiet", "HEAD"),
        "dirty": bool(status),
        "untracked": [line[3:] for line in status.splitlines() if line.startswith("??")],
        "diff": git_diff.name if diff else None,
    }


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or nothing where it is not installed, fails or takes too long."""
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", errors="replace").rstrip("\n")
