"""The list of rules."""

import json
from collections.abc import Iterable

from ..catalogue import ITEMS, Rule


def as_text(rules: Iterable[Rule]) -> str:
    """Returns rules under the items that they belong to."""
    lines: list[str] = []
    item = None
    for rule in rules:
        if rule.item != item:
            item = rule.item
            lines += ["", f"{item}  {ITEMS[item]}"] if lines else [f"{item}  {ITEMS[item]}"]
        marks = [f"{rule.fix} fix"] if rule.fix else []
        marks += ["trace"] if rule.tiers == ("trace",) else []
        note = f" [{', '.join(marks)}]" if marks else ""
        lines.append(f"    {rule.code:7} {rule.profile:12} {rule.name}{note}: {rule.summary}")
    return "\n".join(lines) + "\n"


def as_json(rules: Iterable[Rule]) -> str:
    """Returns rules as a list of objects."""
    described = [
        {
            "code": rule.code,
            "name": rule.name,
            "item": rule.item,
            "summary": rule.summary,
            "confidences": rule.confidences,
            "severity": rule.severity,
            "in_tests": rule.in_tests,
            "profile": rule.profile,
            "fix": rule.fix,
            "tiers": rule.tiers,
            "since": rule.since,
        }
        for rule in rules
    ]
    return json.dumps(described, indent=2) + "\n"
