"""Files of the user's own, found by patterns.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import UserError


def matching_files(
    patterns: Sequence[str], example: str, suffixes: tuple[str, ...] = ()
) -> tuple[Path, ...]:
    """The files that match any of the patterns, each once, in a fixed order.

    Args:
        patterns: What stood behind ``--source``; ``**`` searches folders.
        example: What to search a folder for, such as ``**/*.txt``; for errors.
        suffixes: Of a folder, all files whose names end so are taken; without any, it is refused.

    Raises:
        UserError: A pattern matches no file, or a folder without such files.
    """
    files: set[Path] = set()
    for pattern in patterns:
        expanded = os.path.expanduser(pattern)
        folder = os.path.isdir(expanded)
        names = Path(expanded).rglob("*") if folder else glob.glob(expanded, recursive=True)
        found = [path for path in map(Path, names) if path.is_file()]
        if folder:
            found = [path for path in found if path.name.endswith(suffixes)]
        if folder and not found:
            inside = os.path.join(pattern, *example.split("/"))
            raise UserError(f"--source {pattern} is a folder: give a pattern such as '{inside}'")
        if not found:
            raise UserError(f"--source {pattern} matches no file")
        files.update(found)
    return tuple(sorted(files))
