"""Evaluates expressions to abstract values."""

import ast
from typing import TYPE_CHECKING

from . import keys, library
from .values import CLEAN, Callable, Token, Value

if TYPE_CHECKING:
    from ..source.module import Module
    from ..source.scopes import Function
    from .engine import Engine
    from .state import State
    from .summary import Demand, Summary


class Expressions:
    """The expression half of the interpreter."""

    if TYPE_CHECKING:
        engine: Engine
        module: Module
        function: Function | None
        state: State
        summary: Summary
        stamps: list[int]
        entry: dict[str, Token]
        inputs: dict[str, Value]
        made_by: dict[ast.AST, Value]
        evaluations: int

        def bind(self, target: ast.expr, value: Value, statement: ast.AST) -> None: ...
        def bind_iteration(self, target: ast.expr, iterable: ast.expr, value: Value) -> None: ...
        def demand(self, kind: str, node: ast.AST, value: Value) -> None: ...
        def arrays(self, *values: Value) -> None: ...
        def numbered(self, node: ast.expr) -> object: ...
        def number(self, name: str) -> int: ...
        def made(
            self, mask: int = 0, boolean: bool = False, token: Token | None = None
        ) -> Value: ...
        def function_value(self, node: ast.Lambda) -> Value: ...
        def call(self, node: ast.Call) -> Value: ...
        def guards_of(self, test: ast.expr) -> tuple: ...

    def eval(self, node: ast.expr) -> Value:
        """Returns the abstract value of an expression, and notes what evaluating it does."""
        evaluate = _EXPRESSIONS.get(type(node))
        return evaluate(self, node) if evaluate is not None else CLEAN

    def path(self, node: ast.expr) -> str | None:
        """Returns the path of a variable, an attribute or a string subscript; None for the rest."""
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Attribute):
            base = self.path(node.value)
            return None if base is None else f"{base}.{node.attr}"
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            if isinstance(node.slice.value, str):
                base = self.path(node.value)
                return None if base is None else f"{base}[{node.slice.value!r}]"
        return None

    def truth(self, node: ast.expr, kind: str) -> Value:
        """Evaluates an expression whose truth is asked for, and notes what must be concrete."""
        if isinstance(node, ast.BoolOp):
            inner = kind if kind != "exit" else "branch"
            entry = self.state.guards
            for value in node.values:
                self.truth(value, inner)
                yes, no = self.guards_of(value)
                self.state.guards += yes if isinstance(node.op, ast.And) else no
            self.state.guards = entry
            return CLEAN
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self.truth(node.operand, kind)
        value = self.eval(node)
        if not value.sequence:
            self.demand(kind, node, value)
        return value

    def _name(self, node: ast.Name) -> Value:
        value = self.name_value(node.id, node)
        keys.used(self, node, value)
        return value

    def name_value(self, name: str, node: ast.Name) -> Value:
        """Returns the value of a name: a variable, a free one, or something defined elsewhere."""
        value = self.state.env.get(name)
        if value is not None:
            return value
        function = self.function
        if function is not None and name in function.scope.bound:
            if name in function.scope.imports:
                return Value(function=Callable(library=self.module.resolve(node)))
            if name not in function.scope.functions and name not in function.scope.declared:
                return Value(Token("other"))  # bound later, or on another way
        resolved = self.module.resolve(node)
        if resolved is not None:
            return self.engine.global_value(self.module, name, resolved)
        return self.free_value(name) or CLEAN

    def free_value(self, name: str) -> Value | None:
        """Returns a variable of an enclosing function as an input of this one."""
        function = self.function
        if function is None:
            return None
        if name in self.inputs:
            return self.inputs[name]
        outer = function.parent
        while outer is not None:
            if name in outer.scope.bound:
                nested = outer.scope.functions.get(name)
                if nested is not None:
                    return Value(function=self.engine.callable_of(self.module, nested))
                number = self.number(name)
                parameter = outer.parameter(name)
                annotation = parameter.annotation if parameter else None
                value = self.engine.input_value(self.module, annotation, number)
                self.inputs[name] = value
                if value.token is not None:
                    self.entry[name] = value.token
                if name not in self.state.env:
                    self.state.env[name] = value
                return value
            outer = outer.parent
        return None

    def _attribute(self, node: ast.Attribute) -> Value:
        path = self.path(node)
        if path is not None and (known := self.state.env.get(path)) is not None:
            keys.used(self, node, known)
            return known
        resolved = self.module.resolve(node)
        if resolved is not None:
            return self.engine.global_value(self.module, path or "", resolved)
        if isinstance(node.value, ast.Name) and node.attr in library.STATIC_ATTRIBUTES:
            self.name_value(node.value.id, node.value)  # looks only: allowed after donation
            return CLEAN
        base = self.eval(node.value)
        return self.attribute_of(base, node, path)

    def attribute_of(self, base: Value, node: ast.Attribute, path: str | None) -> Value:
        """Returns an attribute of a value."""
        name = node.attr
        if name in library.STATIC_ATTRIBUTES:
            return CLEAN
        if name in library.ARRAY_ATTRIBUTES and (base.taint or base.raw):
            self.arrays(base)
            return Value(base.token, taint=base.taint | base.raw, boolean=base.boolean)
        if isinstance(base.items, dict) and name in base.items:
            return base.items[name]
        value = CLEAN
        if base.cls is not None:
            value = self.engine.attribute_value(base.cls, name, base.taint | base.raw)
        if value.token is None:
            value = Value(
                base.token.child("field", f".{name}") if base.token else Token("other"),
                value.taint,
                value.raw,
                function=value.function,
                cls=value.cls,
            )
        if path is not None:
            self.state.env[path] = value
        return value

    def _subscript(self, node: ast.Subscript) -> Value:
        path = self.path(node)
        if path is not None and (known := self.state.env.get(path)) is not None:
            return known
        base = self.eval(node.value)
        index = self.eval(node.slice)
        at_update = isinstance(node.value, ast.Attribute) and node.value.attr == "at"
        if index.mask() and not at_update:
            if isinstance(base.items, tuple | dict) or base.sequence:
                self.demand("index", node.slice, index)
            elif (index.boolean or any(p.boolean for p in index.parts())) and (
                base.taint or base.raw
            ):
                self.demand("mask", node, index)
        value = self._element_at(base, node)
        if index.taint and not (base.taint or base.raw) and base.items is None:
            # Indexing a concrete array with a tracer gives a tracer.
            value = Value(value.token, taint=index.taint)
        if path is not None:
            self.state.env[path] = value
        return value

    def _element_at(self, base: Value, node: ast.Subscript) -> Value:
        index = node.slice
        if isinstance(index, ast.Constant):
            if isinstance(base.items, tuple) and isinstance(index.value, int):
                if -len(base.items) <= index.value < len(base.items):
                    return base.items[index.value]
            if isinstance(base.items, dict) and index.value in base.items:
                return base.items[index.value]
            return self.element(base, index.value)
        if isinstance(index, ast.Slice) and isinstance(base.items, tuple):
            return Value(base.token, raw=base.mask(), sequence=True)
        if isinstance(index, ast.Constant) or _adds_axes_only(index):
            return Value(base.token, base.taint, base.raw)
        return self.element(base, self.numbered(index))

    def element(self, base: Value, label: object) -> Value:
        """Returns an element of an array or a container."""
        origin = "field" if isinstance(label, str) else "element"
        token = base.token.child(origin, label) if base.token else None
        mask = base.mask() if base.items is not None else base.raw
        return Value(token, base.taint, mask & ~base.taint, boolean=base.boolean, stamp=base.stamp)

    def iterated(self, node: ast.expr, value: Value) -> Value:
        """Returns one element of what a loop runs over, a new one at each call."""
        if isinstance(node, ast.Call):
            name = self.module.resolve(node.func)
            if name == "builtins.enumerate" and node.args:
                inner = self.iterated(node.args[0], self.peek(node.args[0]))
                return Value(Token("other"), items=(Value(Token("other")), inner))
            if name == "builtins.zip":
                parts = tuple(
                    self.iterated(a, self.peek(a))
                    for a in node.args
                    if not isinstance(a, ast.Starred)
                )
                if len(parts) == len(node.args):
                    return Value(Token("other"), items=parts)
            if name == "builtins.reversed" and node.args:
                return self.iterated(node.args[0], self.peek(node.args[0]))
            if name == "builtins.range":
                return Value(Token("other"))
            if isinstance(node.func, ast.Attribute) and node.func.attr in ("items", "values"):
                mapping = self.peek(node.func.value)
                each = self._fresh_element(mapping)
                if node.func.attr == "items":
                    return Value(Token("other"), items=(Value(Token("other")), each))
                return each
            if isinstance(node.func, ast.Attribute) and node.func.attr == "keys":
                return Value(Token("other"))
        if isinstance(value.items, tuple) and value.items:
            tokens: dict = {}
            result = value.items[0]
            for other in value.items[1:]:
                result = keys.joined(result, other, tokens)
            return Value(Token("other"), result.taint, result.raw, cls=result.cls)
        return self._fresh_element(value)

    def peek(self, node: ast.expr) -> Value:
        """Returns the value of a simple expression without noting its evaluation again."""
        path = self.path(node)
        if path is not None:
            found = self.state.env.get(path)
            if found is not None:
                return found
        return self.made_by.get(node) or Value(Token("other"))

    def _fresh_element(self, value: Value) -> Value:
        token = value.token.child("element", ("each", object())) if value.token else None
        mask = value.mask() if value.items is not None else value.raw
        return Value(token, value.taint, mask & ~value.taint, boolean=value.boolean)

    def demand_iteration(self, node: ast.expr, value: Value) -> None:
        """Notes that a loop runs over a value."""
        if value.taint and not value.sequence:
            self.demand("iterate", node, Value(taint=value.taint))

    def demand_unpacking(self, node: ast.AST, value: Value) -> None:
        """Notes nothing: unpacking a tracer unrolls it, into as many parts as are written."""

    def arithmetic(self, left: Value, right: Value) -> Value:
        """Returns the result of an operator between two values."""
        if left.items is not None or right.items is not None or left.sequence or right.sequence:
            return Value(Token("other"), raw=left.mask() | right.mask(), sequence=True)
        mask = left.taint | left.raw | right.taint | right.raw
        if not mask:
            return Value(Token("other"))
        self.arrays(left, right)
        return Value(
            Token("other"),
            taint=mask,
            boolean=left.boolean or right.boolean,
            stamp=max(left.stamp, right.stamp),
        )

    def _binary(self, node: ast.BinOp) -> Value:
        left, right = self.eval(node.left), self.eval(node.right)
        if isinstance(node.left, ast.Constant | ast.JoinedStr) and not isinstance(
            getattr(node.left, "value", None), int | float | complex
        ):
            return CLEAN  # text, formatted or joined
        return self.arithmetic(left, right)

    def _unary(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            self.truth(node.operand, "boolean")
            return CLEAN
        value = self.eval(node.operand)
        result = self.arithmetic(value, CLEAN)
        result.boolean = value.boolean
        return result

    def _bool(self, node: ast.BoolOp) -> Value:
        entry = self.state.guards
        values = []
        container = isinstance(node.values[-1], ast.Dict | ast.List | ast.Tuple)
        for position, each in enumerate(node.values):
            if container:
                values.append(self.eval(each))  # as in `params or {}`: not of an array
            elif position < len(node.values) - 1:
                before = self.truth(each, "boolean")
                values.append(before)
                yes, no = self.guards_of(each)
                self.state.guards += yes if isinstance(node.op, ast.And) else no
            else:
                values.append(self.eval(each))
        self.state.guards = entry
        tokens: dict = {}
        result = values[0]
        for other in values[1:]:
            result = keys.joined(result, other, tokens)
        return result

    def _compare(self, node: ast.Compare) -> Value:
        values = [self.eval(node.left), *(self.eval(c) for c in node.comparators)]
        operands = [node.left, *node.comparators]
        mask = 0
        for position, operator in enumerate(node.ops):
            left, right = values[position], values[position + 1]
            if isinstance(operator, ast.Is | ast.IsNot):
                continue
            if isinstance(operator, ast.In | ast.NotIn):
                number = operands[position]
                if left.taint and (right.items is not None or right.sequence):
                    self.demand("boolean", node, Value(taint=left.taint))
                elif isinstance(number, ast.Constant) and isinstance(number.value, int | float):
                    self.demand("boolean", node, right)
                continue
            if any(
                isinstance(o, ast.Constant) and not isinstance(o.value, int | float)
                for o in operands[position : position + 2]
            ):
                if left.raw or right.raw:
                    self.demand("text", node, left if left.raw else right)
                continue
            if left.items is not None or right.items is not None:
                continue
            this = left.taint | left.raw | right.taint | right.raw
            if position < len(node.ops) - 1 and this:
                self.demand("boolean", node, Value(taint=this))
            mask |= this
        if not mask:
            return CLEAN
        if any(not isinstance(o, ast.Constant) for o in operands[1:]) or not isinstance(
            node.ops[0], ast.Eq | ast.NotEq
        ):
            self.arrays(*values)
        return Value(Token("other"), taint=mask, boolean=True)

    def _conditional(self, node: ast.IfExp) -> Value:
        self.truth(node.test, "branch")
        entry = self.state
        yes, no = self.guards_of(node.test)
        self.state = entry.copy()
        self.state.guards = entry.guards + yes
        first = self.eval(node.body)
        after = self.state
        self.state = entry.copy()
        self.state.guards = entry.guards + no
        second = self.eval(node.orelse)
        self.state = keys.join([after, self.state], entry.guards)
        tokens: dict = {}
        return keys.joined(first, second, tokens)

    def _sequence(self, node: ast.Tuple | ast.List | ast.Set) -> Value:
        values = tuple(self.eval(e) for e in node.elts)
        if any(isinstance(e, ast.Starred) for e in node.elts):
            mask = 0
            for value in values:
                mask |= value.mask()
            return Value(Token("other"), raw=mask, sequence=True)
        return Value(Token("other"), items=values, sequence=True)

    def _dict(self, node: ast.Dict) -> Value:
        items: dict[str, Value] = {}
        complete = True
        mask = 0
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None:
                self.eval(key)
            found = self.eval(value)
            mask |= found.mask()
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                items[key.value] = found
            else:
                complete = False
        if complete and items:
            return Value(Token("other"), items=items, sequence=True)
        return Value(Token("other"), raw=mask, sequence=True)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> Value:
        shadowed = self.state.env.copy()
        iterables = [self.eval(node.generators[0].iter)]
        mask = 0
        for _ in range(2):
            for position, generator in enumerate(node.generators):
                if position:
                    iterables[position:] = [self.eval(generator.iter)]
                iterable = iterables[position]
                self.demand_iteration(generator.iter, iterable)
                self.bind_iteration(generator.target, generator.iter, iterable)
                for test in generator.ifs:
                    self.truth(test, "branch")
            if isinstance(node, ast.DictComp):
                self.eval(node.key)
                mask |= self.eval(node.value).mask()
            else:
                mask |= self.eval(node.elt).mask()
        for position, generator in enumerate(node.generators):
            keys.after_iteration(self, generator.iter, iterables[position])
        for name in [n for n in self.state.env if n not in shadowed]:
            del self.state.env[name]
        for name, value in shadowed.items():
            self.state.env[name] = value
        return Value(Token("other"), raw=mask, sequence=True)

    def _walrus(self, node: ast.NamedExpr) -> Value:
        value = self.eval(node.value)
        self.bind(node.target, value, node)
        return value

    def _await(self, node: ast.Await | ast.Starred) -> Value:
        return self.eval(node.value)

    def _yield(self, node: ast.Yield | ast.YieldFrom) -> Value:
        if node.value is not None:
            value = self.eval(node.value)
            keys.escapes(self, node.value, value, "yielded")
        return Value(Token("other"))

    def _text(self, node: ast.JoinedStr | ast.FormattedValue) -> Value:
        for part in node.values if isinstance(node, ast.JoinedStr) else [node]:
            if isinstance(part, ast.FormattedValue):
                value = self.eval(part.value)
                if part.format_spec is not None and value.taint:
                    self.demand("convert", part.value, Value(taint=value.taint))
        return CLEAN

    def _slice(self, node: ast.Slice) -> Value:
        for bound in (node.lower, node.upper, node.step):
            if bound is not None:
                value = self.eval(bound)
                if value.taint:
                    self.demand("index", bound, Value(taint=value.taint))
        return CLEAN

    def _lambda(self, node: ast.Lambda) -> Value:
        return self.function_value(node)

    def _call(self, node: ast.Call) -> Value:
        return self.call(node)


def _adds_axes_only(index: ast.expr) -> bool:
    """Whether a subscript only inserts axes, as `[None]` and `[None, ...]` do."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    return all(isinstance(p, ast.Constant) and p.value in (None, Ellipsis) for p in parts)


_EXPRESSIONS = {
    ast.Name: Expressions._name,
    ast.Attribute: Expressions._attribute,
    ast.Subscript: Expressions._subscript,
    ast.BinOp: Expressions._binary,
    ast.UnaryOp: Expressions._unary,
    ast.BoolOp: Expressions._bool,
    ast.Compare: Expressions._compare,
    ast.IfExp: Expressions._conditional,
    ast.Tuple: Expressions._sequence,
    ast.List: Expressions._sequence,
    ast.Set: Expressions._sequence,
    ast.Dict: Expressions._dict,
    ast.ListComp: Expressions._comprehension,
    ast.SetComp: Expressions._comprehension,
    ast.GeneratorExp: Expressions._comprehension,
    ast.DictComp: Expressions._comprehension,
    ast.NamedExpr: Expressions._walrus,
    ast.Await: Expressions._await,
    ast.Starred: Expressions._await,
    ast.Yield: Expressions._yield,
    ast.YieldFrom: Expressions._yield,
    ast.JoinedStr: Expressions._text,
    ast.FormattedValue: Expressions._text,
    ast.Slice: Expressions._slice,
    ast.Lambda: Expressions._lambda,
    ast.Call: Expressions._call,
}
