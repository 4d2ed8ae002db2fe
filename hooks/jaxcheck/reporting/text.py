"""Findings as text: each with its place, its reason, and the line of code that it is about."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ..catalogue import rules
from ..findings import Confidence, Finding, Fix, Severity
from ..running.edits import apply
from ..running.results import Results
from ..source.module import Module
from . import summary
from .coverage import Row, table

WIDEST = 160
"""Columns; of a longer line of code only the place is shown."""


def render(results: Results, coverage: list[Row] | None = None) -> str:
    """Returns findings, their count, and the coverage report."""
    blocks = ["\n".join(_finding(finding, results)) for finding in results.findings]
    blocks.append(summary.sentence(results))
    if coverage is not None:
        blocks.append(table(coverage))
    return "\n\n".join(blocks) + "\n"


def statistics(results: Results, coverage: list[Row] | None = None) -> str:
    """Returns how often each rule was broken, the most frequent one first."""
    found = Counter(finding.code for finding in results.findings)
    failing = Counter(finding.code for finding in results.findings if finding.gates)
    lines = [
        f"{number:6}  {code:7} {rules()[code].name}"
        + (f" ({number - failing[code]} only to consider)" if failing[code] < number else "")
        for code, number in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    lines.append(summary.sentence(results))
    if coverage is not None:
        lines += ["", table(coverage)]
    return "\n".join(lines) + "\n"


def headline(finding: Finding, path: str, results: Results) -> str:
    """Returns a finding in one line."""
    place = finding.place
    doubts = []
    if finding.confidence is Confidence.HEURISTIC:
        doubts.append("heuristic")
    if finding.severity is not Severity.ERROR:
        doubts.append(str(finding.severity))
    doubt = f" ({', '.join(doubts)})" if doubts else ""
    message = " ".join(finding.message.split())
    where = f"{path}:{results.spot(place)}:{place.column}"
    return f"{where}: {finding.code}[{finding.name}]{doubt} {message}"


def _finding(finding: Finding, results: Results) -> Iterator[str]:
    root = results.project.root
    module = results.modules.get(finding.place.path)
    yield headline(finding, _shown(finding.place.path, root), results)
    if module is not None:
        yield from _code(finding, module)
    for place in finding.related:
        yield f"    {place.message or 'see also'}: {_shown(place.path, root)}:{results.spot(place)}"
    if finding.fix is not None and module is not None:
        yield from _fix(finding.fix, module)


def _code(finding: Finding, module: Module) -> Iterator[str]:
    """Yields the line of code and a line that marks the place in it."""
    place = finding.place
    line = module.lines[place.line - 1].replace("\t", " ").rstrip()
    indent = len(line) - len(line.lstrip())
    if len(line) - indent > WIDEST or not line.strip():
        return
    end = place.end_column if place.end_line == place.line else len(line) + 1
    marks = "^" * max(1, min(end, len(line) + 1) - place.column)
    yield f"    | {line[indent:]}"
    yield f"    | {' ' * (place.column - 1 - indent)}{marks}"


def _fix(fix: Fix, module: Module) -> Iterator[str]:
    """Yields what a fix would do, with the lines that it would leave."""
    how = "--fix can do this" if fix.safe else "suggestion"
    yield f"    {how}: {fix.description}"
    try:
        after = apply(module.source, fix.edits).split("\n")
    except ValueError:
        return
    before = module.lines
    first = 0
    while first < min(len(before), len(after)) and before[first] == after[first]:
        first += 1
    last = 0
    while last < min(len(before), len(after)) - first and before[-1 - last] == after[-1 - last]:
        last += 1
    changed = after[first : len(after) - last]
    if len(changed) <= 5 and all(len(line) <= WIDEST for line in changed):
        yield from (f"    + {line.strip()}" for line in changed)


def _shown(path: str, root: Path) -> str:
    """Returns a path as it is called from the current folder, if it lies below that."""
    relative = os.path.relpath(root / path)
    return path if relative.startswith("..") else relative
