"""Counts of results, for the last line of the text and for the JSON."""

from collections import Counter
from typing import Any

from ..running.results import Results


def counts(results: Results) -> dict[str, Any]:
    """Returns how much was checked and found."""
    found = results.findings
    return {
        "files": len(results.project.modules),
        "findings": len(found),
        "failing": sum(finding.gates for finding in found),
        "suppressed": len(results.suppressed),
        "tolerated": len(results.tolerated),
        "by_confidence": dict(Counter(str(finding.confidence) for finding in found)),
        "by_rule": dict(sorted(Counter(finding.code for finding in found).items())),
    }


def sentence(results: Results) -> str:
    """Returns the counts in one line."""
    total = counts(results)
    files = _several(total["files"], "file")
    if not total["findings"]:
        text = f"No findings in {files}"
    else:
        text = f"{_several(total['findings'], 'finding')} in {files}"
        if weak := total["findings"] - total["failing"]:
            text += f", {weak} of them only to consider"
    hidden = [f"{total[kind]} {kind}" for kind in ("suppressed", "tolerated") if total[kind]]
    return f"{text} ({', '.join(hidden)})." if hidden else f"{text}."


def _several(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
