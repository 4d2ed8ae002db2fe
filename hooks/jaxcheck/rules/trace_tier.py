"""The rules that only the trace tier finds; `jaxcheck.trace` holds what finds them."""

from ..catalogue import Rule, declare
from ..findings import Confidence, Severity


def _declare(
    code: str,
    name: str,
    summary: str,
    confidence: Confidence = Confidence.PROVEN,
    severity: Severity = Severity.ERROR,
) -> None:
    declare(
        Rule(
            code=code,
            name=name,
            summary=summary,
            confidences=(confidence,),
            severity=severity,
            in_tests=None,
            default=True,
            fix="",
            tiers=("trace",),
            since="0.2",
            check=None,
        )
    )


_declare(
    "JX209",
    "annotation-broken",
    "A function returns an array of another shape or dtype than its annotation says.",
)
_declare(
    "JX210",
    "dimensions-must-agree",
    "A function names two dimensions differently and fails unless they are equal.",
    Confidence.LIKELY,
)
_declare(
    "JX408",
    "product-summed-in-half",
    "A product of half-precision operands asks for a half-precision sum.",
    severity=Severity.NOTE,
)
_declare(
    "JX709",
    "loop-unrolled-over-dimension",
    "A Python loop over a dimension is unrolled, so compilation grows with it.",
    Confidence.HEURISTIC,
    Severity.NOTE,
)
_declare(
    "JX998",
    "module-not-importable",
    "A module cannot be imported, so the trace tier has seen nothing of it.",
)
_declare(
    "JX1208",
    "shape-assertion-does-not-fire",
    "A shape assertion about a parameter passes whatever the parameter's shape is.",
)
