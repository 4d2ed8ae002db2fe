"""A record of what a run ran on and from which code."""

import datetime
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

from ..files import write_atomically

_PACKAGES = (
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "orbax-checkpoint",
    "grain",
    "fiddle",
    "numpy",
    __name__.partition(".")[0].replace("_", "-"),
)


def record_start(environment: Path, git_diff: Path, *, source: Path | None = None) -> None:
    """Append a record of this start to a run's `environment` file.

    Uncommitted changes go to `git_diff`; if a later start finds others, to a file beside it with a
    number in its name, which the record names. Neither git nor a repository needs to be there.

    Args:
        environment: The file, JSON, a list with one record for each start of the run.
        git_diff: Where to write uncommitted changes.
        source: A folder of the repository to record; by default, that of this package.
    """
    starts = _read(environment)
    git = _git_state(source or Path(__file__).resolve().parent)
    if git is not None:
        diff = git.pop("diff")
        git["diff"] = _keep_diff(diff, git_diff, starts) if diff else None
    starts.append(
        {
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "command": shlex.join(sys.orig_argv),
            "working_directory": os.getcwd(),
            "host": platform.node(),
            "platform": platform.platform(),
            "python": platform.python_version(),
            "packages": {name: _version(name) for name in _PACKAGES},
            "devices": {
                "platform": jax.default_backend(),
                "kind": jax.devices()[0].device_kind,
                "count": jax.device_count(),
                "processes": jax.process_count(),
            },
            "git": git,
        }
    )
    write_atomically(environment, json.dumps(starts, indent=2) + "\n")


def _read(environment: Path) -> list[dict[str, Any]]:
    if not environment.exists():
        return []
    return json.loads(environment.read_text(encoding="utf-8"))


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _git_state(folder: Path) -> dict[str, Any] | None:
    """Commit, branch and uncommitted changes of the repository around `folder`, if there is one."""
    status = _git(folder, "status", "--porcelain")
    if status is None:
        return None
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD") or ""
    branch = _git(folder, "symbolic-ref", "--short", "--quiet", "HEAD") or ""
    diff = _git(folder, "diff", "--no-color", "--no-ext-diff", "HEAD") if commit else ""
    return {
        "commit": commit.strip() or None,  # there is none before the first commit
        "branch": branch.strip() or None,  # nor a branch where HEAD is detached
        "dirty": bool(status.strip()),
        "untracked": [line[3:] for line in status.splitlines() if line.startswith("??")],
        "diff": diff or "",
    }


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or nothing where it is not installed, fails or takes too long."""
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", errors="replace")


def _keep_diff(diff: str, path: Path, starts: list[dict[str, Any]]) -> str:
    """Write `diff` to a file of its own unless an earlier start had the same; give the name."""
    earlier = [start["git"]["diff"] for start in starts if start["git"] and start["git"]["diff"]]
    for name in earlier:
        if path.with_name(name).read_text(encoding="utf-8") == diff:
            return name
    target = path
    if earlier:
        target = path.with_name(f"{path.stem}-{len(starts) + 1}{path.suffix}")
    write_atomically(target, diff)
    return target.name
