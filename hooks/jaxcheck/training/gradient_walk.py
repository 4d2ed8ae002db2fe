"""Walks a function with marks for values (`gradient_values`): statements, expressions, frames.

Statements run in order, both branches of an `if`, loops twice; functions of the project are entered
with the marks of their arguments. What calls do is for the subclass (`gradient_flow`).
"""

import ast
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from ..numerics.guards import origin
from ..source.calls import inside
from ..source.module import Module
from ..source.scopes import FunctionNode
from ..transforms.tracing import Target
from .differentiated import is_gradient
from .gradient_values import NOTHING, Flow, Mark, Value, both, several

_DEEPEST = 7
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)


@dataclass(eq=False, slots=True)
class _Frame:
    module: Module
    function: FunctionNode
    values: dict[str, Value]
    outer: "_Frame | None"
    params: set[str]
    returned: list[Value] = field(default_factory=list)


class Walk(ABC):
    """One run over one function; `flow` is what it has seen."""

    def __init__(self, target: Target) -> None:
        self.flow = Flow()
        self._frames: list[_Frame] = []
        self._sites: list[ast.AST] = []
        result = self._enter(target, [], {}, None)
        self.flow.escaped |= {m.origin for m in result.marks if m.kind in ("grad", "clipped")}

    @abstractmethod
    def _call(self, node: ast.Call) -> Value:
        """What a call gives."""

    @abstractmethod
    def _made(self, node: ast.Call) -> Value:
        """What a call outside of the functions in view has made."""

    # Functions

    def _enter(
        self, target: Target, given: list[Value], named_: dict[str, Value], site: ast.AST | None
    ) -> Value:
        node = target.function.node
        if len(self._frames) >= _DEEPEST or any(f.function is node for f in self._frames):
            return both(*(v.flat for v in [*given, *named_.values()]))
        outer = next(
            (f for f in reversed(self._frames) if target.function.parent is not None
             and f.function is target.function.parent.node),
            None,
        )  # fmt: skip
        values = dict(zip(target.free, given, strict=False))
        rest = [p.name for p in target.function.parameters if p.kind == "args"]
        if rest and len(given) > len(target.free):
            values[rest[0]] = both(*(v.flat for v in given[len(target.free) :]))
        values |= {k: v for k, v in named_.items() if target.function.parameter(k)}
        if site is not None:
            for name, value in values.items():
                self._name_it(site, name, value)
        frame = _Frame(target.module, node, values, outer, _parameters(target))
        self._frames.append(frame)
        if site is not None:
            self._sites.append(site)
        if isinstance(node, ast.Lambda):
            frame.returned.append(self._value(node.body))
        else:
            self._block(node.body)
        if site is not None:
            self._sites.pop()
        self._frames.pop()
        return both(*frame.returned)

    @property
    def _frame(self) -> _Frame:
        return self._frames[-1]

    def _site(self, node: ast.AST) -> ast.AST:
        return self._sites[0] if self._sites else node

    # Statements

    def _block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assign):
            value = self._value(node.value)
            for target in node.targets:
                self._assign(target, value)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self._assign(node.target, self._value(node.value))
        elif isinstance(node, ast.AugAssign):
            self._assign(node.target, both(self._value(node.target).flat, self._value(node.value)))
        elif isinstance(node, ast.Return):
            self._frame.returned.append(self._value(node.value) if node.value else NOTHING)
        elif isinstance(node, ast.If):
            self._compare(self._value(node.test))
            self._branches([node.body, node.orelse])
        elif isinstance(node, ast.For | ast.AsyncFor | ast.While):
            for _ in range(2):
                if isinstance(node, ast.While):
                    self._value(node.test)
                else:
                    self._assign(node.target, self._value(node.iter).flat)
                self._branches([node.body, []])
            self._block(node.orelse)
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                value = self._value(item.context_expr)
                if item.optional_vars is not None:
                    self._assign(item.optional_vars, value)
            self._block(node.body)
        elif isinstance(node, ast.Try):
            self._block(node.body)
            self._branches([[], *(handler.body for handler in node.handlers)])
            self._block(node.orelse)
            self._block(node.finalbody)
        elif isinstance(node, ast.Match):
            self._value(node.subject)
            self._branches([case.body for case in node.cases])
        elif isinstance(node, ast.Expr | ast.Raise | ast.Assert | ast.Delete):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    self._value(child)

    def _branches(self, blocks: list[list[ast.stmt]]) -> None:
        before = self._frame.values
        after: list[dict[str, Value]] = []
        for block in blocks:
            self._frame.values = dict(before)
            self._block(block)
            after.append(self._frame.values)
        names = dict.fromkeys(name for values in after for name in values)
        self._frame.values = {
            name: both(*(values.get(name, NOTHING) for values in after)) for name in names
        }

    def _assign(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self._frame.values[target.id] = value
            self._name_it(target, target.id, value)
        elif isinstance(target, ast.Tuple | ast.List):
            known = value.parts is not None and len(value.parts) == len(target.elts)
            for position, element in enumerate(target.elts):
                self._assign(element, value.part(position) if known else value.flat)
        elif isinstance(target, ast.Starred):
            self._assign(target.value, value.flat)
        elif isinstance(target, ast.Subscript | ast.Attribute):
            name = target.attr if isinstance(target, ast.Attribute) else _text_of(target.slice)
            self._name_it(target, name, value)
            self._add(target.value, value)

    def _add(self, holder: ast.expr, value: Value) -> None:
        """Adds marks to what a container's name stands for."""
        while isinstance(holder, ast.Subscript | ast.Attribute):
            holder = holder.value
        known = self._frame.values.get(holder.id) if isinstance(holder, ast.Name) else None
        if isinstance(holder, ast.Name) and known is not None and known.does is None:
            self._frame.values[holder.id] = both(known.flat, value.flat)

    def _name_it(self, node: ast.AST, name: str, value: Value) -> None:
        """Notes a norm of updates or parameters that is called a gradient norm."""
        other = value.has("update norm", "params norm") and not value.has("norm", "clipped norm")
        if other and "grad" in name.lower():
            self.flow.misnamed.append((self._site(node), value.marks))

    def _compare(self, value: Value) -> None:
        if value.has("norm", "clipped norm"):
            self.flow.compared = True

    # Expressions

    def _value(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Name):
            return self._named(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Tuple | ast.List):
            return several(*(self._value(element) for element in node.elts))
        if isinstance(node, ast.Attribute):
            text = self._frame.module.text(node)
            value = self._value(node.value).flat
            return _as_params(value) if text in self._frame.params else value
        if isinstance(node, ast.Subscript):
            index = node.slice.value if isinstance(node.slice, ast.Constant) else None
            return self._value(node.value).part(index)
        if isinstance(node, ast.Dict):
            return self._dict(node)
        if isinstance(node, _COMPREHENSIONS):
            return self._comprehension(node)
        if isinstance(node, ast.NamedExpr):
            value = self._value(node.value)
            self._assign(node.target, value)
            return value
        if isinstance(node, ast.IfExp):
            self._compare(self._value(node.test))
            return both(self._value(node.body), self._value(node.orelse))
        if isinstance(node, ast.Lambda | ast.Constant):
            return NOTHING
        values = [self._value(c) for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr)]
        value = both(*(v.flat for v in values))
        scales = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
        if isinstance(node, ast.Compare) or (scales and values[1].has("norm")):
            self._compare(value)
        return value

    def _named(self, node: ast.Name) -> Value:
        frame: _Frame | None = self._frame
        while frame is not None:
            if node.id in frame.values:
                value = frame.values[node.id]
                return _as_params(value) if node.id in frame.params else value
            frame = frame.outer
        if node.id in self._frame.params:
            return _as_params(NOTHING)
        made = origin(self._frame.module, node)
        return self._made(made) if isinstance(made, ast.Call) else NOTHING

    def _dict(self, node: ast.Dict) -> Value:
        values = []
        for key, item in zip(node.keys, node.values, strict=True):
            value = self._value(item)
            self._name_it(item, _text_of(key), value)
            values.append(value.flat)
        return both(*values)

    def _comprehension(self, node: ast.expr) -> Value:
        before = dict(self._frame.values)
        for each in node.generators:  # pyright: ignore[reportAttributeAccessIssue]
            self._assign(each.target, self._value(each.iter).flat)
        if isinstance(node, ast.DictComp):
            value = self._value(node.value).flat
            self._name_it(node, _text_of(node.key), value)
        else:
            value = self._value(node.elt).flat  # pyright: ignore[reportAttributeAccessIssue]
        self._frame.values = before
        return value


def _parameters(target: Target) -> set[str]:
    """The text of expressions that are parameters, by what optimizers are given with gradients."""
    module, found = target.module, set()
    for call in inside(module, target.function):
        given: list[ast.expr] = []
        if module.resolve(call.func) == "optax.apply_updates":
            given = call.args[:1]
        elif isinstance(call.func, ast.Attribute) and call.func.attr == "update":
            given = call.args[2:3] + [k.value for k in call.keywords if k.arg == "params"]
        elif isinstance(call.func, ast.Call) and is_gradient(module.resolve(call.func.func)):
            given = call.args[:1]
        found |= {module.text(e) for e in given if isinstance(e, ast.Name | ast.Attribute)}
    return found


def _as_params(value: Value) -> Value:
    return value if value.marks else Value(frozenset({Mark("params")}))


def _text_of(node: ast.expr | None) -> str:
    """The literal text in a key: all of a constant, the fixed parts of an f-string."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text_of(part) for part in node.values)
    return ""
