"""Findings as workflow commands of GitHub, and the table for the summary of the step."""

from ..findings import Finding, Severity
from ..running.results import Results
from ..source import notebook
from . import coverage as coverage_report
from . import summary
from .coverage import Row
from .places import from_repository
from .text import headline

MOST = 10
"""Annotations: GitHub drops what a step says beyond ten."""

MOST_ROWS = 1000
"""Rows of the summary, which may not exceed a mebibyte."""

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(results: Results, coverage: list[Row] | None = None) -> str:
    """Returns the weightiest findings as annotations, and the others as plain lines."""
    root = results.project.root
    ordered = sorted(results.findings, key=_weight)
    lines = [
        _command(finding, from_repository(finding.place.path, root), results)
        for finding in ordered[:MOST]
    ]
    lines += [headline(finding, finding.place.path, results) for finding in ordered[MOST:]]
    lines.append(summary.sentence(results))
    if coverage is not None:
        lines.append(coverage_report.table(coverage))
    return "\n".join(lines) + "\n"


def step_summary(results: Results, coverage: list[Row] | None = None) -> str:
    """Returns all findings and the coverage report as Markdown."""
    text = f"## jaxcheck\n\n{summary.sentence(results)}\n"
    if coverage is not None:
        text += f"\n{coverage_report.markdown(coverage)}"
    ordered = sorted(results.findings, key=_weight)
    if ordered:
        text += "\n| place | rule | confidence | finding |\n|---|---|---|---|\n"
        for finding in ordered[:MOST_ROWS]:
            place = f"{finding.place.path}:{results.spot(finding.place)}"
            rule = f"{finding.code} {finding.name}"
            text += (
                f"| {_cell(place)} | {rule} | {finding.confidence} | {_cell(finding.message)} |\n"
            )
        if len(ordered) > MOST_ROWS:
            text += f"\nand {len(ordered) - MOST_ROWS} more\n"
    return text


def _weight(finding: Finding) -> tuple[bool, int, int]:
    severities = list(_LEVELS)
    return not finding.gates, severities.index(finding.severity), finding.confidence.rank


def _command(finding: Finding, path: str, results: Results) -> str:
    level = _LEVELS[finding.severity] if finding.gates else "notice"
    place = finding.place
    message, where = finding.message, dict[str, int]()
    if notebook.is_notebook(path):  # its lines are not those that people see
        message = f"{results.spot(place)}: {message}"
    else:
        where = {"line": place.line, "endLine": place.end_line}
        if place.line == place.end_line:  # GitHub refuses columns that span lines
            where |= {"col": place.column, "endColumn": place.end_column}
    properties = {"file": path, **where, "title": f"{finding.code} {finding.name}"}
    stated = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    for related in finding.related:
        message += f"\n{related.message or 'see also'}: {related.path}:{results.spot(related)}"
    return f"::{level} {stated}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _cell(text: str) -> str:
    """Returns text as it may stand in a cell of a Markdown table."""
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())
