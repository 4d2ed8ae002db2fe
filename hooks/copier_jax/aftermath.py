"""What an update has left behind that must not be committed."""

import subprocess
import sys
from pathlib import Path

from .project import paths

UNMERGED = ("diff", "--name-only", "--relative", "--diff-filter=U")
MARKERS = {b"<<<<<<< before updating", b"<<<<<<< HEAD"}  # of an update, and of an adoption
LINTER = Path("tools", "jaxcheck.pyz")


def left_to_resolve(folder: Path) -> list[str]:
    """One line for each file of a project with a conflict, a marker of one, or rejected changes."""
    changed = paths(folder, "diff", "--name-only", "--relative", "HEAD")
    marked = [path for path in changed if has_marker(folder / path)]
    # Not in folders that git ignores, which may hold millions of files: Copier merges none there.
    rejected = paths(folder, "ls-files", "--cached", "--others", "--directory", "--", "*.rej")
    return [
        *(f"conflict: {path}" for path in sorted({*paths(folder, *UNMERGED), *marked})),
        *(f"rejected changes: {path}" for path in rejected),
    ]


def has_marker(path: Path) -> bool:
    """Whether a line of a file is the marker with which Copier or git begins a conflict."""
    return path.is_file() and not MARKERS.isdisjoint(path.read_bytes().splitlines())


def lint(folder: Path) -> bool:
    """Lets the linter of a project print what it finds; whether it finds nothing."""
    if not (folder / LINTER).exists():
        return True
    runs = [
        subprocess.run([sys.executable, LINTER, *options], cwd=folder, check=False)
        for options in (["--verify"], [])
    ]
    return not any(run.returncode for run in runs)
