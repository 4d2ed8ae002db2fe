"""Results as SARIF 2.1.0, which code scanning services read."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import __version__
from ..catalogue import ITEMS, Rule, rules
from ..findings import Finding, Fix, Place, Severity
from ..running.pages import page
from ..running.results import INTERNAL, Results
from ..source import notebook
from .coverage import Row
from .places import from_repository

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
BASE = "%SRCROOT%"


def render(results: Results, coverage: list[Row] | None = None) -> str:
    """Returns a log with one run."""
    listed = list(rules().values())
    indices = {rule.code: index for index, rule in enumerate(listed)}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "jaxcheck",
                "version": __version__,
                "rules": [_rule(rule) for rule in listed],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {BASE: {"description": {"text": "The root of the repository."}}},
        "invocations": [{"executionSuccessful": results.status != INTERNAL}],
        "results": [_result(finding, indices, results) for finding in results.findings],
    }
    if coverage is not None:
        run["properties"] = {"coverage": [asdict(row) for row in coverage]}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    written = page(rule) or rule.summary
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": f"{ITEMS[rule.item]}. {rule.summary}"},
        "help": {"text": written, "markdown": written},
        "defaultConfiguration": {"level": str(rule.severity), "enabled": rule.profile == "bugs"},
        "properties": {
            "tags": [f"item {rule.item}", rule.profile, *rule.tiers],
            "precision": "very-high" if rule.confidences[0].rank == 0 else "high",
        },
    }


def _result(finding: Finding, indices: dict[str, int], results: Results) -> dict[str, Any]:
    root, text = results.project.root, finding.message
    is_notebook = notebook.is_notebook(finding.place.path)
    if is_notebook:
        text = f"{results.spot(finding.place)}: {text}"
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": indices[finding.code],
        "level": str(finding.severity if finding.gates else Severity.NOTE),
        "message": {"text": text},
        "locations": [_location(finding.place, root)],
        # Code scanning reads no other fingerprint than this one.
        "partialFingerprints": {"primaryLocationLineHash": finding.fingerprint},
        "properties": {"confidence": str(finding.confidence), "tier": finding.tier},
    }
    if finding.related:
        result["relatedLocations"] = [
            {"id": number, **_location(place, root)} for number, place in enumerate(finding.related)
        ]
    if finding.fix is not None and finding.fix.safe and not is_notebook:
        result["fixes"] = [_fix(finding.fix, finding.place.path, root)]
    return result


def _location(place: Place, root: Path) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _artifact(place.path, root)}
    if not notebook.is_notebook(place.path):  # SARIF knows no cells
        physical["region"] = {
            "startLine": place.line,
            "startColumn": place.column,
            "endLine": place.end_line,
            "endColumn": place.end_column,
        }
    location: dict[str, Any] = {"physicalLocation": physical}
    if place.message:
        location["message"] = {"text": place.message}
    return location


def _artifact(path: str, root: Path) -> dict[str, str]:
    shown = from_repository(path, root)
    if Path(shown).is_absolute():
        return {"uri": Path(shown).as_uri()}
    return {"uri": quote(shown), "uriBaseId": BASE}


def _fix(fix: Fix, path: str, root: Path) -> dict[str, Any]:
    replacements = [
        {
            "deletedRegion": {
                "startLine": edit.line,
                "startColumn": edit.column,
                "endLine": edit.end_line,
                "endColumn": edit.end_column,
            },
            "insertedContent": {"text": edit.replacement},
        }
        for edit in fix.edits
    ]
    return {
        "description": {"text": fix.description},
        "artifactChanges": [
            {"artifactLocation": _artifact(path, root), "replacements": replacements}
        ],
    }
