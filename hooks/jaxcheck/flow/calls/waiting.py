"""Waiting for the device: conversions of what a compiled step returned in the same iteration."""

import ast
from itertools import pairwise

from .. import library
from ..run import Run
from ..values import Value
from .arguments import Call


def waits_for(run: Run, name: str, call: Call) -> None:
    """Notes that a function of a library waits for its argument, or that it reads a clock."""
    if name in library.CLOCKS:
        run.reads_clock = True
    elif name in library.SYNCHRONISES and call.arguments:
        _wait(run, call.arguments[0], call.node)


def method_waits_for(run: Run, name: str, base: Value, node: ast.Call) -> None:
    """Notes that a method waits for the array that it is called on."""
    if name in library.SYNCHRONISING_METHODS:
        _wait(run, base, node)


def _wait(run: Run, value: Value, node: ast.Call) -> None:
    if not run.loops or len(run.state.guards) > run.loops[-1].guards:
        return  # not in every iteration
    if any(inner.guards > outer.guards for outer, inner in pairwise(run.loops)):
        return  # in a loop that only some iterations of the one around it get to
    if all(each.stamp != run.loops[-1].stamp for each in (value, *value.parts())):
        return
    text = run.module.text(node.func)
    if run.reads_clock and text.endswith("block_until_ready"):
        return  # a clock is read: waiting is the purpose
    run.summary.syncs.append((node, text))
