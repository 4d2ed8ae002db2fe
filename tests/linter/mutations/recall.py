"""Which mutants of a project jaxcheck finds."""

import ast
import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from jaxcheck.findings import Finding
from jaxcheck.project import Project
from jaxcheck.running.checking import check
from jaxcheck.running.configuration import configuration
from jaxcheck.running.loading import load, python_files
from jaxcheck.running.results import results
from jaxcheck.source.module import Module

from .mutants import OPERATORS, Change, Operator, Source

SPECIMENS = Path(__file__).parent / "specimens"
MOST = 80
"""Mutants of one operator in one project; of more sites, evenly spaced ones are taken, enough that
what is found of them does not hang on which ones they are."""


@dataclass(frozen=True)
class Mutant:
    """One change of one file, and what became of it.

    Attributes:
        found: Whether a finding of the operator's item gates that the clean project lacks.
    """

    operator: Operator
    path: str
    line: int
    before: str
    after: str
    equivalent: str
    found: bool

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.operator.name}: {self.before}  ->  {self.after}"


class Subject:
    """A clean project whose files are mutated, one at a time."""

    def __init__(self, root: Path, folders: Iterable[str]) -> None:
        self.root = root
        self.settings = configuration([root]).settings
        self._clean: dict[int, Counter[tuple[str, str]]] = {}
        paths = python_files([root / name for name in folders], root, self.settings)
        loaded = [load(path, root) for path in paths]
        self.modules = [module for module in loaded if isinstance(module, Module)]
        assert len(loaded) == len(self.modules), "a file of the clean project does not parse"
        self._names = {module.relative: module.name for module in self.modules}

    def clean(self, item: int) -> Counter[tuple[str, str]]:
        """The gating findings of an item in the project as it stands, by file and code."""
        if item not in self._clean:
            self._clean[item] = self._gating(item, {})
        return self._clean[item]

    def mutants(self, item: int) -> Iterator[Mutant]:
        """Makes the mutants of an item and checks each."""
        Project.of(self.root, self.settings, self.modules)
        sources = [Source(module) for module in self.modules if module.uses_jax]
        for each in operators():
            if each.item == item:
                sites = [(source, change) for source in sources for change in each.sites(source)]
                for source, change in _spread(sites):
                    yield self._mutant(each, source, change)
                    Project.of(self.root, self.settings, self.modules)

    def _mutant(self, operator: Operator, source: Source, change: Change) -> Mutant:
        text = source.apply(change)
        module = source.module
        found = not change.equivalent and bool(
            self._gating(operator.item, {module.relative: text}) - self.clean(operator.item)
        )
        first = min(change.edits, key=lambda edit: edit.start)
        line = source.bytes[: first.start].count(b"\n")
        before = module.source.split("\n")[line].strip()
        after = text.split("\n")[line].strip()
        return Mutant(operator, module.relative, line + 1, before, after, change.equivalent, found)

    def found(self, selector: str, texts: Mapping[str, str]) -> list[Finding]:
        """What the selected rules find in the project with other texts in some of its files."""
        settings = replace(self.settings, select=(selector,))
        linked = [self._relinked(module, texts) for module in self.modules]
        project = Project.of(self.root, settings, linked)
        findings = results(project, check(project)).findings
        broken = [finding.message for finding in findings if finding.code == "JX999"]
        assert not broken, broken
        return findings

    def _gating(self, item: int, texts: Mapping[str, str]) -> Counter[tuple[str, str]]:
        findings = self.found(f"JX{item}", texts)
        mine = [finding for finding in findings if finding.item == item and finding.gates]
        return Counter((finding.place.path, finding.code) for finding in mine)

    def _relinked(self, module: Module, texts: Mapping[str, str]) -> Module:
        """The same module without what it remembers of the project that it was linked into.

        The index depends on the module's own tree alone, so it is kept.
        """
        name = self._names[module.relative]
        if text := texts.get(module.relative):
            return Module(module.path, module.relative, name, text, ast.parse(text))
        again = Module(module.path, module.relative, name, module.source, module.tree)
        again.__dict__["index"] = module.index
        return again


def _spread(sites: list[tuple[Source, Change]]) -> list[tuple[Source, Change]]:
    if len(sites) <= MOST:
        return sites
    return [sites[round(at * (len(sites) - 1) / (MOST - 1))] for at in range(MOST)]


@cache
def operators() -> tuple[Operator, ...]:
    """Every operator, by item."""
    package = importlib.import_module(f"{__package__}.operators")
    for found in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{found.name}")
    return tuple(sorted(OPERATORS, key=lambda each: each.item))


def table(mutants: list[Mutant]) -> str:
    """A line per operator, then the mutants that survived."""
    lines = []
    for each in dict.fromkeys(mutant.operator for mutant in mutants):
        mine = [mutant for mutant in mutants if mutant.operator is each]
        counted = [mutant for mutant in mine if not mutant.equivalent]
        found = sum(mutant.found for mutant in counted)
        lines.append(
            f"item {each.item:2}  {each.name:32} {found:3} of {len(counted):3} found"
            + (f", {len(mine) - len(counted)} equivalent" if len(mine) > len(counted) else "")
        )
        reasons = Counter(mutant.equivalent for mutant in mine if mutant.equivalent)
        lines += [f"         {count} equivalent: {reason}" for reason, count in reasons.items()]
    lines += [f"survived  {m}" for m in mutants if not m.found and not m.equivalent]
    return "\n".join(lines)


def recall(mutants: list[Mutant]) -> float:
    """The share of the mutants found, equivalent ones left out."""
    counted = [mutant for mutant in mutants if not mutant.equivalent]
    return sum(mutant.found for mutant in counted) / len(counted) if counted else 0.0
