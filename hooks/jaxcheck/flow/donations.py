"""Donated buffers: they belong to the result of the call that took them."""

import ast
from dataclasses import replace

from .run import Run
from .tokens import Site, Token
from .values import Value


def donate(run: Run, value: Value, node: ast.AST) -> None:
    """Notes that a call takes the buffers of a value, and of its parts."""
    if value.token is not None and value.token.origin != "plain":
        run.state.donated[value.token] = Site(node, True, "donated", run.state.guards)
    for part in value.parts():
        donate(run, part, node)


def used(run: Run, node: ast.AST, value: Value) -> None:
    """Notes that a buffer is used after it was donated."""
    if not run.state.donated or value.token is None:
        return
    for token, site in run.state.donated.items():
        if value.token.within(token) and not site.excludes(run.state.guards):
            run.summary.donations.append((node, site))
            return


def renewed(value: Value) -> Value:
    """Returns a value in buffers of its own, as a compiled call that takes donations returns it."""
    return replace(value, token=Token("other"), items=value.changed_parts(renewed))
