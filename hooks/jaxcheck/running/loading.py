"""Finds the files of a project and parses them."""

import ast
import io
import os
import sys
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from ..findings import Confidence, Finding, Place
from ..settings import Settings
from ..source import notebook
from ..source.module import Module

SKIPPED = {"__pycache__", "node_modules", "build", "dist", "venv", "site-packages"}


def python_files(paths: Iterable[Path], root: Path, settings: Settings) -> Iterator[Path]:
    """Yields the Python files and notebooks under paths, each once, in order.

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
            if name.endswith((".py", notebook.SUFFIX)) and not _excluded(path, root, settings):
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


def load(path: Path, root: Path, content: bytes | None = None) -> Module | Finding:
    """Parses a file; one that cannot be read or parsed gives a finding instead.

    Args:
        path: Where it lies.
        root: The project's folder.
        content: What it holds, if not what is on the disk.
    """
    try:
        text, _ = read(path, content)
    except (OSError, ValueError, SyntaxError) as error:
        return _unreadable(relative_to(path, root), 1, 1, f"cannot be read: {error}")
    return parse(text, path, root)


def read(path: Path, content: bytes | None = None) -> tuple[str, str]:
    """Returns the text of a file, as Python would read it, and its encoding.

    Line ends are those of the file. Of a notebook the text is that of its cells of code.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not in its encoding, or no notebook.
        SyntaxError: It declares an encoding that there is not (PEP 263).
    """
    content = path.read_bytes() if content is None else content
    if notebook.is_notebook(path):
        return notebook.text_of(content.decode("utf-8-sig")), "utf-8"
    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    return content.decode(encoding), encoding


def parse(source: str, path: Path, root: Path) -> Module | Finding:
    """Parses the text of a file, as `load` does."""
    relative = relative_to(path, root)
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    flags = ast.PyCF_ONLY_AST
    if notebook.is_notebook(path):
        flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape is for other linters to report
            tree = compile(source, relative, "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        line = error.lineno or 1
        where = ""
        if notebook.is_notebook(path):
            where = "cell {}, line {}: ".format(*notebook.place_in(source.split("\n"), line))
        running = f"{sys.version_info.major}.{sys.version_info.minor}"
        message = (
            f"{where}cannot be parsed by Python {running}: {error.msg}. If it is written for a "
            f"later Python, run jaxcheck with that one."
        )
        return _unreadable(relative, line, error.offset or 1, message)
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
