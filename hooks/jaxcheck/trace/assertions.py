"""Whether the assertions about a parameter's shape fire when the shape is wrong."""

import ast
from collections.abc import Callable, Iterator

from ..findings import Finding
from .annotations import is_array, plain
from .candidates import Candidate
from .places import finding
from .running import ClaimBrokenError, Run
from .sizes import UNIT, Sizes

Shape = tuple[int, ...]
Mutation = tuple[str, Callable[[Shape], Shape]]
_ASSERTIONS = (
    "chex.assert_shape",
    "chex.assert_rank",
    "chex.assert_equal_shape",
    "chex.assert_equal_rank",
    "chex.assert_axis_dimension",
)
_OTHER_SIZE = 79 * UNIT


def silent_assertions(candidate: Candidate, run: Callable[[Mutation], Run]) -> Iterator[Finding]:
    """Yields the parameters whose assertions let every wrong shape pass.

    Args:
        candidate: A function that can be traced.
        run: Traces it, without the checks of its decorators, with one parameter's shape changed.
    """
    for name, call in _asserted(candidate):
        if not _lets_everything_pass(candidate, name, run):
            continue
        written = candidate.module.text(call)
        message = (
            f"`{written}` does not fire: `{candidate.function.name}` was traced with one "
            f"dimension of `{name}` more, one less and each size changed, and no assertion failed. "
            f"Assert the sizes that `{name}` must have, in every call."
        )
        yield finding("JX1208", (candidate.module, call), message)


def _asserted(candidate: Candidate) -> Iterator[tuple[str, ast.Call]]:
    module, function = candidate.module, candidate.function
    for call in module.nodes(ast.Call):
        around = module.enclosing_function(call)
        if around is not function or module.resolve(call.func) not in _ASSERTIONS:
            continue
        given = call.args[0] if call.args else None
        several = given.elts if isinstance(given, ast.List | ast.Tuple) else [given]
        for each in several:
            parameter = candidate.parameters.get(each.id) if isinstance(each, ast.Name) else None
            if parameter is not None and is_array(plain(parameter.annotation)):
                yield parameter.name, call


def _lets_everything_pass(candidate: Candidate, name: str, run: Callable[[Mutation], Run]) -> bool:
    dimensions = plain(candidate.parameters[name].annotation).dim_str
    rank = len(Sizes({}).shape(dimensions))
    wrong_ranks: list[Mutation] = [(name, lambda shape: (2, *shape))]
    if rank:
        wrong_ranks.append((name, lambda shape: shape[1:]))
    wrong_sizes: list[Mutation] = [
        (name, lambda shape, at=at: (*shape[:at], _OTHER_SIZE, *shape[at + 1 :]))
        for at in range(rank)
    ]
    passed = False
    for mutation in (*wrong_ranks, *wrong_sizes):
        error = run(mutation).error
        if isinstance(error, AssertionError):
            return False
        if mutation in wrong_ranks and (error is None or isinstance(error, ClaimBrokenError)):
            passed = True
    return passed
