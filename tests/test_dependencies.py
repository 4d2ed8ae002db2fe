"""A project declares what it imports and nothing that it does not use, within bounds."""

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .support import rendering

MODULES = {
    "google-metrax": "metrax",
    "google-tunix": "tunix",
    "orbax-checkpoint": "orbax",
    "pillow": "PIL",
    "scikit-learn": "sklearn",
    "tensorboardx": "tensorboardX",
}
"""Distributions whose module is called otherwise."""

NEVER_IMPORTED = {
    "basedpyright": "a command",
    "flatbuffers": "jax.export writes files with it",
    "google-metrax": "Tunix reaches into it",
    "holidays": "a calendar, used where it is installed",
    "pandas": "Tunix imports it, but does not declare it",
    "pre-commit": "a command",
    "qwix": "Tunix reaches into it",
    "python-calamine": "spreadsheets, read where it is installed",
    "ruff": "a command",
    "sentencepiece": "tokenizers of some published models, which load it by its name",
    "statsmodels": "the sample, which is read as a file",
    "tensorboard": "a command, which shows what tensorboardX writes",
}


class Needs(NamedTuple):
    """The modules that a project declares."""

    use: set[str]
    development: set[str]


def stated(project: Path) -> dict[str, Any]:
    return tomllib.loads((project / "pyproject.toml").read_text())


def names(requirements: list[str]) -> set[str]:
    """The distributions that requirements name."""
    return {re.split(r"[\[<>=;]", requirement)[0] for requirement in requirements}


def modules(requirements: list[str]) -> set[str]:
    """The modules for which requirements stand."""
    return {MODULES.get(name, name.replace("-", "_")) for name in names(requirements)}


def imports(folder: Path, own: str, inside_functions: bool = True) -> set[str]:
    """The foreign packages that the modules below a folder import."""
    found = set()
    for path in folder.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree) if inside_functions else tree.body:
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add(str(node.module).partition(".")[0])
    return found - sys.stdlib_module_names - {own}


@pytest.fixture
def own(project: Path) -> str:
    return rendering.answers_of(project)["package_name"]


@pytest.fixture
def needs(project: Path) -> Needs:
    told = stated(project)
    return Needs(
        modules(told["project"]["dependencies"]), modules(told["dependency-groups"]["dev"])
    )


def test_imports_are_declared(project: Path, own: str, needs: Needs) -> None:
    """What is loaded for use is installed for use; a sample may come from the development group."""
    loaded = imports(project / "src", own, inside_functions=False)
    assert "jax" in loaded
    assert loaded <= needs.use
    both = needs.use | needs.development
    assert imports(project / "src", own) <= both
    assert imports(project / "tests", own) <= both


def test_nothing_is_declared_in_vain(project: Path, own: str, needs: Needs) -> None:
    allowed = modules(list(NEVER_IMPORTED))
    source = imports(project / "src", own)
    assert needs.use - source <= allowed
    assert needs.development - source - imports(project / "tests", own) <= allowed


def test_each_exception_is_needed(project: Path, own: str, needs: Needs) -> None:
    imported = imports(project / "src", own) | imports(project / "tests", own)
    assert not imported & modules(list(NEVER_IMPORTED))


def test_jax_and_flax_move_in_pairs(project: Path) -> None:
    told = stated(project)["project"]
    floor = rendering.answers_of(project)["python_floor"]
    assert told["requires-python"] == f">={floor}"
    pairs = [need.split(">=")[0] for need in told["dependencies"] if re.match("jax>|flax>", need)]
    assert pairs == ["jax", "flax"] * (2 if floor == "3.11" else 1)
    assert all(re.search("<|==", need) for need in told["dependencies"]), "one has no upper bound"


def test_package_names_cannot_be_a_dependency(project: Path) -> None:
    told = stated(project)
    reserved = (rendering.ROOT / "includes" / "reserved.jinja").read_text()
    groups = [told["project"]["dependencies"], told["dependency-groups"]["dev"]]
    for name in names([*groups[0], *groups[1], *told["build-system"]["requires"]]):
        assert f"'{name.replace('-', '_')}'" in reserved
