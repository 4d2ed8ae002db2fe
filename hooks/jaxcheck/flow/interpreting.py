"""Interprets one function, or the top level of a module, from its first statement to its end."""

import ast

from . import keys

# These register what they evaluate and execute.
from .calls import calling  # noqa: F401
from .expressions import containers, operators  # noqa: F401
from .run import Run
from .statements import assignments, branches, functions, loops  # noqa: F401
from .statements.executing import execute
from .summary import Summary
from .values import any_of


def interpret(run: Run) -> Summary:
    """Runs through a function once, and returns what it does."""
    summary = run.summary
    if run.function is None:
        execute(run, [s for s in run.module.tree.body if not isinstance(s, ast.ClassDef)])
    else:
        for parameter in run.function.parameters:
            value = run.add_input(parameter.name, parameter.annotation)
            if parameter.kind == "args":
                value.sequence = True
            run.state.bind(parameter.name, value)
        summary.parameters = len(summary.inputs)
        execute(run, run.function.body)
    keys.finish(run)
    if run.returns:
        summary.returned = any_of(run.returns)
    return summary
