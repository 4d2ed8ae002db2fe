"""Finds the files of a project and parses them."""

import ast
import os
import warnings
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from ..findings import Confidence, Finding, Place
from ..settings import Settings
from ..source.module import Module

SKIPPED = {"__pycache__", "node_modules", "build", "dist", "venv", "site-packages"}


def python_files(paths: Iterable[Path], root: Path, settings: Settings) -> Iterator[Path]:
    """Yields the Python files under paths, each once, in order.

    Hidden folders, environments and build outputs are skipped, and so is what the project
    excludes; a file that is named itself is always checked.
    """
    seen: set[Path] = set()
    for path in paths:
        for found in [path] if path.is_file() else _walk(path, root, settings):
            if (real := found.resolve()) not in seen:
                seen.add(real)
                yield found


def _walk(folder: Path, root: Path, settings: Settings) -> Iterator[Path]:
    for directory, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in SKIPPED
            and not _excluded(Path(directory, name), root, settings)
            and not Path(directory, name, "pyvenv.cfg").exists()
        )
        for name in sorted(files):
            path = Path(directory, name)
            if name.endswith(".py") and not _excluded(path, root, settings):
                yield path


def _excluded(path: Path, root: Path, settings: Settings) -> bool:
    relative = relative_to(path, root)
    return any(
        fnmatch(relative, pattern) or fnmatch(f"{relative}/", pattern)
        for pattern in settings.exclude
    )


def relative_to(path: Path, root: Path) -> str:
    """Returns a path from the root with forward slashes; an absolute one if it lies elsewhere."""
    path = absolute(path)
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def absolute(path: Path) -> Path:
    """Returns a path from the root of the file system, symbolic links left as they are."""
    return Path(os.path.normpath(path.absolute()))


def load(path: Path, root: Path) -> Module | Finding:
    """Parses a file; one that cannot be read or parsed gives a finding instead."""
    try:
        with path.open(encoding="utf-8", newline=None) as stream:
            source = stream.read().removeprefix("\ufeff")
    except (OSError, ValueError) as error:
        return _unreadable(relative_to(path, root), 1, 1, f"cannot be read: {error}")
    return parse(source, path, root)


def parse(source: str, path: Path, root: Path) -> Module | Finding:
    """Parses the text of a file, as `load` does."""
    relative = relative_to(path, root)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape is for other linters to report
            tree = ast.parse(source)
    except SyntaxError as error:
        line = error.lineno or 1
        return _unreadable(relative, line, error.offset or 1, f"cannot be parsed: {error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return _unreadable(relative, 1, 1, f"cannot be parsed: {error}")
    return Module(path, relative, dotted_name(path), source, tree)


def _unreadable(relative: str, line: int, column: int, message: str) -> Finding:
    column = max(column, 1)
    place = Place(relative, line, column, line, column)
    return Finding("JX000", "unreadable-file", place, message, Confidence.PROVEN)


def dotted_name(path: Path) -> str:
    """Returns the name that a file is imported by: its path from outside its outermost package."""
    path = absolute(path)
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while _is_package(folder):
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)


@cache
def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file()
