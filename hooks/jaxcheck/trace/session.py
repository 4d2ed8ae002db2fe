"""One run of the trace tier over a package, together with the static tier."""

import contextlib
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from ..findings import Finding
from ..project import Project
from ..running.checking import check_paths, selected
from ..running.configuration import ConfigurationError
from ..settings import Settings
from ..source.module import Module
from .annotations import brief
from .candidates import Candidate, Unreadable, candidates
from .importing import import_all
from .judging import Judge, Verdict
from .merging import may_be_settled, merge
from .meshes import mesh_findings
from .registry import Registry


@dataclass
class Outcome:
    """What a run came to.

    Attributes:
        project: The package's files.
        findings: What both tiers found, suppressions not applied yet.
        traced: The functions that were traced.
        symbolic: How many of them were traced for all sizes at once.
        undecided: Why the other functions could not be traced, by their dotted names.
    """

    project: Project
    findings: list[Finding] = field(default_factory=list)
    traced: list[str] = field(default_factory=list)
    symbolic: int = 0
    undecided: dict[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """How much of the package was traced, in one line."""
        total = len(self.traced) + len(self.undecided)
        return (
            f"traced {len(self.traced)} of {total} array functions "
            f"({self.symbolic} for all sizes), {len(self.undecided)} undecided"
        )


def run(package: str, folder: Path, root: Path, settings: Settings, registry: Registry) -> Outcome:
    """Checks a package with both tiers.

    Args:
        package: The dotted name of the package or module.
        folder: The package's folder, or the module's file.
        root: The project's folder, which paths in findings start from.
        settings: The project's settings.
        registry: The inputs that the project supplies.

    Raises:
        ConfigurationError: The project's inputs are no good.
    """
    project, static = check_paths([folder], root, settings)
    imported, found = import_all(project.modules.values(), package, folder)
    _check_registry(registry, package)
    outcome = Outcome(project)
    doubted = {_function_of(finding) for finding in static if may_be_settled(finding)}
    with tempfile.TemporaryDirectory() as elsewhere, contextlib.chdir(elsewhere):
        # What a function writes to a file of its own choice while it is traced goes there.
        verdicts = _verdicts(Judge(project, registry), outcome, imported, doubted)
        found += mesh_findings(project, imported)
    for verdict in verdicts.values():
        found += verdict.findings
    codes = {rule.code for rule in selected(settings)}
    found = [finding for finding in found if finding.code in codes]
    outcome.findings = merge(static, found, verdicts)
    return outcome


def _verdicts(
    judge: Judge,
    outcome: Outcome,
    imported: Mapping[Module, ModuleType],
    doubted: set[tuple[str, str]],
) -> dict[tuple[str, str], Verdict]:
    """Judges every candidate, notes what came of it, and returns the verdicts by function."""
    verdicts: dict[tuple[str, str], Verdict] = {}
    for candidate in candidates(outcome.project, imported):
        name = f"{candidate.module.name}.{candidate.function.qualname}"
        if isinstance(candidate, Unreadable):
            outcome.undecided[name] = candidate.reason
            continue
        key = (candidate.module.relative, candidate.function.qualname)
        verdicts[key] = verdict = _judged(judge, candidate, key in doubted)
        if verdict.undecided:
            outcome.undecided[name] = verdict.undecided
        else:
            outcome.traced.append(name)
            outcome.symbolic += verdict.symbolic
    return verdicts


def _function_of(finding: Finding) -> tuple[str, str]:
    """Returns the file and the outermost function that a finding lies in."""
    return finding.place.path, finding.function.partition(".<locals>")[0]


def _judged(judge: Judge, candidate: Candidate, watch: bool) -> Verdict:
    try:
        return judge.judge(candidate, watch=watch)
    except ConfigurationError:
        raise
    except Exception as error:  # an odd class or decorator must not hide the other functions
        return Verdict(undecided=f"the trace tier itself failed: {brief(error)}", clean=False)


def _check_registry(registry: Registry, package: str) -> None:
    """Finds misspelt names; those of other packages' classes may be anything.

    Raises:
        ConfigurationError: A name inside the package is none of its classes and functions.
    """
    for name in registry.inputs:
        module, rest = name, ""
        while module and module not in sys.modules:
            module, _, last = module.rpartition(".")
            rest = f"{last}.{rest}" if rest else last
        value: Any = sys.modules.get(module)
        for part in rest.split("."):
            value = getattr(value, part, None)
        if value is None and name.startswith(f"{package}."):
            raise ConfigurationError(f"INPUTS names {name}, which the package does not have")
