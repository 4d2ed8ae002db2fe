"""Item 12: shape assertions that cannot hold."""

import ast
from collections.abc import Iterator

from ..arrays.annotations import array_types
from ..arrays.shape_assertions import RANK, SHAPE, Assertion, all_assertions, claims
from ..catalogue import rule
from ..findings import Confidence, Finding
from ..numerics.known_ranks import spelt_rank
from ..numerics.ranks import rank_of
from ..project import Project
from ..source.module import Module
from ..source.scopes import Function


@rule(
    "JX1204",
    "assertion-contradicts-annotation",
    "A shape assertion and the annotation of the same array cannot both hold.",
    confidences=(Confidence.PROVEN, Confidence.LIKELY),
    in_tests=Confidence.PROVEN,
)
def contradiction(module: Module, project: Project) -> Iterator[Finding]:
    """Finds assertions of another rank, size or order than an annotation or the code states."""
    for function, assertion in all_assertions(module):
        if assertion.name not in (SHAPE, RANK):
            continue
        for name, claim in claims(assertion.call):
            if isinstance(name, ast.Name):
                found = _contradiction(module, function, assertion, name, claim)
                if found is not None:
                    yield found
                    break


def _contradiction(
    module: Module, function: Function, assertion: Assertion, name: ast.Name, claim: ast.expr
) -> Finding | None:
    parameter = function.parameter(name.id)
    if parameter is None or function.scope.bound.get(name.id, 0) > 1:
        return _miscounted(module, assertion, name, claim)
    types = [t for t in array_types(module, parameter.annotation) if not t.contained]
    if len(types) != 1 or types[0].shape is None or types[0].rank is None:
        return _miscounted(module, assertion, name, claim)
    contradicted = _contradicts(module, assertion, claim, types[0].spec or "", types[0].rank)
    if contradicted is None:
        return None
    what, confidence = contradicted
    here = types[0].module is module
    return module.finding(
        "JX1204",
        assertion.call,
        f'`{name.id}` is annotated "{types[0].spec}", but asserted to have {what}: every '
        f"call fails, or the annotation is wrong.",
        confidence=confidence,
        related=(module.place(types[0].node, "annotated here"),) if here else (),
    )


def _miscounted(
    module: Module, assertion: Assertion, name: ast.Name, claim: ast.expr
) -> Finding | None:
    """Compares an asserted rank with the one that a variable is computed to have."""
    asserted = module.literal(claim) if assertion.name == RANK else spelt_rank(module, claim)
    rank = rank_of(module, name)
    if type(asserted) is not int or rank is None:
        return None
    if asserted == rank.low or (asserted > rank.low and not rank.exact):
        return None
    least = "" if rank.exact else "at least "
    return module.finding(
        "JX1204",
        assertion.call,
        f"`{name.id}` has {least}{rank.low} dimensions as it is computed, but is asserted to have "
        f"{asserted}: every call fails.",
        confidence=Confidence.LIKELY,
    )


def _contradicts(
    module: Module, assertion: Assertion, claim: ast.expr, spec: str, rank: int
) -> tuple[str, Confidence] | None:
    if assertion.name == RANK:
        value = module.literal(claim)
        if isinstance(value, int) and not isinstance(value, bool) and value != rank:
            return f"{value} dimensions", Confidence.PROVEN
        return None
    if assertion.name != SHAPE or not isinstance(claim, ast.Tuple | ast.List):
        return None
    elements = claim.elts
    if any(isinstance(e, ast.Starred) or _is_ellipsis(e) for e in elements):
        return None
    if len(elements) != rank:
        return f"{len(elements)} dimensions", Confidence.PROVEN
    names = spec.split()
    for position, (element, dimension) in enumerate(zip(elements, names, strict=False)):
        if isinstance(element, ast.Constant) and isinstance(element.value, int):
            if dimension.isdigit() and int(dimension) != element.value:
                return f"size {element.value} in dimension {position}", Confidence.PROVEN
        elif isinstance(element, ast.Name) and _is_another(element.id, dimension, names):
            return f"`{element.id}` in dimension {position}", Confidence.LIKELY
    return None


def _is_another(name: str, dimension: str, names: list[str]) -> bool:
    """Whether an asserted size is named like another dimension of the same annotation."""
    return name != dimension and names.count(name) == 1


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis
