"""The coverage report: how far a project keeps each item of the checklist, in twelve rows."""

import ast
from dataclasses import dataclass

from ..catalogue import ITEMS, coverage_subjects
from ..findings import Finding
from ..running.checking import selected
from ..running.results import Results
from ..source.module import Module

PASS, FAIL, NOT_APPLICABLE, NOT_CHECKED = "pass", "fail", "not applicable", "not checked"
CHECKLIST = range(1, 13)


@dataclass(frozen=True)
class Row:
    """How far one item is kept.

    Attributes:
        item: Its number.
        title: What it asks for.
        status: `pass`; `fail` if something breaks it; `not applicable` if there is nothing that it
            speaks of; `not checked` if none of its rules was selected.
        passed: How many of its subjects keep it.
        total: How many there are.
        count: The same as a sentence, such as `31 of 31 array functions annotated`.
        failing: How many findings break it.
        suppressed: How many more there would be but for comments.
    """

    item: int
    title: str
    status: str
    passed: int
    total: int
    count: str
    failing: int
    suppressed: int


def rows(results: Results) -> list[Row]:
    """Returns the report. What the baseline tolerates counts as broken here."""
    ran = {rule.item for rule in selected(results.project.settings)}
    return [_row(item, results, item in ran) for item in CHECKLIST]


def table(report: list[Row]) -> str:
    """Returns the report as text."""
    widths = [
        max(len(text) for text in column) for column in zip(*map(_cells, report), strict=True)
    ]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(_cells(row), widths, strict=True))
        for row in report
    ]
    return "\n".join(line.rstrip() for line in lines)


def markdown(report: list[Row]) -> str:
    """Returns the report as a Markdown table."""
    head = "| item | convention | result | count |\n|---|---|---|---|\n"
    return head + "".join(
        f"| {row.item} | {row.title} | {row.status} | {_count(row)} |\n" for row in report
    )


def _cells(row: Row) -> tuple[str, ...]:
    return f"{row.item:2}", row.status, row.title, _count(row)


def _count(row: Row) -> str:
    parts = [row.count] if row.count else []
    if row.failing:
        parts.append(f"{row.failing} finding{'' if row.failing == 1 else 's'}")
    if row.suppressed:
        parts.append(f"{row.suppressed} suppressed")
    return ", ".join(parts)


def _row(item: int, results: Results, ran: bool) -> Row:
    breaking = [f for f in (*results.findings, *results.tolerated) if f.gates and f.item == item]
    suppressed = sum(finding.item == item for finding in results.suppressed)
    if not ran:
        return Row(item, ITEMS[item], NOT_CHECKED, 0, 0, "", 0, 0)
    by_file: dict[str, list[Finding]] = {}
    for finding in breaking:
        by_file.setdefault(finding.place.path, []).append(finding)
    passed = total = 0
    subjects = coverage_subjects().get(item)
    for module in results.project.modules.values():
        if subjects is None or module.is_test or not module.uses_jax:
            continue
        inside = by_file.get(module.relative, [])
        for node in subjects.find(module, results.project):
            total += 1
            passed += not any(_holds(node, module, finding) for finding in inside)
    count = f"{passed} of {total} {subjects.unit}" if subjects is not None and total else ""
    status = FAIL if breaking else PASS if total else NOT_APPLICABLE
    return Row(item, ITEMS[item], status, passed, total, count, len(breaking), suppressed)


def _holds(node: ast.AST, module: Module, finding: Finding) -> bool:
    """Whether a finding lies in a subject; decorators belong to what they decorate."""
    place = module.place(node)
    starts = [(place.line, place.column)]
    starts += [(d.lineno, 1) for d in getattr(node, "decorator_list", ())]
    at = (finding.place.line, finding.place.column)
    return min(starts) <= at <= (place.end_line, place.end_column)
