"""Which values a function passes to another one: as arguments of a call, or captured."""

from collections.abc import Mapping

from ..source.module import Module
from ..source.scopes import Function
from .expressions.names import outer
from .run import Run
from .summary import Edge
from .values import Value


def record_arguments(
    run: Run, module: Module, function: Function, given: Mapping[str, Value]
) -> None:
    """Records which values a function of a module gets as parameters and captured variables.

    Args:
        run: The run.
        module: The module of the function.
        function: The function.
        given: The values of its parameters by name; it takes its free variables from here.
    """
    summary = run.engine.summary(module, function)
    if summary is None:
        return
    inputs = []
    for number, name in enumerate(summary.inputs):
        value = given.get(name)
        if value is None and number >= summary.parameters:
            value = outer(run, name)
        if value is not None and (mask := value.mask()):
            inputs.append((number, value.taint, mask & ~value.taint))
    edge = Edge(function.node, tuple(inputs))
    if edge not in run.summary.edges:
        run.summary.edges.append(edge)
