"""Results as JSON, for other programs."""

import json
from dataclasses import asdict
from typing import Any

from .. import __version__
from ..findings import Finding, Place
from ..running.results import Results
from ..source import notebook
from . import summary
from .coverage import Row


def render(results: Results, coverage: list[Row] | None = None) -> str:
    """Returns one object: `findings`, `version`, `summary`, and `coverage` if asked for."""
    shown: dict[str, Any] = {
        "version": __version__,
        "root": str(results.project.root),
        "findings": [_finding(finding, results) for finding in results.findings],
        "summary": summary.counts(results),
    }
    if coverage is not None:
        shown["coverage"] = [asdict(row) for row in coverage]
    return json.dumps(shown, indent=2) + "\n"


def _place(place: Place, results: Results) -> dict[str, Any]:
    """Returns a place; in a notebook with its cell, from which lines are counted."""
    found = asdict(place)
    module = results.modules.get(place.path)
    if module is not None and notebook.is_notebook(place.path):
        found["cell"], found["line"] = notebook.place_in(module.lines, place.line)
        _, found["end_line"] = notebook.place_in(module.lines, place.end_line)
    return found


def _finding(finding: Finding, results: Results) -> dict[str, Any]:
    place = _place(finding.place, results)
    del place["message"]
    return {
        **place,
        "code": finding.code,
        "name": finding.name,
        "message": finding.message,
        "confidence": finding.confidence,
        "severity": finding.severity,
        "fails": finding.gates,
        "tier": finding.tier,
        "related": [_place(related, results) for related in finding.related],
        "fix": asdict(finding.fix) if finding.fix is not None else None,
        "function": finding.function,
        "fingerprint": finding.fingerprint,
    }
