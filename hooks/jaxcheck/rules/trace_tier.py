"""The rules that only the trace tier finds; `jaxcheck.trace` holds what finds them."""

from functools import partial

from ..catalogue import Rule, declare
from ..findings import Confidence, Severity

_rule = partial(Rule, tiers=("trace",))

declare(
    _rule(
        "JX209",
        "annotation-broken",
        "A function returns an array of another shape or dtype than its annotation says.",
    )
)
declare(
    _rule(
        "JX210",
        "dimensions-must-agree",
        "A function names two dimensions differently and fails unless they are equal.",
        confidences=(Confidence.LIKELY,),
    )
)
declare(
    _rule(
        "JX408",
        "product-summed-in-half",
        "A product of half-precision operands asks for a half-precision sum.",
        severity=Severity.NOTE,
    )
)
declare(
    _rule(
        "JX709",
        "loop-unrolled-over-dimension",
        "A Python loop over a dimension is unrolled, so compilation grows with it.",
        confidences=(Confidence.HEURISTIC,),
        severity=Severity.NOTE,
    )
)
declare(
    _rule(
        "JX998",
        "module-not-importable",
        "A module cannot be imported, so the trace tier has seen nothing of it.",
        profile="bugs",
    )
)
declare(
    _rule(
        "JX1208",
        "shape-assertion-does-not-fire",
        "A shape assertion about a parameter passes whatever the parameter's shape is.",
    )
)
