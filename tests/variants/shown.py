"""What one project has shown need not be shown again by another that is the same, byte for byte.

A module meets those that it imports, and those that they import in turn. Where all of them, and the
releases of the packages that two projects have in common, are the same, so is what is said of it.
"""

import ast
import functools
import hashlib
import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ..support import rendering

SEAM = "reporting/tracker.py"
"""A module behind one function, whose types its caller states; each tracker has its own.

What reaches it by way of other modules is the same with any tracker. Tests that name it meet it.
"""
WHOLE = {"package", "command_line"}
"""What `tests/project.py` calls the package as a whole."""


class Import(NamedTuple):
    """One name that a module takes from another of its project: ``from ..module import name``.

    Attributes:
        level: how many dots there are.
        module: what stands behind them.
        name: what is imported.
        attributes: what is taken of it, as in ``name.attribute``; None if it is used otherwise.
    """

    level: int
    module: str
    name: str
    attributes: frozenset[str] | None


@functools.cache  # most files are the same in all projects
def read(content: bytes) -> tuple[list[Import], set[object]]:
    """What a module imports from its own project, and its constants: it may name a file."""
    nodes = list(ast.walk(ast.parse(content)))
    dotted = {id(node.value): node for node in nodes if isinstance(node, ast.Attribute)}
    taken: dict[str, set[str | None]] = {}
    for node in nodes:
        if isinstance(node, ast.Name):
            attribute = dotted.get(id(node))
            taken.setdefault(node.id, set()).add(attribute.attr if attribute else None)
    imports = []
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.level:
            for alias in node.names:
                used = taken.get(alias.asname or alias.name, {None})
                attributes = None if None in used else frozenset(filter(None, used))
                imports.append(Import(node.level, node.module or "", alias.name, attributes))
    return imports, {node.value for node in nodes if isinstance(node, ast.Constant)}


@functools.cache
def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def releases(environment: Path) -> dict[str, str]:
    """The release of each package that is installed."""
    found = environment.glob("lib/python*/site-packages/*.dist-info")
    return dict(path.stem.split("-", 1) for path in found)


class Sources:
    """The files of a rendered project, and which of them meet which."""

    def __init__(self, project: Path) -> None:
        """Reads a project, which must be as it was rendered."""
        self.contents = rendering.contents(project)
        self.modules = {
            name
            for name in self.contents
            if name.endswith(".py") and name.startswith(("src/", "tests/"))
        }
        self.library = {name for name in self.modules if name.startswith("src/")}
        self.tests = sorted(name for name in self.modules if name.startswith("tests/test_"))
        self.helpers = {name for name in self.modules if name.startswith("tests/")} - {*self.tests}
        self.named: dict[object, list[str]] = {}
        for name in self.contents:
            self.named.setdefault(name.split("/")[-1], []).append(name)
        (self.root,) = {"/".join(name.split("/")[:2]) for name in self.library}

    def met(self, start: str) -> frozenset[str]:
        """All files that a module meets, itself among them."""
        found, left = set(), {start, *(["tests/conftest.py"] if start in self.tests else [])}
        while left:
            at = left.pop()
            found.add(at)
            imports, constants = read(self.contents[at]) if at.endswith(".py") else ([], set())
            new = {name for each in imports for name in self._taken(at, each)}
            new |= {f"{folder}/__init__.py" for folder in Path(at).parents} & self.library
            new |= {name for word in constants for name in self.named.get(word, ())}
            if at != start:
                new.discard(f"{self.root}/{SEAM}")
            left |= new - found
        return frozenset(found)

    def digest(self, names: Iterable[str]) -> str:
        """The same for the same files, wherever they are."""
        told = [f"{name} {_digest(self.contents[name])}" for name in sorted(names)]
        return _digest("\n".join(told).encode())

    def _taken(self, at: str, what: Import) -> set[str]:
        """The files that an import may run."""
        base = at.split("/")[: -what.level]
        place = "/".join([*base, *filter(None, what.module.split("."))])
        if place == "tests/project":
            if what.name in WHOLE:
                return self.library - {f"{self.root}/{SEAM}"} | self.helpers
            place = self.root
        inner = f"{place}/{what.name}"
        if f"{inner}.py" in self.library | self.helpers:
            return {f"{inner}.py"}
        folder = {name for name in self.library if name.startswith(f"{inner}/")}
        parts = {f"{inner}/{attribute}.py" for attribute in what.attributes or ()}
        if folder and parts and parts <= folder:
            return parts | {f"{inner}/__init__.py"} & folder
        if folder:
            return folder
        return {f"{place}.py", f"{place}/__init__.py"} & (self.library | self.helpers)


class Shown:
    """What has been shown in this session, by whatever worker."""

    def __init__(self, folder: Path) -> None:
        """Remembers it in a folder, which all workers share."""
        self.folder = folder

    def is_new(self, installed: dict[str, str], *what: str) -> bool:
        """Whether something has not been shown yet with these releases.

        From now on it counts as shown: if it fails, so does the session.

        Args:
            installed: releases of packages. What was shown with the same ones, apart from packages
                that only one of the two has, is not new.
            *what: words and digests that say what is shown.
        """
        claims = self.folder / _digest("\0".join(what).encode())
        claims.mkdir(parents=True, exist_ok=True)
        for known in (json.loads(path.read_text()) for path in claims.glob("*.json")):
            if all(known[name] == installed[name] for name in known.keys() & installed.keys()):
                return False
        draft = claims / f"{uuid.uuid4()}.draft"
        draft.write_text(json.dumps(installed))
        draft.rename(draft.with_suffix(".json"))
        return True
