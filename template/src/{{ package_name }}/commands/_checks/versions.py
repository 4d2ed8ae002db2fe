"""Whether the packages that are installed belong together."""

import tomllib
from collections import defaultdict
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from ...errors import UserError
from ...files import read_json, read_text
from ...storage.run_directory import RunDirectory
from .finding import Finding

_PACKAGE = __name__.partition(".")[0]
_FOLDER = Path(__file__).parents[4]


def check_versions(run: RunDirectory | None, folder: Path = _FOLDER) -> Iterator[Finding]:
    """Compare what is installed with what the project asks for, has locked, and a run had.

    Args:
        run: The run, if there is one.
        folder: The project's.

    Raises:
        UserError: A file cannot be read.
    """
    wanted = [*_requirements(folder), *(metadata.requires("jax") or ())]
    for text in wanted:
        need = Requirement(text)
        if need.marker is not None and not need.marker.evaluate({"extra": ""}):
            continue
        found = _version(need.name)
        if found is None or not need.specifier.contains(found, prereleases=True):
            is_there = f"{found} is installed" if found else "is missing"
            said = f"{is_there}, but {need.specifier or 'any version'} is needed: run uv sync"
            yield Finding(f"versions: {need.name}", said, "wrong")
    for name, locked in _locked(folder / "uv.lock").items():
        found = _version(name)
        if found is not None and found not in locked:
            said = f"{found} is installed, but {' or '.join(sorted(locked))} is locked: run uv sync"
            yield Finding(f"versions: {name}", said, "warning")
    if run is not None and run.environment.exists():
        for name, had in _last_start(run, "packages").items():
            found = _version(name)
            if found != had:
                said = f"the run was last started with {had}, here is {found}: losses may differ"
                yield Finding(f"versions: {name}", said, "warning")
    names = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain")
    yield Finding("versions", ", ".join(f"{name} {_version(name)}" for name in names))


def check_platform(run: RunDirectory | None, platform: str, count: int) -> Iterator[Finding]:
    """Compare the devices with those that a run was last started on, and that packages are for."""
    plugins = [point.name for point in metadata.entry_points(group="jax_plugins")]
    if platform == "cpu" and plugins:
        said = f"{', '.join(plugins)} is installed, but JAX finds the CPU alone: look at the driver"
        yield Finding("devices", said, "wrong")
    if run is not None and run.environment.exists():
        had = _last_start(run, "devices")
        before = had.get("count"), had.get("platform")
        if had and before != (count, platform):
            said = f"the run was last started on {before[0]} of {before[1]}: losses may differ"
            yield Finding("devices", said, "warning")
    yield Finding("devices", f"{count} of {platform}")


def _requirements(folder: Path) -> list[str]:
    project = folder / "pyproject.toml"
    if project.is_file():
        return tomllib.loads(read_text(project))["project"]["dependencies"]
    return metadata.requires(_PACKAGE) or []  # the package is installed as a wheel


def _locked(path: Path) -> dict[str, set[str]]:
    """The versions of each package in a lock file, which may have one for each Python."""
    versions = defaultdict[str, set[str]](set)
    if path.is_file():
        for package in tomllib.loads(read_text(path)).get("package", ()):
            if "registry" in package.get("source", {}):
                versions[package["name"]].add(package["version"])
    return versions


def _last_start(run: RunDirectory, part: str) -> dict[str, Any]:
    try:
        return dict(read_json(run.environment, list)[-1][part])
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{run.environment} is damaged: delete it; train begins it anew") from error


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
