"""The Python interpreters of this machine that really start."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OLDEST = (3, 11)
NEWEST = (3, 14)
"""The range of Python versions that a rendered project supports."""

# A version manager's shim stands on PATH for every version but starts only the chosen ones, and a
# distribution may ship Python without `venv`: so each candidate is tried.
PROBE = "import json, ssl, sys, venv; print(json.dumps([*sys.version_info[:2], sys.executable]))"


def candidates() -> Iterator[str]:
    """Places where an interpreter may be, newest version first."""
    yield sys.executable
    versions = [f"3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    managed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in versions:
        yield from filter(None, [shutil.which(f"python{version}")])
        yield from map(str, sorted(managed.glob(f"{version}.*/bin/python{version}")))


def working() -> dict[tuple[int, int], str]:
    """One interpreter that starts for each supported version there is: version to path."""
    found: dict[tuple[int, int], str] = {}
    for candidate in candidates():
        try:
            told = subprocess.run(
                [candidate, "-c", PROBE], capture_output=True, text=True, timeout=30, check=True
            ).stdout
            major, minor, path = json.loads(told)
        except (OSError, subprocess.SubprocessError, ValueError):
            continue
        if OLDEST <= (major, minor) <= NEWEST:
            found.setdefault((major, minor), path)
    return found


WORKING = working()


def ends(floor: str = "3.11") -> dict[str, str]:
    """The oldest and the newest that a project takes, as name and path; none where there is none.

    They get different releases of jax, where the oldest is 3.11.
    """
    found = {version: path for version, path in WORKING.items() if version >= _parse(floor)}
    return {
        f"python{major}.{minor}": found[major, minor]
        for major, minor in sorted({min(found), max(found)} if found else ())
    }


def _parse(version: str) -> tuple[int, int]:
    major, minor = version.split(".")
    return int(major), int(minor)
