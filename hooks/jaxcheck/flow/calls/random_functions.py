"""Functions of `jax.random`: they make keys, derive keys from keys, or draw from them."""

import ast

from .. import keys, library
from ..run import Run
from ..tokens import Token
from ..values import MADE, Value, array_of, unknown
from .arguments import Call
from .sizes import demand_sizes

_SPLIT = "jax.random.split"


def random_call(run: Run, name: str, call: Call) -> Value:
    """Returns what a function of `jax.random` makes of its key."""
    demand_sizes(run, name, call)
    mask = call.mask()
    if name in library.MAKES_KEY:
        written = [*call.node.args, *(keyword.value for keyword in call.node.keywords)]
        constant = bool(written) and all(isinstance(each, ast.Constant) for each in written)
        return _key(mask, "constant seed" if constant else None)
    token = call.argument(0, "key").token
    if name in library.KEEPS_KEY:
        return _kept(run, name, token, call)
    if token is not None:
        what = f"`{run.module.text(call.node.func)}`"
        keys.consume(run, token, call.node, True, what, direct=True)
    return _key(mask, "split") if name == _SPLIT else array_of(mask)


def _key(mask: int = 0, label: str | None = None) -> Value:
    return Value(Token("born", label=label, evidence=True), taint=mask | MADE)


def _kept(run: Run, name: str, token: Token | None, call: Call) -> Value:
    """Returns what a function returns that does not consume its key."""
    mask = call.mask()
    if token is None:
        return _key(mask)
    token.evidence = True
    if name == "jax.random.fold_in":
        return Value(token.child("fold", _folded(run, call.node)), taint=mask | MADE)
    return _key(mask) if name == "jax.random.clone" else array_of(mask)


def _folded(run: Run, node: ast.Call) -> object:
    """Returns a label for the data that is folded in: the same for the same data."""
    data = node.args[1] if len(node.args) > 1 else None
    if data is None:
        data = next((k.value for k in node.keywords if k.arg == "data"), None)
    if data is None or any(isinstance(each, ast.Call) for each in ast.walk(data)):
        return object()  # a call may give another value each time
    return run.numbered(data)


def mapped_random(run: Run, name: str, call: Call) -> Value:
    """Returns what a function of `jax.random` under `vmap` makes of an array of keys."""
    token = call.arguments[0].token
    if name in library.KEEPS_KEY or name in library.MAKES_KEY:
        return Value(Token("born", evidence=True))
    if token is not None:
        keys.consume(run, token, call.node, True, f"`{name.rpartition('.')[2]}`")
    return Value(Token("born", evidence=True)) if name == _SPLIT else unknown()
