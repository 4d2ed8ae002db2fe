"""Interprets one function: statements, control flow, bindings."""

import ast
from itertools import count
from typing import TYPE_CHECKING

from ..source.module import Module
from ..source.scopes import Function, Parameter
from ..tracing import Target
from . import keys
from .calls import Calls
from .state import State, join
from .summary import Demand, Edge, Summary
from .values import CLEAN, MADE, Callable, Guard, Token, Value

if TYPE_CHECKING:
    from .engine import Engine

_stamps = count(1)
# Loops nested deeper than this are run once, not twice: each level doubles the work.
DEEPEST_LOOP = 3


class _Loop:
    """The states that leave a loop by `break`, or go round by `continue`."""

    def __init__(self) -> None:
        self.breaks: list[State] = []
        self.continues: list[State] = []


class Interpreter(Calls):
    """Runs one function, or the top level of a module, on abstract values."""

    def __init__(self, engine: "Engine", module: Module, function: Function | None) -> None:
        self.engine = engine
        self.module = module
        self.function = function
        self.state = State()
        self.summary = Summary(module, function)
        self.numbers: dict[str, int] = {}
        self.loops: list[_Loop] = []
        self.stamps: list[int] = []
        self.loop_guards: list[int] = []
        self.returns: list[Value] = []
        self.entry: dict[str, Token] = {}
        self.inputs: dict[str, Value] = {}
        self.made_by: dict[ast.AST, Value] = {}
        self.evaluations = 0
        self.measures = False
        self.exits: list[list[State]] = []

    def run(self) -> Summary:
        """Interprets the body and returns the summary."""
        if self.function is None:
            self.block([s for s in self.module.tree.body if not isinstance(s, ast.ClassDef)])
        else:
            for parameter in self.function.parameters:
                self.state.bind(parameter.name, self._parameter(parameter))
            self.summary.parameters = len(self.summary.inputs)
            self.block(self.function.body)
        keys.finish(self)
        if self.returns:
            tokens: dict = {}
            result = self.returns[0]
            for other in self.returns[1:]:
                result = keys.joined(result, other, tokens)
            self.summary.returned = result
        return self.summary

    def _parameter(self, parameter: Parameter) -> Value:
        number = self.number(parameter.name)
        value = self.engine.input_value(self.module, parameter.annotation, number)
        if parameter.kind in ("args", "kwargs"):
            value.sequence = parameter.kind == "args"
        self.inputs[parameter.name] = value
        if value.token is not None:
            self.entry[parameter.name] = value.token
        return value

    def number(self, name: str) -> int:
        """Returns the number of an input, a new one for a free variable seen first."""
        found = self.numbers.get(name)
        if found is None:
            found = self.numbers[name] = len(self.summary.inputs)
            self.summary.inputs.append(name)
        return found

    # Statements

    def block(self, statements: list[ast.stmt]) -> None:
        """Runs statements until one of them leaves the block."""
        for statement in statements:
            if self.state.dead:
                return
            run = _STATEMENTS.get(type(statement))
            if run is not None:
                run(self, statement)

    def _expression(self, node: ast.Expr) -> None:
        self.eval(node.value)

    def _assign(self, node: ast.Assign) -> None:
        value = self.eval(node.value)
        for target in node.targets:
            self.bind(target, value, node)

    def _annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            value = self.eval(node.value)
            self.bind(node.target, value, node)

    def _augmented(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            load = ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target)
            before = self.name_value(load.id, load)
        else:
            before = self.eval(node.target)
        after = self.eval(node.value)
        self.bind(node.target, self.arithmetic(before, after), node)

    def _if(self, node: ast.If) -> None:
        self.truth(node.test, "exit" if _only_leaves(node) else "branch")
        entry = self.state
        yes, no = self.guards_of(node.test)
        self.state = entry.copy()
        self.state.guards = entry.guards + yes
        self.block(node.body)
        after_yes = self.state
        self.state = entry.copy()
        self.state.guards = entry.guards + no
        self.block(node.orelse)
        self.state = join([after_yes, self.state], entry.guards)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        iterated = self.eval(node.iter)
        self.demand_iteration(node.iter, iterated)
        self.loop(lambda: self.bind_iteration(node.target, node.iter, iterated), node, None)
        keys.after_iteration(self, node.iter, iterated)

    def _while(self, node: ast.While) -> None:
        self.loop(lambda: None, node, node.test)

    def loop(self, begin, node: ast.For | ast.AsyncFor | ast.While, test: ast.expr | None) -> None:
        """Runs the body of a loop twice, so that what one iteration leaves meets the next."""
        entry = self.state.copy()
        guards = entry.guards
        here = _Loop()
        self.loops.append(here)
        self.loop_guards.append(len(guards))
        forever = isinstance(test, ast.Constant) and bool(test.value)
        ends: list[State] = []
        for _ in range(2 if len(self.loops) <= DEEPEST_LOOP else 1):
            self.stamps.append(next(_stamps))
            if test is not None:
                self.truth(test, "branch")
                yes, _no = self.guards_of(test)
                self.state.guards = guards + yes
                self.loop_guards[-1] = len(self.state.guards)
            begin()
            here.continues = []
            self.block(node.body)
            self.state = join([self.state, *here.continues], guards)
            self.stamps.pop()
            if self.state.dead:
                break
            ends.append(self.state.copy())
        self.loops.pop()
        self.loop_guards.pop()
        if not forever:
            self.state = join([entry, *ends], guards)
            self.block(node.orelse)
            self.state = join([self.state, *here.breaks], guards)
        else:
            self.state = join(here.breaks, guards)

    def _break(self, node: ast.Break) -> None:
        if self.loops:
            self.loops[-1].breaks.append(self.state.copy())
        self.state.dead = True

    def _continue(self, node: ast.Continue) -> None:
        if self.loops:
            self.loops[-1].continues.append(self.state.copy())
        self.state.dead = True

    def _return(self, node: ast.Return) -> None:
        if node.value is not None:
            value = self.eval(node.value)
            keys.escapes(self, node.value, value, "returned")
            self.returns.append(value)
        keys.leave(self)
        self._exit()

    def _raise(self, node: ast.Raise) -> None:
        if node.exc is not None:
            self.eval(node.exc)
        self._exit()

    def _exit(self) -> None:
        """Leaves the function, by way of the `finally` blocks around."""
        if self.exits:
            self.exits[-1].append(self.state.copy())
        self.state.dead = True

    def _assert(self, node: ast.Assert) -> None:
        self.truth(node.test, "branch")

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            value = self.eval(item.context_expr)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, Value(Token("other"), raw=value.mask()), node)
        self.block(node.body)

    def _try(self, node: ast.Try) -> None:
        entry = self.state.copy()
        guards = entry.guards
        self.exits.append([])
        self.block(node.body)
        self.block(node.orelse)
        ends = [self.state]
        for handler in node.handlers:
            self.state = entry.copy()
            if handler.name:
                self.state.bind(handler.name, CLEAN)
            self.block(handler.body)
            ends.append(self.state)
        after = join(ends, guards)
        exits = self.exits.pop()
        if node.finalbody and exits:
            self.state = join(exits, guards)
            self.block(node.finalbody)
        self.state = after
        self.block(node.finalbody)

    def _match(self, node: ast.Match) -> None:
        subject = self.eval(node.subject)
        self.demand("match", node.subject, subject)
        entry = self.state
        text = self.numbered(node.subject)
        ends: list[State] = []
        for position, case in enumerate(node.cases):
            self.state = entry.copy()
            value = case.pattern
            label: object = position
            if isinstance(value, ast.MatchValue) and isinstance(value.value, ast.Constant):
                label = value.value.value
            self.state.guards = (*entry.guards, (("match", text), label, True))
            for name in _captured(case.pattern):
                self.state.bind(name, Value(Token("other"), raw=subject.mask()))
            if case.guard is not None:
                self.eval(case.guard)
            self.block(case.body)
            ends.append(self.state)
        if not any(_matches_all(case) for case in node.cases):
            ends.append(entry)
        self.state = join(ends, entry.guards)

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            path = self.path(target)
            if path is not None:
                self.state.bind(path, CLEAN)

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        function = self.module.function(node)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.eval(default)
        value = Value(Token("other"), function=self.engine.callable_of(self.module, function))
        self.state.bind(node.name, value)
        self.hand_free_variables(function)

    def _nonlocal(self, node: ast.Global | ast.Nonlocal) -> None:
        for name in node.names:
            self.state.bind(name, Value(Token("other")))

    # Bindings

    def bind(self, target: ast.expr, value: Value, statement: ast.AST) -> None:
        """Binds an assignment's target, unpacking as Python does."""
        if isinstance(target, ast.Name):
            keys.rebinds_parameter(self, target, value, statement)
            self.state.bind(target.id, value)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value, statement)
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target, value, statement)
        elif isinstance(target, ast.Attribute | ast.Subscript):
            path = self.path(target)
            self.summary.stored[target] = value.mask()
            if path is not None:
                keys.escapes(self, target, value, f"stored in `{path}`")
                self.state.bind(path, value)
            else:
                base = target.value
                self.eval(base)
                if isinstance(target, ast.Subscript):
                    self.eval(target.slice)
                inner = self.path(base)
                if inner is not None:
                    self.state.kill_below(inner)

    def _unpack(self, target: ast.Tuple | ast.List, value: Value, statement: ast.AST) -> None:
        elements = target.elts
        starred = next((i for i, e in enumerate(elements) if isinstance(e, ast.Starred)), None)
        known = value.items if isinstance(value.items, tuple) else None
        if known is None and starred is None:
            self.demand_unpacking(statement, value)
        for position, element in enumerate(elements):
            if starred is None:
                if known is not None and len(known) == len(elements):
                    part = known[position]
                else:
                    part = self.element(value, position)
            elif position == starred:
                part = Value(
                    value.token.child("element", ("rest", position)) if value.token else None,
                    raw=value.mask(),
                )
            else:
                at = position if position < starred else position - len(elements)
                part = self.element(value, at)
            self.bind(element, part, statement)

    def bind_iteration(self, target: ast.expr, iterable: ast.expr, value: Value) -> None:
        """Binds the target of a loop to one element of what it iterates over."""
        self.bind(target, self.iterated(iterable, value), iterable)

    # Guards and value numbers

    def guards_of(self, test: ast.expr) -> tuple[tuple[Guard, ...], tuple[Guard, ...]]:
        """Returns what a test says where it holds, and where it does not."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            yes, no = self.guards_of(test.operand)
            return no, yes
        if isinstance(test, ast.BoolOp):
            pairs = [self.guards_of(value) for value in test.values]
            whole = (("true", self.numbered(test)), True)
            if isinstance(test.op, ast.And):
                return tuple(g for yes, _ in pairs for g in yes), ((*whole, False),)
            return ((*whole, True),), tuple(g for _, no in pairs for g in no)
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            operator, right = test.ops[0], test.comparators[0]
            if isinstance(right, ast.Constant) and isinstance(
                operator, ast.Eq | ast.Is | ast.NotEq | ast.IsNot
            ):
                guard = (("is", self.numbered(test.left)), right.value)
                same = isinstance(operator, ast.Eq | ast.Is)
                return ((*guard, same),), ((*guard, not same),)
        guard = (("true", self.numbered(test)), True)
        return ((*guard, True),), ((*guard, False),)

    def numbered(self, node: ast.expr) -> object:
        """Returns a number for a value: equal for texts that denote the same value here."""
        if isinstance(node, ast.Constant):
            return node.value
        versions = self.state.versions
        names = sorted({n.id for n in ast.walk(node) if isinstance(n, ast.Name)})
        text = self.module.text(node)
        return (text, tuple((name, versions.get(name, 0)) for name in names))

    # Demands and edges

    def demand(self, kind: str, node: ast.AST, value: Value) -> None:
        """Notes that a concrete value is needed here."""
        if not (value.taint or value.raw):
            return
        key = (node, kind)
        known = self.summary.demands.get(key)
        taint, raw = value.taint, value.raw
        if known is not None:
            taint, raw = taint | known.taint, raw | known.raw
        text = known.text if known else self.module.text(node)
        direct = value.token is not None and value.token.input is not None
        direct = direct and not value.token.input[1]
        conditional = bool(self.state.guards) and (known is None or known.conditional)
        self.summary.demands[key] = Demand(kind, node, taint, raw, text, direct, conditional)

    def arrays(self, *values: Value) -> None:
        """Notes that inputs are used as arrays: themselves, not just parts of them."""
        for value in values:
            if value.token is not None and value.token.input and not value.token.input[1]:
                self.summary.arrays |= value.taint | value.raw

    def hand(self, module: Module, function: Function, given: dict[str, Value]) -> None:
        """Notes which values a function of a module gets, by the names of its inputs."""
        summary = self.engine.summary(module, function)
        if summary is None:
            return
        inputs = []
        for number, name in enumerate(summary.inputs):
            value = given.get(name)
            if value is None and number >= summary.parameters:
                value = self.state.env.get(name) or self.free_value(name)
            if value is not None and (mask := value.mask()):
                inputs.append((number, value.taint, mask & ~value.taint))
        edge = Edge(function.node, tuple(inputs))
        if edge not in self.summary.edges:
            self.summary.edges.append(edge)

    def hand_free_variables(self, function: Function) -> None:
        """Notes what a nested function closes over, where it is defined."""
        self.hand(self.module, function, {})

    def made(self, mask: int = 0, boolean: bool = False, token: Token | None = None) -> Value:
        """Returns an array that this function computes from the inputs of a mask."""
        return Value(token or Token("other"), taint=mask | MADE, boolean=boolean)

    def function_value(self, node: ast.Lambda) -> Value:
        """Returns the value of a lambda."""
        function = self.module.function(node)
        self.hand_free_variables(function)
        return Value(Token("other"), function=Callable(Target(self.module, function)))


def _only_leaves(node: ast.If) -> bool:
    return not node.orelse and isinstance(node.body[-1], ast.Return | ast.Raise)


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


_STATEMENTS = {
    ast.Expr: Interpreter._expression,
    ast.Assign: Interpreter._assign,
    ast.AnnAssign: Interpreter._annotated,
    ast.AugAssign: Interpreter._augmented,
    ast.If: Interpreter._if,
    ast.For: Interpreter._for,
    ast.AsyncFor: Interpreter._for,
    ast.While: Interpreter._while,
    ast.Break: Interpreter._break,
    ast.Continue: Interpreter._continue,
    ast.Return: Interpreter._return,
    ast.Raise: Interpreter._raise,
    ast.Assert: Interpreter._assert,
    ast.With: Interpreter._with,
    ast.AsyncWith: Interpreter._with,
    ast.Try: Interpreter._try,
    ast.TryStar: Interpreter._try,
    ast.Match: Interpreter._match,
    ast.Delete: Interpreter._delete,
    ast.FunctionDef: Interpreter._define,
    ast.AsyncFunctionDef: Interpreter._define,
    ast.Global: Interpreter._nonlocal,
    ast.Nonlocal: Interpreter._nonlocal,
}
