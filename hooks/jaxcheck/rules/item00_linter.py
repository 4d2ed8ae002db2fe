"""What the linter says about itself: files it cannot read, its suppressions, its own failures."""

from ..catalogue import Rule, declare
from ..findings import Confidence, Severity


def _declare(
    code: str,
    name: str,
    summary: str,
    *,
    confidences: tuple[Confidence, ...] = (Confidence.PROVEN,),
    severity: Severity = Severity.ERROR,
    fix: str = "",
) -> None:
    declare(
        Rule(
            code=code,
            name=name,
            summary=summary,
            confidences=confidences,
            severity=severity,
            in_tests=Confidence.PROVEN,
            default=True,
            fix=fix,
            tiers=("static", "trace"),
            since="0.2",
            check=None,
        )
    )


_declare(
    "JX000",
    "unreadable-file",
    "A file cannot be read or parsed, so nothing in it was checked.",
)
_declare(
    "JX001",
    "suppression-without-reason",
    "A comment that should suppress a finding says no reason, so it suppresses nothing.",
)
_declare(
    "JX002",
    "unknown-code-in-suppression",
    "A comment that should suppress a finding names no rule, or one that does not exist.",
)
_declare(
    "JX003",
    "unused-suppression",
    "A comment suppresses a finding that is not there.",
    confidences=(Confidence.PROVEN, Confidence.HEURISTIC),
    severity=Severity.WARNING,
    fix="safe",
)
_declare(
    "JX999",
    "internal-error",
    "A rule of the linter failed on a file; the other rules ran.",
)
