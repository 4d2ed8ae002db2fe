"""Control flow of JAX, and functions that are mapped over trees: they call what they are given."""

import ast
from collections.abc import Callable, Sequence

from ...source.module import Module
from ...transforms.tables import TRANSFORMS
from .. import keys
from ..expressions.iteration import any_element
from ..passing import record_arguments
from ..run import Run
from ..state import join
from ..summary import Consumption
from ..tokens import Site, Token
from ..values import CLEAN, MADE, Value, array_of, grouped, mask_of, unknown
from . import applying
from .arguments import Call
from .substituting import fixed_path, free_token, token_at


def control_flow_call(run: Run, name: str, call: Call) -> Value:
    """Returns the result of a function such as `scan` or `cond`, which calls functions at once."""
    if TRANSFORMS[name].abstract:
        return unknown()
    short = name.rpartition(".")[2]
    handle = _HANDLERS.get(short)
    if handle is not None:
        handle(run, call)
    elif call.arguments and call.arguments[0].function is not None:
        applying.apply(run, call.arguments[0].function, Call(call.node, call.arguments[1:]))
    mask = call.mask() | MADE
    return grouped(unknown(raw=mask), unknown(raw=mask)) if short == "scan" else unknown(raw=mask)


def map_call(run: Run, call: Call) -> Value:
    """Returns the result of mapping a function over trees."""
    function, *trees = call.arguments
    _body(run, function, [any_element(tree) for tree in trees], call.node, leaves=True)
    for tree in trees:
        _finish(run, tree, call.node)
    return unknown(raw=mask_of(trees))


def _scan(run: Run, call: Call) -> None:
    xs = call.argument(2, "xs")
    _body(run, call.argument(0, "f"), [call.argument(1, "init"), any_element(xs)], call.node)
    _finish(run, xs, call.node)


def _map(run: Run, call: Call) -> None:
    xs = call.argument(1, "xs")
    _body(run, call.argument(0, "f"), [any_element(xs)], call.node)
    _finish(run, xs, call.node)


def _fori_loop(run: Run, call: Call) -> None:
    carry = [array_of(), call.argument(3, "init_val")]
    _body(run, call.argument(2, "body_fun"), carry, call.node)


def _while_loop(run: Run, call: Call) -> None:
    carry = [call.argument(2, "init_val")]
    _body(run, call.argument(0, "cond_fun"), carry, call.node)
    _body(run, call.argument(1, "body_fun"), carry, call.node)


def _associative_scan(run: Run, call: Call) -> None:
    _body(run, call.argument(0, "fn"), [], call.node)


def _cond(run: Run, call: Call) -> None:
    branches = [call.argument(1, "true_fun"), call.argument(2, "false_fun")]
    _branches(run, branches, Call(call.node, call.arguments[3:]))


def _switch(run: Run, call: Call) -> None:
    _branches(run, call.argument(1, "branches").parts(), Call(call.node, call.arguments[2:]))


_HANDLERS: dict[str, Callable[[Run, Call], None]] = {
    "scan": _scan,
    "map": _map,
    "fori_loop": _fori_loop,
    "while_loop": _while_loop,
    "associative_scan": _associative_scan,
    "cond": _cond,
    "switch": _switch,
}


def _branches(run: Run, branches: Sequence[Value], call: Call) -> None:
    entry = run.state
    ends = []
    for branch in branches:
        run.state = entry.copy()
        if branch.function is not None:
            applying.apply(run, branch.function, call)
        ends.append(run.state)
    if ends:
        run.state = join(ends, entry.guards)


def _body(
    run: Run, body: Value, arguments: list[Value], node: ast.Call, leaves: bool = False
) -> None:
    """Runs the body of a loop: what it closes over, it meets again in every iteration.

    Args:
        run: The run.
        body: The body.
        arguments: What it is given in one iteration.
        node: The call that loops.
        leaves: Whether it runs over the leaves of trees, which are shuffled alike on purpose.
    """
    callee = body.function
    if callee is None or callee.target is None:
        return
    function = callee.target.function
    summary = run.engine.summary(callee.target.module, function)
    if summary is None:
        return
    call = Call(node, [*callee.bound, *arguments], callee.keywords)
    given = applying.given_to(function, callee.target.bound, call)
    record_arguments(run, callee.target.module, function, given)
    bound = set(list(given)[: len(callee.bound)]) | set(callee.keywords)
    what = applying.called(function)
    for consumption in summary.consumptions:
        name = summary.inputs[consumption.input]
        again = True
        if consumption.input >= summary.parameters:
            path = fixed_path(summary, consumption.path)
            again = path == consumption.path
            token = free_token(run, name, path)
        else:
            token = token_at(given.get(name, CLEAN), consumption.path)
            again = name in bound
        if token is None:
            continue
        if again and not (leaves and _shuffles(summary.module, consumption.node)):
            _note_again(run, token, consumption, node, what)
        keys.consume(run, token, node, consumption.strong, what)


def _shuffles(module: Module, node: ast.AST) -> bool:
    """Whether a call draws an order, which arrays of one example must have in common."""
    name = module.resolve(node.func) if isinstance(node, ast.Call) else None
    return name in ("jax.random.permutation", "jax.random.choice")


def _note_again(run: Run, token: Token, consumption: Consumption, node: ast.AST, what: str) -> None:
    """Notes that every iteration consumes the same key."""
    strong = consumption.strong
    token.evidence |= strong
    here = Site(node, strong, what, run.state.guards)
    inside = Site(consumption.node, strong, what)
    keys.note(run, "JX502", consumption.node, token, here, inside, keys.how_sure(strong), strong)


def _finish(run: Run, xs: Value, node: ast.AST) -> None:
    """After a loop over arrays: those of keys are consumed, if their elements were."""
    keys.consume_wholes(run, [xs, *xs.parts()], node)
