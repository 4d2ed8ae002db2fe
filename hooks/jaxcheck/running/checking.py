"""Runs the rules over a project; an error in one rule hides nothing of the others."""

import traceback
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path

from ..catalogue import Rule, matching, rules
from ..findings import Confidence, Finding, Place
from ..project import Project
from ..settings import Settings
from ..source.module import Module
from .loading import load, python_files


def check_paths(
    paths: Iterable[Path], root: Path, settings: Settings, unsaved: Mapping[Path, bytes] = {}
) -> tuple[Project, list[Finding]]:
    """Loads the files under paths as one project and runs the rules that its settings select.

    Args:
        paths: Files and folders.
        root: The project's folder.
        settings: The project's settings.
        unsaved: Contents of files that stand in for those on the disk.

    Returns:
        The project, and every finding, in order of place; suppressions are not applied yet.
    """
    files = [*unsaved, *(p for p in python_files(paths, root, settings) if p not in unsaved)]
    loaded = [load(path, root, unsaved.get(path)) for path in files]
    unreadable = [found for found in loaded if isinstance(found, Finding)]
    project = Project.of(root, settings, [m for m in loaded if isinstance(m, Module)])
    return project, in_order([*unreadable, *check(project)])


def check(project: Project) -> Iterator[Finding]:
    """Runs the selected rules over every module of a project that has anything to do with JAX."""
    chosen = selected(project.settings)
    for module in project.modules.values():
        if module.uses_jax:
            for described in chosen:
                if described.check and not left_out(described, module, project.settings):
                    yield from _run(described, module, project)
    for failure in project.failures:
        place = failure.module.place(failure.node)
        yield _internal_error("The abstract interpreter failed here", failure.error, place)


def selected(settings: Settings) -> list[Rule]:
    """Returns the rules that settings select, in the order of their codes."""
    chosen = {code for selector in settings.select for code in matching(selector)}
    chosen -= {code for selector in settings.ignore for code in matching(selector)}
    return [described for code, described in rules().items() if code in chosen]


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Returns findings by place and code, each once."""
    unique = {(f.place.path, f.place.line, f.place.column, f.code): f for f in findings}
    return [unique[key] for key in sorted(unique)]


def left_out(described: Rule, module: Module, settings: Settings) -> bool:
    """Whether a rule that is selected leaves a file alone: a test, or one that settings name."""
    if module.is_test and described.in_tests is None:
        return True
    return any(
        fnmatch(module.relative, pattern) and described.code in matching(selector)
        for pattern, selectors in settings.per_file_ignores.items()
        for selector in selectors
    )


def _run(described: Rule, module: Module, project: Project) -> Iterator[Finding]:
    assert described.check is not None
    try:
        for finding in described.check(module, project):
            least = described.in_tests if module.is_test else Confidence.HEURISTIC
            if least is not None and finding.confidence.rank <= least.rank:
                yield finding
    except Exception as error:  # the contract: it is reported, and stops nothing else
        what = f"{described.code} {described.name} failed on this file"
        yield _internal_error(what, error, Place(module.relative, 1, 1, 1, 1))


def _internal_error(what: str, error: Exception, place: Place) -> Finding:
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    message = (
        f"{what} ({type(error).__name__}: {error}; {where}). Please report it; everything else "
        f"was checked."
    )
    return Finding("JX999", "internal-error", place, message, Confidence.PROVEN)
