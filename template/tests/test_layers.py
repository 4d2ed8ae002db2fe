"""Imports run one way: commands, then your modules and training, then the four folders below."""

import ast
from pathlib import Path

from .project import package

ROOT = Path(package.__file__).parent
SHARED = {"errors", "files", "settings"}
LOWEST = {"numerics", "parallel", "storage", "reporting"}
ABOVE_TRAINING = {"commands", "experiments", "configuration", "__main__"}


def imports(path: Path) -> set[str]:
    """Top-level parts of the package that a module imports."""
    level_of = len(path.relative_to(ROOT).parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == level_of:
            names = [alias.name for alias in node.names]
            found |= {node.module.partition(".")[0]} if node.module else set(names)
    return found


def test_the_lowest_folders_stand_by_themselves():
    seen = set()
    for folder in LOWEST:
        for path in (ROOT / folder).glob("*.py"):
            seen |= imports(path)
            assert imports(path) <= SHARED, path
    assert seen == SHARED


def test_training_never_imports_your_modules():
    for path in (ROOT / "training").glob("*.py"):
        assert imports(path) <= SHARED | LOWEST, path


def test_nothing_imports_what_stands_above_it():
    for path in ROOT.rglob("*.py"):
        part = path.relative_to(ROOT).parts[0].removesuffix(".py")
        # Variations of experiments belong with the experiments, whatever folder they are in.
        if part not in ABOVE_TRAINING and path.stem != "presets":
            assert not imports(path) & ABOVE_TRAINING, path
