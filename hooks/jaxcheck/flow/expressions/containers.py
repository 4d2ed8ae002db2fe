"""Tuples, lists, dicts and comprehensions."""

import ast

from ..run import Run
from ..statements.bindings import bind
from ..values import Value, mask_of, sequence
from .conditions import truth
from .evaluating import evaluate, evaluates
from .iteration import demand_iteration, finish_iteration, iterated


@evaluates(ast.Tuple, ast.List, ast.Set)
def _sequence(run: Run, node: ast.Tuple | ast.List | ast.Set) -> Value:
    values = tuple([evaluate(run, element) for element in node.elts])
    if any(isinstance(element, ast.Starred) for element in node.elts):
        return sequence(mask_of(values))
    return sequence(items=values)


@evaluates(ast.Dict)
def _dict(run: Run, node: ast.Dict) -> Value:
    names: list[str] = []
    values: list[Value] = []
    for key, value in zip(node.keys, node.values, strict=True):
        if key is not None:
            evaluate(run, key)
        values.append(evaluate(run, value))
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            names.append(key.value)
    if names and len(names) == len(values):
        return sequence(items=dict(zip(names, values, strict=True)))
    return sequence(mask_of(values))


@evaluates(ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
def _comprehension(
    run: Run, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
) -> Value:
    """Runs a comprehension twice, as a loop; what it binds is gone afterwards."""
    outside = run.state.env.copy()
    first, *nested = node.generators
    iterables = {first: evaluate(run, first.iter)}
    mask = 0
    for _ in range(2):
        _take(run, first, iterables[first])
        for generator in nested:
            iterables[generator] = evaluate(run, generator.iter)
            _take(run, generator, iterables[generator])
        if isinstance(node, ast.DictComp):
            evaluate(run, node.key)
            mask |= evaluate(run, node.value).mask()
        else:
            mask |= evaluate(run, node.elt).mask()
    for generator, iterable in iterables.items():
        finish_iteration(run, generator.iter, iterable)
    run.state.env = outside
    return sequence(mask)


def _take(run: Run, generator: ast.comprehension, iterable: Value) -> None:
    """Binds the target of a comprehension to an element, and tests it."""
    demand_iteration(run, generator.iter, iterable)
    bind(run, generator.target, iterated(run, generator.iter, iterable), generator.iter)
    for test in generator.ifs:
        truth(run, test, "branch")
