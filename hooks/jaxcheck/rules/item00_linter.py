"""What the linter says about itself: files it cannot read, its suppressions, its own failures."""

from functools import partial

from ..catalogue import Rule, declare
from ..findings import Confidence, Severity

_rule = partial(Rule, profile="bugs", in_tests=Confidence.PROVEN, tiers=("static", "trace"))

declare(
    _rule(
        "JX000",
        "unreadable-file",
        "A file cannot be read or parsed, so nothing in it was checked.",
    )
)
declare(
    _rule(
        "JX001",
        "suppression-without-reason",
        "A comment that should suppress a finding says no reason, so it suppresses nothing.",
    )
)
declare(
    _rule(
        "JX002",
        "unknown-code-in-suppression",
        "A comment that should suppress a finding names no rule, or one that does not exist.",
    )
)
declare(
    _rule(
        "JX003",
        "unused-suppression",
        "A comment suppresses a finding that is not there.",
        confidences=(Confidence.PROVEN, Confidence.HEURISTIC),
        severity=Severity.WARNING,
        fix="safe",
    )
)
declare(
    _rule(
        "JX999",
        "internal-error",
        "A rule of the linter failed on a file; the other rules ran.",
    )
)
