"""Imports the modules of a package; one that cannot be imported is a finding."""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from ..catalogue import rules
from ..findings import Confidence, Finding, Place
from ..running.configuration import ConfigurationError
from ..source.module import Module


def find_package(named: str, root: Path) -> tuple[str, Path]:
    """Returns the dotted name of a package or module, and the folder or file that it lies in.

    The package is looked for where Python looks, then in the project's folder and in its `src`.

    Args:
        named: Its dotted name, or the path of its folder or file.
        root: The project's folder.

    Raises:
        ConfigurationError: It is not there.
    """
    path = Path(named)
    if "/" in named or named.endswith(".py") or (path.is_dir() and "." not in named):
        if not path.exists():
            raise ConfigurationError(f"{named}: there is no such file or folder")
        return _by_path(path.resolve())
    sys.path += [str(f) for f in (root, root / "src") if str(f) not in sys.path]
    importlib.invalidate_caches()
    try:
        spec = importlib.util.find_spec(named)
    except Exception as error:  # a parent package runs its own code
        raise ConfigurationError(f"{named}: its parent package fails: {error}") from error
    if spec is None:
        raise ConfigurationError(
            f"{named}: no such package, neither installed nor in {root} or its src"
        )
    if spec.submodule_search_locations:
        return named, Path(next(iter(spec.submodule_search_locations)))
    return named, Path(spec.origin or named)


def _by_path(path: Path) -> tuple[str, Path]:
    parts = [path.stem if path.is_file() else path.name]
    outside = path.parent
    while (outside / "__init__.py").is_file():
        parts.insert(0, outside.name)
        outside = outside.parent
    sys.path.insert(0, str(outside))
    return ".".join(parts), path


def import_all(
    modules: Iterable[Module], package: str, folder: Path
) -> tuple[dict[Module, ModuleType], list[Finding]]:
    """Imports modules, except tests and `__main__`, which is a program.

    Args:
        modules: The modules.
        package: The dotted name of the package or module that they belong to.
        folder: Its folder, or its file.

    Returns:
        The modules that can be imported, and a finding for each of the others.
    """
    imported: dict[Module, ModuleType] = {}
    findings: list[Finding] = []
    for module in modules:
        if module.is_test or module.path.stem == "__main__":
            continue
        inside = module.path.resolve().relative_to(folder.resolve()).parts
        parts = (part.removesuffix(".py") for part in inside)
        name = ".".join([package, *(part for part in parts if part != "__init__")])
        try:
            imported[module] = importlib.import_module(name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            findings.append(_not_importable(module, name, error))
    return imported, findings


def _not_importable(module: Module, name: str, error: BaseException) -> Finding:
    line = 1
    file = module.path.resolve()
    for frame, number in traceback.walk_tb(error.__traceback__):
        if Path(frame.f_code.co_filename) == file:
            line = number
    if isinstance(error, SyntaxError) and error.filename == str(file):
        line = error.lineno or 1
    what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    message = (
        f"{name} cannot be imported ({what}), so nothing in it was traced. Run the trace "
        f"tier where the project's dependencies are installed, and import modules without "
        f"starting programs."
    )
    length = len(module.lines[line - 1]) if line <= len(module.lines) else 0
    place = Place(module.relative, line, 1, line, length + 1)
    rule = rules()["JX998"]
    return Finding(rule.code, rule.name, place, message, Confidence.PROVEN, tier="trace")
