"""Item 11: training steps that do not look at the norm of their gradients."""

import ast
from collections.abc import Iterator

from ..mutants import Change, Source, operator
from .steps import is_step

DECIDES = "the norm still decides whether the update is applied, so it is still checked"
OTHER = "the step reports the norm of the same gradients under another name too"


def _norms(source: Source) -> dict[ast.AST, list[ast.Call]]:
    """The calls that take a norm of gradients, by the training step that they stand in."""
    found: dict[ast.AST, list[ast.Call]] = {}
    for call in source.module.nodes(ast.Call):
        name = source.module.resolve(call.func) or ""
        if "norm" in name.rpartition(".")[2] and len(call.args) == 1:
            argument = source.text(call.args[0])
            function = source.module.enclosing_function(call)
            if "grad" in argument and function and is_step(source.module, function.node):
                found.setdefault(function.node, []).append(call)
    return found


@operator(11, "norms-dropped")
def dropped(source: Source) -> Iterator[Change]:
    """Every norm of gradients in a step becomes a constant."""
    for calls in _norms(source).values():
        edits = []
        for call in calls:
            items = isinstance(source.module.parent(call), ast.Attribute)  # of a dictionary
            edits.append(source.put(call, "{}" if items else "jnp.zeros(())"))
        yield Change(calls[0], tuple(edits))


@operator(11, "norms-of-another-tree")
def another(source: Source) -> Iterator[Change]:
    """``global_norm(grads)`` becomes ``global_norm(updates)`` or ``global_norm(params)``."""
    for function, calls in _norms(source).items():
        names = {
            node.id
            for node in ast.walk(function)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        } | {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
        for other in ("updates", "params", "state"):
            if other in names:
                edits = tuple(source.put(call.args[0], other) for call in calls)
                yield Change(calls[0], edits)


@operator(11, "metrics-dropped")
def metric(source: Source) -> Iterator[Change]:
    """The entries of a dictionary of metrics that hold a norm go."""
    for function, calls in _norms(source).items():
        names = {target.id: call for call in calls for target in _assigned(source, call)}
        edits, kept = [], len(calls)
        for node in ast.walk(function):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    text = source.text(value)
                    if key is not None and (text in names or value in calls):
                        edits.append(source.put(value, "jnp.zeros(())"))
                        kept -= 1
        if not edits:
            continue
        used = [
            node
            for node in ast.walk(function)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names
        ]
        reason = DECIDES if len(used) > len(edits) else OTHER if kept > 0 else ""
        yield Change(calls[0], tuple(edits), reason)


def _assigned(source: Source, call: ast.Call) -> Iterator[ast.Name]:
    statement = source.module.parent(call)
    if isinstance(statement, ast.Tuple):
        outer = source.module.parent(statement)
        if isinstance(outer, ast.Assign) and isinstance(outer.targets[0], ast.Tuple):
            target = outer.targets[0].elts[statement.elts.index(call)]
            if isinstance(target, ast.Name):
                yield target
    elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        yield statement.targets[0]
