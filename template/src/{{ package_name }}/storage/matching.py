"""Files of the user's own, found by patterns.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import functools
import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import UserError


def matching_files(
    patterns: Sequence[str], example: str, suffixes: tuple[str, ...] = ()
) -> tuple[Path, ...]:
    """The files that match any of the patterns, each once, in a fixed order.

    A file that symbolic links lead to on several ways counts once, under the shortest of its names.
    Of a folder, hidden files and folders are passed over, as patterns do.

    Args:
        patterns: What stood behind ``--source``; ``**`` searches folders.
        example: What to search a folder for, such as ``**/*.txt``; for errors.
        suffixes: Of a folder, all files whose names end so are taken; without any, it is refused.

    Raises:
        UserError: A pattern matches no file, or a folder without such files.
    """
    files: dict[str, Path] = {}
    real = functools.lru_cache(maxsize=1024)(os.path.realpath)  # of folders
    for pattern in patterns:
        expanded = os.path.expanduser(pattern)
        folder = os.path.isdir(expanded)
        names = _inside(expanded, suffixes) if folder else glob.iglob(expanded, recursive=True)
        matched = False
        for name in filter(os.path.isfile, names):
            matched = True
            parent, last = os.path.split(name)
            link = os.path.islink(name)
            key = os.path.realpath(name) if link else os.path.join(real(parent), last)
            path, other = Path(name), files.get(key)
            if other is None or (len(path.parts), path) < (len(other.parts), other):
                files[key] = path
        if folder and not matched:
            inside = os.path.join(pattern, *example.split("/"))
            raise UserError(f"--source {pattern} is a folder: give a pattern such as '{inside}'")
        if not matched:
            raise UserError(f"--source {pattern} matches no file")
    return tuple(sorted(files.values()))


def _inside(folder: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    """The files in a folder whose names end so; links that lead back into it are not followed."""
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else [each for each in folders if not each.startswith(".")]
        if real not in seen:
            seen.add(real)
            yield from (
                os.path.join(place, name)
                for name in names
                if not name.startswith(".") and name.lower().endswith(suffixes)
            )
