"""What modules of a project import: without cycles, down the layers, and each is used."""

import graphlib
from pathlib import Path

import pytest

from .support import rendering
from .support.imports import Package

LOWEST = {"numerics", "parallel", "reporting", "storage", "shared"}
USED = LOWEST | {"training", "tokenization", "pretrained", "post_training", "hooks"}
LAYERS = {
    "shared": set(),
    **{folder: {"shared"} for folder in LOWEST - {"shared"}},
    "configuration": {"shared"},
    "training": LOWEST,
    "hooks": LOWEST | {"training"},
    "tokenization": LOWEST | {"training"},
    "pretrained": LOWEST | {"training", "tokenization", "configuration"},
    "post_training": LOWEST | {"training", "tokenization", "pretrained", "configuration"},
    "yours": USED,
    "experiments": USED | {"yours"},
    "commands": USED | {"yours", "experiments", "configuration"},
    "__main__": {"shared", "commands"},
    "": set(),
}
"""What the modules of each layer may import, beside their own layer."""

SHARED = {"errors", "files", "settings"}
ENTRANCES = {"", "__main__", "experiments"}
"""What others start with: the package, its command, and the experiments."""

FOUND = ("commands.", "hooks.", "pretrained.families.")
"""What is imported by names that are no part of the text."""

KINDS = next(row for row in rendering.factors() if "task" in row[0])
"""Answers that make packages of different modules."""


@pytest.fixture(scope="module", params=KINDS, ids=rendering.label)
def package(
    request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Package:
    """The package of each kind of project."""
    project = tmp_path_factory.mktemp("project") / "p"
    return Package(rendering.contents(rendering.render(template, project, **request.param)))


def test_no_module_imports_itself_by_way_of_others(package: Package) -> None:
    """Imports inside functions count as well: they hide a cycle, and do not undo it."""
    graph: dict[str, set[str]] = {module: set() for module in package.modules}
    for each in package.imports():
        graph[each.importer].add(each.module)
    graph[""] = set()  # every module is imported by way of the package itself
    assert list(graphlib.TopologicalSorter(graph).static_order())


def layer(module: str) -> str:
    """The layer that a module belongs to: a folder's, or for those at the top a name for them."""
    top, _, _ = module.partition(".")
    return top if top in LAYERS else "shared" if top in SHARED else "yours"


def test_imports_go_down_the_layers(package: Package) -> None:
    for each in package.imports():
        above, below = layer(each.importer), layer(each.module)
        assert above == below or below in LAYERS[above] | {""}, each


def test_what_is_imported_is_there(package: Package) -> None:
    assert [each for each in package.imports() if not package.resolves(each)] == []


def test_every_module_is_used(package: Package) -> None:
    """Some are found by their names, and `__init__.py` makes a package."""
    used = {each.module for each in package.imports()}
    used |= {module.rpartition(".")[0] for module in package.modules}
    used |= {module for module in package.modules if module.startswith(FOUND)}
    assert set(package.modules) - used - ENTRANCES == set()
