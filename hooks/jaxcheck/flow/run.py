"""The interpretation of one function: what is known so far, and what is noted for its summary."""

import ast
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from ..source.module import Module
from ..source.scopes import Function
from .inputs import input_value
from .state import State
from .summary import Demand, Summary
from .values import Value

if TYPE_CHECKING:
    from .engine import Engine

_stamps = count(1)


@dataclass(eq=False, slots=True)
class Loop:
    """A loop of Python that is being run.

    Attributes:
        guards: How many conditions hold where an iteration begins.
        stamp: The number of the iteration, unique among all iterations of all loops.
        breaks: The states that leave it by `break`.
        continues: The states that go round by `continue`, of this iteration.
    """

    guards: int
    stamp: int = 0
    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)

    def begin(self) -> None:
        """Begins another iteration."""
        self.stamp = next(_stamps)
        self.continues = []


class Run:
    """One run through a function, or through the top level of a module, on abstract values.

    Attributes:
        engine: The summaries of the other functions, and what names of the project stand for.
        module: The module that is looked at.
        function: The function; None for the top level.
        state: What holds at this point.
        summary: What the function does, as far as it is known.
        inputs: The values of the parameters and of the free variables seen so far.
        loops: The loops around this point, from the outside in.
        exits: For each `try` around this point, the states in which its body leaves the function.
        returns: What the function returns, one value per `return`.
        results: The value of every call, as it was last evaluated.
        calls: How many calls were evaluated: a call in another iteration is another evaluation.
        reads_clock: Whether it reads a clock, so that it waits for the device on purpose.
        forgiving: How many blocks are around this point whose handlers go on where a tracer is met.
    """

    def __init__(self, engine: "Engine", module: Module, function: Function | None) -> None:
        self.engine = engine
        self.module = module
        self.function = function
        self.state = State()
        self.summary = Summary(module, function)
        self.inputs: dict[str, Value] = {}
        self.loops: list[Loop] = []
        self.exits: list[list[State]] = []
        self.returns: list[Value] = []
        self.results: dict[ast.expr, Value] = {}
        self.calls = 0
        self.reads_clock = False
        self.forgiving = 0
        self._spelling: dict[ast.expr, tuple[str, list[str]]] = {}

    def add_input(self, name: str, annotation: ast.expr | None) -> Value:
        """Returns the value of a parameter or a free variable: the next input."""
        number = len(self.summary.inputs)
        self.summary.inputs.append(name)
        value = input_value(self.module, annotation, number)
        self.inputs[name] = value
        return value

    def numbered(self, node: ast.expr) -> object:
        """Returns a number for a value: equal for texts that denote the same value here."""
        if isinstance(node, ast.Constant):
            return node.value
        spelling = self._spelling.get(node)
        if spelling is None:
            names = sorted({each.id for each in ast.walk(node) if isinstance(each, ast.Name)})
            spelling = self._spelling[node] = (self.module.text(node), names)
        text, names = spelling
        versions = self.state.versions
        return (text, tuple([(name, versions.get(name, 0)) for name in names]))

    def demand(self, kind: str, node: ast.AST, value: Value) -> None:
        """Notes that a concrete value is needed here."""
        taint, raw = value.taint, value.raw
        if self.forgiving or not (taint or raw):
            return
        key = (node, kind)
        conditional = bool(self.state.guards)
        known = self.summary.demands.get(key)
        if known is not None:
            taint, raw = taint | known.taint, raw | known.raw
            conditional = conditional and known.conditional
        text = known.text if known is not None else self.module.text(node)
        direct = value.token is not None and value.token.is_input
        self.summary.demands[key] = Demand(kind, node, taint, raw, text, direct, conditional)

    def demand_number(self, kind: str, node: ast.AST, mask: int) -> None:
        """Notes that the concrete value of an array of these inputs is needed here."""
        self.demand(kind, node, Value(taint=mask))

    def use_as_arrays(self, *values: Value) -> None:
        """Notes that inputs are used as arrays: themselves, not just parts of them."""
        for value in values:
            if value.token is not None and value.token.is_input:
                self.summary.arrays |= value.taint | value.raw
