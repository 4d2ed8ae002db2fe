"""Results as JSON, for other programs."""

import json
from dataclasses import asdict
from typing import Any

from .. import __version__
from ..findings import Finding
from ..running.results import Results
from . import summary
from .coverage import Row


def render(results: Results, coverage: list[Row] | None = None) -> str:
    """Returns one object: `findings`, `version`, `summary`, and `coverage` if asked for."""
    shown: dict[str, Any] = {
        "version": __version__,
        "root": str(results.project.root),
        "findings": [_finding(finding) for finding in results.findings],
        "summary": summary.counts(results),
    }
    if coverage is not None:
        shown["coverage"] = [asdict(row) for row in coverage]
    return json.dumps(shown, indent=2) + "\n"


def _finding(finding: Finding) -> dict[str, Any]:
    place = asdict(finding.place)
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
        "related": [asdict(related) for related in finding.related],
        "fix": asdict(finding.fix) if finding.fix is not None else None,
        "function": finding.function,
        "fingerprint": finding.fingerprint,
    }
