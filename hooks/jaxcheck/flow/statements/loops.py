"""Loops of Python: run twice, so that what one iteration leaves meets the next."""

import ast
from collections.abc import Callable

from ..expressions.conditions import guards_of, truth
from ..expressions.evaluating import evaluate
from ..expressions.iteration import demand_iteration, finish_iteration, iterated
from ..run import Loop, Run
from ..state import join
from .bindings import bind
from .executing import execute, executes

# Loops nested deeper than this are run once, not twice: each level doubles the work.
_DEEPEST = 3


@executes(ast.For, ast.AsyncFor)
def _for(run: Run, node: ast.For | ast.AsyncFor) -> None:
    iterable = evaluate(run, node.iter)
    demand_iteration(run, node.iter, iterable)

    def take() -> None:
        bind(run, node.target, iterated(run, node.iter, iterable), node.iter)

    _repeat(run, node, take)
    finish_iteration(run, node.iter, iterable)


@executes(ast.While)
def _while(run: Run, node: ast.While) -> None:
    outside = run.state.guards

    def test() -> None:
        truth(run, node.test, "branch")
        yes, _ = guards_of(run, node.test)
        run.state.guards = outside + yes
        run.loops[-1].guards = len(run.state.guards)

    _repeat(run, node, test, forever=isinstance(node.test, ast.Constant) and bool(node.test.value))


def _repeat(
    run: Run,
    node: ast.For | ast.AsyncFor | ast.While,
    begin: Callable[[], None],
    forever: bool = False,
) -> None:
    """Runs a loop.

    Args:
        run: The run.
        node: The loop.
        begin: What happens at the begin of each iteration.
        forever: Whether nothing but `break` ends it.
    """
    entry = run.state.copy()
    loop = Loop(len(entry.guards))
    run.loops.append(loop)
    ends = [entry]
    for _ in range(2 if len(run.loops) <= _DEEPEST else 1):
        loop.begin()
        begin()
        execute(run, node.body)
        run.state = join([run.state, *loop.continues], entry.guards)
        if run.state.dead:
            break
        ends.append(run.state.copy())
    run.loops.pop()
    if forever:
        run.state = join(loop.breaks, entry.guards)
        return
    run.state = join(ends, entry.guards)
    execute(run, node.orelse)
    run.state = join([run.state, *loop.breaks], entry.guards)


@executes(ast.Break)
def _break(run: Run, node: ast.Break) -> None:
    if run.loops:
        run.loops[-1].breaks.append(run.state.copy())
    run.state.dead = True


@executes(ast.Continue)
def _continue(run: Run, node: ast.Continue) -> None:
    if run.loops:
        run.loops[-1].continues.append(run.state.copy())
    run.state.dead = True
