"""Ways that part and meet again: `if`, `match` and `try`."""

import ast

from ..expressions.conditions import guards_of, narrow, truth
from ..expressions.evaluating import evaluate
from ..run import Run
from ..state import State, join
from ..values import CLEAN, unknown
from .executing import execute, executes

_TRACER_ERRORS = frozenset(
    {
        "ConcretizationTypeError", "NonConcreteBooleanIndexError", "TracerArrayConversionError",
        "TracerBoolConversionError", "TracerIntegerConversionError",
    }
)  # fmt: skip
_ANY_ERROR = frozenset({"builtins.TypeError", "builtins.Exception", "builtins.BaseException"})


@executes(ast.If)
def _if(run: Run, node: ast.If) -> None:
    only_leaves = not node.orelse and isinstance(node.body[-1], ast.Return | ast.Raise)
    truth(run, node.test, "exit" if only_leaves else "branch")
    entry = run.state
    yes, no = guards_of(run, node.test)
    run.state = entry.copy(yes)
    narrow(run, node.test, holds=True)
    execute(run, node.body)
    after = run.state
    run.state = entry.copy(no)
    narrow(run, node.test, holds=False)
    execute(run, node.orelse)
    run.state = join([after, run.state], entry.guards)


@executes(ast.Match)
def _match(run: Run, node: ast.Match) -> None:
    subject = evaluate(run, node.subject)
    run.demand("match", node.subject, subject)
    entry = run.state
    key = ("match", run.numbered(node.subject))
    ends: list[State] = []
    for position, case in enumerate(node.cases):
        run.state = entry.copy(((key, _label(case, position), True),))
        for name in _captured(case.pattern):
            run.state.bind(name, unknown(raw=subject.mask()))
        if case.guard is not None:
            evaluate(run, case.guard)
        execute(run, case.body)
        ends.append(run.state)
    if not any(_matches_all(case) for case in node.cases):
        ends.append(entry)
    run.state = join(ends, entry.guards)


def _label(case: ast.match_case, position: int) -> object:
    """Returns the value that a case stands for, or its position."""
    pattern = case.pattern
    if isinstance(pattern, ast.MatchValue) and isinstance(pattern.value, ast.Constant):
        return pattern.value.value
    return position


def _captured(pattern: ast.pattern) -> list[str]:
    found = []
    for node in ast.walk(pattern):
        if isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
            found.append(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            found.append(node.rest)
    return found


def _matches_all(case: ast.match_case) -> bool:
    pattern = case.pattern
    return case.guard is None and isinstance(pattern, ast.MatchAs) and pattern.pattern is None


def _forgives(run: Run, handler: ast.ExceptHandler) -> bool:
    """Whether a handler goes on after the error that a tracer raises where a value is needed."""
    if any(isinstance(node, ast.Raise) for node in ast.walk(handler)):
        return False
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = [run.module.resolve(each) or "" if each else "" for each in caught]
    return handler.type is None or any(
        name in _ANY_ERROR or name.rpartition(".")[2] in _TRACER_ERRORS for name in names
    )


@executes(ast.Try, ast.TryStar)
def _try(run: Run, node: ast.Try | ast.TryStar) -> None:
    entry = run.state.copy()
    exits: list[State] = []
    run.exits.append(exits)
    forgiving = any(_forgives(run, handler) for handler in node.handlers)
    run.forgiving += forgiving
    execute(run, node.body)
    run.forgiving -= forgiving
    execute(run, node.orelse)
    ends = [run.state]
    for handler in node.handlers:
        run.state = entry.copy()
        if handler.name:
            run.state.bind(handler.name, CLEAN)
        execute(run, handler.body)
        ends.append(run.state)
    after = join(ends, entry.guards)
    run.exits.pop()
    if node.finalbody and exits:
        run.state = join(exits, entry.guards)
        execute(run, node.finalbody)
    run.state = after
    execute(run, node.finalbody)
