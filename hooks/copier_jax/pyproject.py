"""`pyproject.toml` of a repository that adopts the template: the template's file and its own."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomlkit
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from tomlkit.exceptions import ParseError

from .project import UpdateError

FILE = "pyproject.toml"
Table = dict[str, Any]

METADATA = ("name", "version", "description", "readme", "license", "license-files", "authors")
"""What both state of a project and is the repository's to say."""
REQUIREMENTS = ("project.dependencies", "dependency-groups.dev")
"""Lists that hold what both need."""


def stated(folder: Path) -> Table:
    """What a repository states in `pyproject.toml`, or else in `requirements.txt`.

    Raises:
        UpdateError: the file is no TOML.
    """
    if (folder / FILE).exists():
        try:
            return tomlkit.parse((folder / FILE).read_text())
        except ParseError as error:
            raise UpdateError(f"{FILE} cannot be read: {error}") from None
    listed = folder / "requirements.txt"
    lines = listed.read_text().splitlines() if listed.exists() else []
    needs = [line.partition("#")[0].strip() for line in lines]
    return {"project": {"dependencies": [need for need in needs if package(need)]}}


def merge(rendered: str, own: Table, packages: Iterable[str]) -> tuple[str, list[str]]:
    """Brings what a repository states into the template's file.

    Metadata, dependencies, and tables and keys that the template lacks come from the repository.
    Where both state something, the template's stands, because its modules are written for that.

    Args:
        rendered: the template's file.
        own: what the repository states.
        packages: folders of the repository that are to be installed.

    Returns:
        The text, and what the repository states and the template's has taken the place of.
    """
    merged: Table = tomlkit.parse(rendered)
    project, theirs = merged["project"], own.get("project", {})
    replaced = [said("project.", "dynamic", theirs.pop("dynamic"))] if "dynamic" in theirs else []
    if "license" in theirs:
        project.pop("license-files", None)
        project.pop("classifiers", None)
    for key in METADATA:
        if key in theirs:
            project[key] = theirs[key]
    replaced += bring(merged, own)
    merged["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"].extend(packages)
    if "jaxcheck" in merged["tool"]:
        merged["tool"]["jaxcheck"]["paths"] = ["."]
    return tomlkit.dumps(merged), replaced


def bring(merged: Table, own: Table, path: str = "") -> list[str]:
    """Adds what is missing, at any depth; what is not added, because both have it, is returned."""
    replaced = []
    for key, value in own.items():
        if key not in merged:
            merged[key] = value
        elif isinstance(value, dict) and isinstance(merged[key], dict):
            replaced += bring(merged[key], value, f"{path}{key}.")
        elif f"{path}{key}" in REQUIREMENTS:
            replaced += [f"{path}{key}: {need}" for need in require(merged[key], value)]
        elif merged[key] != value:
            replaced.append(said(path, key, value))
    return replaced


def said(path: str, key: str, value: Any) -> str:
    """A key and its value as TOML has them, on one line."""
    return f"{path}{' '.join(tomlkit.dumps({key: value}).split())}"


def require(merged: Any, own: Iterable[Any]) -> list[str]:
    """Adds requirements at the end of a list; those of packages that it has are returned."""
    needed = {package(need): need for need in merged}
    for need in own:
        if not package(need) or package(need) not in needed:
            merged.add_line(need)
    return [need for need in own if package(need) and needed.get(package(need), need) != need]


def package(requirement: Any) -> str:
    """The package that a requirement names; an empty string if it is something else."""
    try:
        return canonicalize_name(Requirement(requirement).name)
    except (InvalidRequirement, TypeError):
        return ""
