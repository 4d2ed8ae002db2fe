"""Item 1: annotations that nothing checks at run time."""

import ast
from collections.abc import Iterator
from pathlib import Path

from ..arrays.signatures import signatures
from ..catalogue import rule
from ..findings import Confidence, Finding, Severity
from ..project import Project
from ..source.module import Module

_MEANS = ("install_import_hook", "jaxtyping-packages", "jaxtyped", "beartype_this_package")
_FILES = (
    "pyproject.toml",
    "pytest.ini",
    "setup.cfg",
    "tox.ini",
    "conftest.py",
    "tests/conftest.py",
)


@rule(
    "JX106",
    "unchecked-annotations",
    "A package annotates arrays with jaxtyping, and nothing checks the annotations at run time.",
    confidences=(Confidence.LIKELY,),
    severity=Severity.WARNING,
)
def unchecked_annotations(module: Module, project: Project) -> Iterator[Finding]:
    """One finding for a project, at its first import of jaxtyping."""
    found = _first_import(project)
    if found is not None and found[0] is module:
        yield module.finding(
            "JX106",
            found[1],
            "Nothing checks this package's array annotations, so a wrong one stays. Call "
            'install_import_hook(__name__, "beartype.beartype") of jaxtyping in the package\'s '
            "__init__.py: array functions are then checked while JAX traces them.",
        )


def _first_import(project: Project) -> tuple[Module, ast.AST] | None:
    """The first import of jaxtyping in a package whose annotations nothing checks."""
    if "unchecked annotations" not in project.facts:
        project.facts["unchecked annotations"] = _search(project)
    return project.facts["unchecked annotations"]


def _search(project: Project) -> tuple[Module, ast.AST] | None:
    if not (project.root / "pyproject.toml").is_file() or _is_checked(project):
        return None
    for module in sorted(project.modules.values(), key=lambda m: m.relative):
        packaged = "." in module.name and not module.is_test and module.uses_jax
        if packaged and signatures(module, project):
            for statement in module.nodes(ast.ImportFrom):
                if statement.module == "jaxtyping":
                    return module, statement
    return None


def _is_checked(project: Project) -> bool:
    if any(means in m.source for m in project.modules.values() for means in _MEANS):
        return True
    return any(_mentions(project.root / name) for name in _FILES)


def _mentions(path: Path) -> bool:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return any(means in text for means in _MEANS)
