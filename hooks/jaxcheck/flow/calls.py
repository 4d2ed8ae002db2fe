"""Evaluates calls: of keys, of arrays, of transformations and of the project's own functions."""

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from ..findings import Confidence
from ..source.scopes import Function
from ..tracing import method_of, target_of
from ..transforms import PARTIAL, TRANSFORMS
from . import keys, library
from .expressions import Expressions
from .state import join
from .summary import Consumption, Summary
from .values import CLEAN, MADE, Callable, Site, Token, Value

if TYPE_CHECKING:
    from ..source.module import Module
    from .interpreter import _Loop

_CONVERSIONS = {"float": "convert", "int": "convert", "complex": "convert", "bool": "boolean"}
_NEEDS_TRUTH = frozenset({"max", "min", "any", "all", "sorted"})
_CONVERTING_METHODS = frozenset({"item", "tolist", "__array__", "__bool__", "__float__", "__int__"})
_SYNCHRONISES = frozenset(
    {
        "jax.device_get",
        "jax.block_until_ready",
        "numpy.asarray",
        "numpy.array",
        "builtins.float",
        "builtins.int",
        "builtins.bool",
    }
)
_SYNCHRONISING_METHODS = frozenset({"item", "tolist", "block_until_ready"})
_CLOCKS = frozenset({"time.time", "time.perf_counter", "time.monotonic", "time.perf_counter_ns"})
_CALLBACKS = frozenset(
    {
        "jax.debug.callback",
        "jax.pure_callback",
        "jax.experimental.io_callback",
        "jax.experimental.pure_callback",
    }
)
_MAPS = frozenset({"jax.tree.map", "builtins.map", "jax.tree_util.tree_map_with_path",
                   "jax.tree.map_with_path"})  # fmt: skip


class Calls(Expressions):
    """The half of the interpreter that knows what functions do."""

    if TYPE_CHECKING:
        loops: list[_Loop]
        loop_guards: list[int]
        measures: bool

        def hand(self, module: Module, function: Function, given: dict[str, Value]) -> None: ...

    def call(self, node: ast.Call) -> Value:
        """Returns the result of a call, and notes what it does to its arguments."""
        self.evaluations += 1
        value = self._called(node)
        self.made_by[node] = value
        return value

    def _called(self, node: ast.Call) -> Value:
        func = node.func
        name = self.module.resolve(func)
        callee = None
        base = None
        if name is None or self.engine.is_own(name):
            if isinstance(func, ast.Attribute):
                base = self.eval(func.value)
                path = self.path(func)
                callee = self.state.env.get(path) if path else None
            elif isinstance(func, ast.Name):
                callee = self.name_value(func.id, func)
                if callee.raw and not callee.taint and callee.function is None:
                    self.demand("call", func, Value(callee.token, raw=callee.raw))
            else:
                callee = self.eval(func)
        arguments = [self.eval(a) for a in node.args]
        keywords = {k.arg: self.eval(k.value) for k in node.keywords if k.arg}
        for k in node.keywords:
            if k.arg is None:
                self.eval(k.value)
        spread = any(isinstance(a, ast.Starred) for a in node.args)
        if callee is not None and callee.function is not None:
            return self.apply(callee.function, arguments, keywords, node, spread)
        if name is not None and not self.engine.is_own(name):
            return self.library_call(name, arguments, keywords, node)
        if name is not None:
            found = self.engine.own(name)
            if isinstance(found, Callable):
                return self.apply(found, arguments, keywords, node, spread)
            if found is not None:
                return self._construct(found, arguments, keywords, node)
        if isinstance(func, ast.Attribute) and base is not None:
            return self._method(func, base, arguments, keywords, node, spread)
        self._weakly(arguments, keywords, node)
        return Value(Token("other"))

    # Functions of libraries

    def library_call(
        self, name: str, arguments: list[Value], keywords: dict[str, Value], node: ast.Call
    ) -> Value:
        """Returns the result of a function of a library."""
        for value in [*arguments, *keywords.values()]:
            self.summary.stored[node] = self.summary.stored.get(node, 0) | value.mask()
        self._synchronises(name, arguments, node)
        if name.startswith("jax.random.") and name.count(".") == 2:
            return self._random(name, arguments, keywords, node)
        if name in TRANSFORMS:
            return self._transform(name, arguments, keywords, node)
        if name in PARTIAL and arguments:
            return self._partial(arguments, keywords)
        if name.startswith("builtins."):
            return self._builtin(name[9:], arguments, keywords, node)
        if name in library.FORWARDS and arguments:
            first = arguments[0]
            if name.startswith("jax.numpy.") and (mask := first.mask()):
                return Value(first.token, taint=mask, boolean=first.boolean, stamp=first.stamp)
            return first
        if name in _MAPS and arguments:
            return self._map(arguments, node)
        if name in _CALLBACKS:
            if arguments and arguments[0].function and arguments[0].function.target:
                self.engine.on_host.add(arguments[0].function.target.function.node)
            return self.made()
        if library.is_array_function(name):
            return self._array_function(name, arguments, keywords, node)
        if name.startswith("math."):
            for argument, value in zip(node.args, arguments, strict=False):
                self.demand("convert", argument, Value(taint=value.taint))
            return Value(Token("other"))
        if name.startswith("numpy."):
            part = name.split(".")[1]
            if part not in library.NUMPY_STATIC:
                for argument, value in zip(node.args, arguments, strict=False):
                    self.demand("convert", argument, value)
            return Value(Token("other"))
        if name in library.INSPECTS or name.startswith(library.INSPECTING_ROOTS):
            return Value(Token("other"))
        if name == "flax.nnx.Rngs":
            seen: set[Token] = set()
            for value in [*arguments, *keywords.values()]:
                token = value.token
                if token is None or value.items is not None:
                    continue
                if token.is_key or token not in seen:  # two streams may share a number as seed
                    keys.consume(self, token, node, False, "nnx.Rngs")
                seen.add(token)
            return Value(Token("other"))
        self._weakly(arguments, keywords, node)
        return Value(Token("other"))

    def _random(
        self, name: str, arguments: list[Value], keywords: dict[str, Value], node: ast.Call
    ) -> Value:
        function = name.rpartition(".")[2]
        key = arguments[0] if arguments else keywords.get("key")
        mask = 0
        for value in [*arguments, *keywords.values()]:
            mask |= value.mask()
        self._sizes(name, keywords, node)
        if name in library.MAKES_KEY:
            seeds = [*node.args, *(k.value for k in node.keywords)]
            constant = bool(seeds) and all(isinstance(s, ast.Constant) for s in seeds)
            label = "constant seed" if constant else None
            return Value(Token("born", label=label, evidence=True), taint=mask | MADE)
        if function in library.KEEPS_KEY:
            if key is None or key.token is None:
                return Value(Token("born", evidence=True), taint=mask | MADE)
            key.token.evidence = True
            if function == "fold_in":
                data = node.args[1] if len(node.args) > 1 else None
                if data is None:
                    data = next((k.value for k in node.keywords if k.arg == "data"), None)
                label = self.numbered(data) if data is not None else object()
                if data is not None and any(isinstance(n, ast.Call) for n in ast.walk(data)):
                    label = object()  # a call may give another value each time
                return Value(key.token.child("fold", label), taint=mask | MADE)
            if function == "clone":
                return Value(Token("born", evidence=True), taint=mask | MADE)
            return Value(Token("other"), taint=mask | MADE)
        if key is not None and key.token is not None:
            what = f"`{self.module.text(node.func)}`"
            keys.consume(self, key.token, node, True, what, direct=True)
        if function == "split":
            return Value(Token("born", label="split", evidence=True), taint=mask | MADE)
        return self.made(mask)

    def _array_function(
        self, name: str, arguments: list[Value], keywords: dict[str, Value], node: ast.Call
    ) -> Value:
        last = name.rpartition(".")[2]
        if last in library.STATIC_FUNCTIONS or name in library.INSPECTS:
            return CLEAN
        if name == "jax.lax.psum" and node.args and isinstance(node.args[0], ast.Constant):
            return CLEAN  # the size of the axis, a Python number
        mask = 0
        for value in [*arguments, *keywords.values()]:
            mask |= value.mask()
        self.arrays(*arguments, *keywords.values())
        self._sizes(name, keywords, node)
        sized = library.DATA_DEPENDENT.get(name)
        if name == "jax.numpy.where" and len(node.args) + len(keywords) == 1:
            sized = "size"
        if sized and sized not in keywords and arguments:
            self.demand("size", node, Value(taint=arguments[0].mask()))
        if name == "jax.numpy.repeat" and "total_repeat_length" not in keywords:
            repeats = arguments[1] if len(arguments) > 1 else keywords.get("repeats", CLEAN)
            if repeats.taint:
                self.demand("size", node, Value(taint=repeats.taint))
        if name in ("jax.numpy.einsum",) and arguments and arguments[0].raw:
            self.demand("structure", node.args[0], Value(arguments[0].token, raw=arguments[0].raw))
        if last in library.LIST_FUNCTIONS:
            return Value(Token("other"), taint=mask | MADE, sequence=True)
        return self.made(mask, last in library.BOOLEAN_FUNCTIONS)

    def _sizes(self, name: str, keywords: dict[str, Value], node: ast.Call) -> None:
        positions, names = library.SIZES.get(name, ((), ()))
        wanted = [node.args[i] for i in positions if i < len(node.args)]
        for keyword in node.keywords:
            if keyword.arg in names or keyword.arg in library.STRUCTURAL_KEYWORDS:
                wanted.append(keyword.value)
        for argument in wanted:
            parts = argument.elts if isinstance(argument, ast.Tuple | ast.List) else [argument]
            for part in parts:
                self._demand_size(part)

    def _demand_size(self, node: ast.expr) -> None:
        if isinstance(node, ast.Name | ast.Subscript | ast.Attribute):
            path = self.path(node)
            value = self.state.env.get(path, CLEAN) if path else CLEAN
            if isinstance(node, ast.Name) and value.token is None and not value.mask():
                value = self.name_value(node.id, node)
        elif isinstance(node, ast.Call):
            value = self.made_by.get(node, CLEAN)
        elif isinstance(node, ast.BinOp):
            self._demand_size(node.left)
            self._demand_size(node.right)
            return
        else:
            return
        for part in value.parts() or [value]:  # of a shape, its sizes
            if part.taint:
                self.demand("size", node, Value(taint=part.taint))
            elif part.raw:
                self.demand("structure", node, Value(part.token, raw=part.raw))

    def _builtin(
        self, name: str, arguments: list[Value], keywords: dict[str, Value], node: ast.Call
    ) -> Value:
        mask = 0
        for value in arguments:
            mask |= value.mask()
        if name in _CONVERSIONS and arguments:
            self.demand(_CONVERSIONS[name], node, arguments[0])
            return CLEAN
        if name in _NEEDS_TRUTH and arguments and "key" not in keywords:
            several = name in ("max", "min") and len(arguments) > 1
            compared = [v for v in (arguments if several else arguments[:1]) if not v.sequence]
            taint = raw = 0
            for value in compared:
                taint |= value.taint
                raw |= value.raw
            if several:
                taint, raw = taint | raw, 0  # they are compared, so they are numbers or arrays
            if taint or raw:
                token = next((v.token for v in compared if v.raw), None)
                if several:
                    taint, raw = taint | raw, 0  # compared with each other, whichever is traced
                self.demand("boolean", node, Value(token, taint, raw))
            return Value(Token("other"), raw=mask)
        if name == "range":
            for argument, value in zip(node.args, arguments, strict=False):
                self.demand("range", argument, value)
            return CLEAN
        if name in ("sum", "abs", "round", "pow", "divmod") and arguments:
            first = arguments[0]
            if first.sequence:
                return Value(Token("other"), taint=mask)
            return self.arithmetic(first, arguments[1] if len(arguments) > 1 else CLEAN)
        if name in ("list", "tuple", "reversed", "iter", "dict", "set", "zip", "enumerate"):
            if len(arguments) == 1 and name in ("list", "tuple", "iter"):
                first = arguments[0]
                return Value(first.token, raw=mask, items=first.items, sequence=True)
            return Value(Token("other"), raw=mask, sequence=True)
        if name == "next" and arguments:
            return self._fresh_element(arguments[0])
        if f"builtins.{name}" not in library.INSPECTS:
            self._weakly(arguments, keywords, node)
        return Value(Token("other")) if name != "len" else CLEAN

    # Function values

    def _partial(self, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        inner = arguments[0].function
        if inner is None:
            return Value(Token("other"))
        made = Callable(
            inner.target,
            inner.library,
            (*inner.bound, *arguments[1:]),
            {**inner.keywords, **keywords},
            inner.transforms,
            inner.donated,
            inner.in_axes,
            inner.has_aux,
            inner.compiled,
        )
        return Value(Token("other"), function=made)

    def _transform(
        self, name: str, arguments: list[Value], keywords: dict[str, Value], node: ast.Call
    ) -> Value:
        transform = TRANSFORMS[name]
        if not transform.wraps:
            return self._control(name, arguments, keywords, node)
        first = (
            arguments[0]
            if arguments
            else next((keywords[k] for k in transform.keywords if k in keywords), CLEAN)
        )
        inner = first.function or Callable()
        donated: tuple[int | str, ...] = ()
        in_axes = inner.in_axes
        for keyword in node.keywords:
            if keyword.arg in ("donate_argnums", "donate_argnames") and "nnx" not in name:
                given = self.module.literal(keyword.value)
                given = given if isinstance(given, tuple) else (given,)
                donated += tuple(g for g in given if isinstance(g, int | str))
        axes = next((k.value for k in node.keywords if k.arg == "in_axes"), None)
        if axes is None and transform.kind == "vmap" and len(node.args) > 1:
            axes = node.args[1]
        if isinstance(axes, ast.Tuple):
            in_axes = tuple(
                not (isinstance(e, ast.Constant) and e.value is None) for e in axes.elts
            )
        made = Callable(
            inner.target,
            inner.library,
            inner.bound,
            inner.keywords,
            (*inner.transforms, name),
            donated or inner.donated,
            in_axes,
            inner.has_aux or any(k.arg == "has_aux" for k in node.keywords),
            inner.compiled or transform.kind == "jit" and not transform.abstract,
        )
        return Value(Token("other"), function=made)

    def apply(
        self,
        callee: Callable,
        arguments: list[Value],
        keywords: dict[str, Value],
        node: ast.Call,
        spread: bool = False,
    ) -> Value:
        """Returns the result of calling a function value."""
        for position in callee.donated:
            if isinstance(position, int) and callee.target is None:
                if -len(arguments) <= position < len(arguments):
                    self._donate(arguments[position], node)
        arguments = [*callee.bound, *arguments]
        keywords = {**callee.keywords, **keywords}
        if any(TRANSFORMS[t].abstract for t in callee.transforms):
            return Value(Token("other"))
        if callee.target is None:
            if callee.library is not None:
                if callee.transforms:
                    return self._mapped_library(callee, arguments, keywords, node)
                return self.library_call(callee.library, arguments, keywords, node)
            self._weakly(arguments, keywords, node)
            return self._compiled(Value(Token("other")), callee)
        return self._own(callee, arguments, keywords, node, spread)

    def _mapped_library(
        self, callee: Callable, arguments: list[Value], keywords: dict[str, Value], node: ast.Call
    ) -> Value:
        assert callee.library is not None
        short = callee.library.rpartition(".")[2]
        if callee.library == f"jax.random.{short}" and arguments:
            token = arguments[0].token
            if short in library.KEEPS_KEY | {"key", "PRNGKey"}:
                return Value(Token("born", evidence=True))
            if token is not None:
                keys.consume(self, token, node, True, f"`{short}`")
            return Value(Token("born" if short == "split" else "other", evidence=short == "split"))
        mask = 0
        for value in [*arguments, *keywords.values()]:
            mask |= value.mask()
        return Value(Token("other"), taint=mask | MADE)

    def _own(
        self,
        callee: Callable,
        arguments: list[Value],
        keywords: dict[str, Value],
        node: ast.Call,
        spread: bool,
    ) -> Value:
        target = callee.target
        assert target is not None
        function = target.function
        summary = self.engine.summary(target.module, function)
        given = self._given(target.bound, function, arguments, keywords, spread)
        if summary is None:
            self._weakly(arguments, keywords, node)
            return Value(Token("other"))
        self.hand(target.module, function, given)
        if callee.transforms:
            self.engine.passed.setdefault(function.node, set()).update(given)
        mapped = any(TRANSFORMS[t].kind == "vmap" for t in callee.transforms)
        if not any(TRANSFORMS[t].abstract for t in callee.transforms):
            for consumption in summary.consumptions:
                self._consume_input(consumption, summary, given, node, callee, mapped)
            if spread:
                self._weakly(arguments, keywords, node)
        for name in callee.donated:
            if isinstance(name, int):
                names = target.free
                name = names[name] if -len(names) <= name < len(names) else ""
            if name in given:
                self._donate(given[name], node)
        mask = 0
        for value in given.values():
            mask |= value.mask()
        if callee.transforms and any(TRANSFORMS[t].kind != "jit" for t in callee.transforms):
            result = self._differentiated(callee, mask)
        else:
            result = substituted(summary.returned, summary, given)
            if callee.donated:
                result = renewed(result)
        return self._compiled(result, callee)

    def _differentiated(self, callee: Callable, mask: int) -> Value:
        """Returns what a transformed function returns: for `value_and_grad`, the loss first."""
        parts = Value(Token("other"), raw=mask)
        if not callee.transforms or not callee.transforms[-1].endswith("value_and_grad"):
            return parts
        loss = Value(Token("other"), taint=mask)
        if callee.has_aux:
            loss = Value(Token("other"), items=(loss, parts))
        return Value(Token("other"), items=(loss, parts))

    def _given(
        self,
        bound: int,
        function: Function,
        arguments: list[Value],
        keywords: dict[str, Value],
        spread: bool,
    ) -> dict[str, Value]:
        given: dict[str, Value] = {}
        positional = [p for p in function.parameters if p.kind == "positional"]
        if not spread:
            for parameter, value in zip(positional[bound:], arguments, strict=False):
                given[parameter.name] = value
            rest = arguments[len(positional) - bound :]
            variadic = next((p for p in function.parameters if p.kind == "args"), None)
            if variadic is not None and rest:
                given[variadic.name] = Value(Token("other"), items=tuple(rest), sequence=True)
        for name, value in keywords.items():
            if function.parameter(name) is not None:
                given[name] = value
        return given

    def _consume_input(
        self,
        consumption: Consumption,
        summary: Summary,
        given: dict[str, Value],
        node: ast.AST,
        callee: Callable,
        mapped: bool,
    ) -> None:
        name = summary.inputs[consumption.input]
        function = summary.function
        assert function is not None
        what = f"`{function.name}`" if function.name != "<lambda>" else "the lambda"
        if consumption.input >= summary.parameters:
            token = self._free_token(name, consumption.path)
            if token is None:
                return
            if mapped:
                self._broadcast(token, node, what, consumption)
            else:
                keys.consume(self, token, node, consumption.strong, what)
            return
        value = given.get(name)
        if value is None:
            return
        token = _at(value, consumption.path)
        if token is None:
            return
        if mapped and callee.in_axes is not None:
            names = [p.name for p in function.parameters if p.kind == "positional"]
            names = names[callee.target.bound if callee.target else 0 :]
            if name in names and names.index(name) < len(callee.in_axes):
                if not callee.in_axes[names.index(name)]:
                    self._broadcast(token, node, what, consumption)
                    return
        keys.consume(self, token, node, consumption.strong, what)

    def _free_token(self, name: str, path: tuple[object, ...]) -> Token | None:
        value = self.state.env.get(name) or self.free_value(name)
        return _at(value, path) if value is not None else None

    def _broadcast(self, token: Token, node: ast.AST, what: str, consumption: Consumption) -> None:
        here = Site(node, consumption.strong, what, self.state.guards)
        confidence = Confidence.PROVEN if consumption.strong else Confidence.LIKELY
        keys.event(self, "JX509", node, token, None, here, confidence, consumption.strong)

    def _donate(self, value: Value, node: ast.AST) -> None:
        if value.token is not None:
            site = Site(node, True, "donated", self.state.guards)
            self.state.donated[value.token] = site
        for part in value.parts():
            self._donate(part, node)

    def _compiled(self, result: Value, callee: Callable) -> Value:
        return stamped(result, self.stamps[-1]) if callee.compiled and self.stamps else result

    def _construct(
        self, found, arguments: list[Value], keywords: dict[str, Value], node: ast.Call
    ) -> Value:
        module, cls = found
        made = method_of(module, cls, "__init__")
        if made is not None:
            self.apply(Callable(made), arguments, keywords, node)
            return Value(Token("other"), cls=found)
        items = dict(zip(cls.fields, arguments, strict=False)) | keywords
        return Value(Token("other"), items=items or None, cls=found)

    # Methods

    def _method(
        self,
        func: ast.Attribute,
        base: Value,
        arguments: list[Value],
        keywords: dict[str, Value],
        node: ast.Call,
        spread: bool,
    ) -> Value:
        name = func.attr
        target = target_of(self.module, func)
        if target is None and base.cls is not None:
            target = method_of(base.cls[0], base.cls[1], name)
        if target is not None:
            if target.bound and target.function.parameters:
                instance = target.function.parameters[0].name
                callee = self.engine.callable_of(target.module, target.function, target)
                keywords = {**keywords, instance: base}
                return self.apply(callee, arguments, keywords, node, spread)
            return self.apply(Callable(target), arguments, keywords, node, spread)
        if isinstance(func.value, ast.Name) and func.value.id in ("self", "cls"):
            known = self.engine.attribute_function(self.module, func)
            if known is not None:
                return self.apply(known, arguments, keywords, node, spread)
        self._synchronises_method(name, base, node)
        for value in arguments:
            self.summary.stored[node] = self.summary.stored.get(node, 0) | value.mask()
        mask = base.taint | base.raw
        if name in _CONVERTING_METHODS and mask:
            self.demand("convert", node, base)
            return CLEAN
        if name in ("items", "keys", "values"):
            return Value(Token("other"), raw=mask, sequence=True)
        if base.taint or (base.raw and name in library.ARRAY_METHODS):
            self.arrays(base)
            if name == "reshape":
                for argument in node.args:
                    parts = argument.elts if isinstance(argument, ast.Tuple) else [argument]
                    for part in parts:
                        self._demand_size(part)
            for keyword in node.keywords:
                if keyword.arg in library.STRUCTURAL_KEYWORDS:
                    self._demand_size(keyword.value)
            for value in [*arguments, *keywords.values()]:
                mask |= value.mask()
            token = base.token if name in library.FORWARDING_METHODS else Token("other")
            return Value(token, taint=mask, boolean=name in ("any", "all"))
        if name in library.FORWARDING_METHODS:
            return base
        if name in ("get", "pop", "copy") and base.raw:
            return Value(Token("other"), raw=base.raw, sequence=name == "copy")
        if name in ("get", "pop") and isinstance(base.items, dict) and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and first.value in base.items:
                return base.items[first.value]
        if name in library.STORING_METHODS:
            for value in [*arguments, *keywords.values()]:
                keys.escapes(self, node, value, f"stored by `.{name}`")
            return Value(Token("other"), raw=base.raw, cls=base.cls)
        if name not in library.INSPECTING_METHODS:
            self._weakly(arguments, keywords, node)
        return Value(Token("other"))

    # Control flow of JAX

    def _control(
        self, name: str, arguments: list[Value], keywords: dict[str, Value], node: ast.Call
    ) -> Value:
        transform = TRANSFORMS[name]
        if transform.abstract:
            return Value(Token("other"))
        short = name.rpartition(".")[2]
        given = list(arguments)
        mask = MADE
        for value in [*arguments, *keywords.values()]:
            mask |= value.mask()

        def argument(position: int, *names: str) -> Value:
            if position < len(given):
                return given[position]
            return next((keywords[n] for n in names if n in keywords), CLEAN)

        if short == "scan":
            init, xs = argument(1, "init"), argument(2, "xs")
            self._body(argument(0, "f"), [init, self._fresh_element(xs)], node)
            self._eaten(xs, node)
            carry = Value(Token("other"), raw=mask)
            return Value(Token("other"), items=(carry, Value(Token("other"), raw=mask)))
        if short == "map":
            xs = argument(1, "xs")
            self._body(argument(0, "f"), [self._fresh_element(xs)], node)
            self._eaten(xs, node)
        elif short == "fori_loop":
            init = argument(3, "init_val")
            self._body(argument(2, "body_fun"), [self.made(), init], node)
        elif short == "while_loop":
            init = argument(2, "init_val")
            self._body(argument(0, "cond_fun"), [init], node)
            self._body(argument(1, "body_fun"), [init], node)
        elif short in ("cond", "switch"):
            branches = [argument(1, "true_fun"), argument(2, "false_fun")]
            operands = given[3:]
            if short == "switch":
                branches, operands = argument(1, "branches").parts(), given[2:]
            self._branches(branches, operands, node)
        elif short == "associative_scan":
            self._body(argument(0, "fn"), [], node)
        elif arguments and arguments[0].function is not None:
            self.apply(arguments[0].function, arguments[1:], {}, node)
        return Value(Token("other"), raw=mask)

    def _body(
        self, function: Value, arguments: list[Value], node: ast.AST, leaves: bool = False
    ) -> None:
        """Runs the body of a loop: what it closes over, it meets again in every iteration.

        Args:
            function: The body.
            arguments: What it is given in one iteration.
            node: The call that loops.
            leaves: Whether it runs over the leaves of trees, which are shuffled alike on purpose.
        """
        callee = function.function
        if callee is None or callee.target is None:
            return
        summary = self.engine.summary(callee.target.module, callee.target.function)
        if summary is None or summary.function is None:
            return
        every = [*callee.bound, *arguments]
        given = self._given(callee.target.bound, summary.function, every, callee.keywords, False)
        self.hand(callee.target.module, summary.function, given)
        bound = set(list(given)[: len(callee.bound)]) | set(callee.keywords)
        name = summary.function.name
        what = f"`{name}`" if name != "<lambda>" else "the lambda"
        for consumption in summary.consumptions:
            source = summary.inputs[consumption.input]
            if consumption.input >= summary.parameters:
                token = self._free_token(source, consumption.path)
            elif source in bound:
                token = _at(given[source], consumption.path)
            else:
                token = _at(given.get(source, CLEAN), consumption.path)
                if token is not None:
                    keys.consume(self, token, node, consumption.strong, what)
                continue
            if token is not None and leaves and _shuffles(summary.module, consumption.node):
                keys.consume(self, token, node, consumption.strong, what)
            elif token is not None:
                here = Site(node, consumption.strong, what, self.state.guards)
                confidence = Confidence.PROVEN if consumption.strong else Confidence.LIKELY
                token.evidence |= consumption.strong
                inside = Site(consumption.node, consumption.strong, what)
                keys.event(
                    self, "JX502", consumption.node, token, here, inside, confidence,
                    consumption.strong,
                )  # fmt: skip
                keys.consume(self, token, node, consumption.strong, what)

    def _eaten(self, xs: Value, node: ast.AST) -> None:
        """After a loop over an array of keys, all of it is consumed if its elements were."""
        for value in [xs, *xs.parts()]:
            if value.token is None:
                continue
            eaten = [
                (token, sites)
                for token, sites in self.state.consumed.items()
                if token.parent is value.token
                and isinstance(token.label, tuple)
                and token.label[:1] == ("each",)
            ]
            for token, _ in eaten:
                del self.state.consumed[token]
            if eaten:
                site = eaten[0][1][0]
                keys.consume(self, value.token, node, site.strong, site.what)

    def _branches(self, branches: list[Value], operands: list[Value], node: ast.Call) -> None:
        entry = self.state
        ends = []
        for branch in branches:
            self.state = entry.copy()
            if branch.function is not None:
                self.apply(branch.function, operands, {}, node)
            ends.append(self.state)
        if ends:
            self.state = join(ends, entry.guards)

    def _map(self, arguments: list[Value], node: ast.Call) -> Value:
        function, trees = arguments[0], arguments[1:]
        self._body(function, [self._fresh_element(tree) for tree in trees], node, leaves=True)
        mask = 0
        for tree in trees:
            self._eaten(tree, node)
            mask |= tree.mask()
        return Value(Token("other"), raw=mask)

    # Odds and ends

    def _weakly(self, arguments: list[Value], keywords: dict[str, Value], node: ast.Call) -> None:
        """An unknown function may consume what it is given."""
        written = [*node.args, *(k.value for k in node.keywords if k.arg)]
        for argument, value in zip(written, [*arguments, *keywords.values()], strict=False):
            # A variable may hold a state, with a key among other things.
            held = isinstance(argument, ast.Name | ast.Attribute) and value.items is not None
            keys.consume_value(self, value, node, f"`{self.module.text(node.func)}`", held)
            if value.function is not None and value.function.target is not None:
                self._closure(value.function, node)

    def _closure(self, callee: Callable, node: ast.Call) -> None:
        """A function handed to an unknown one is called, once as far as anybody knows."""
        assert callee.target is not None
        summary = self.engine.summary(callee.target.module, callee.target.function)
        if summary is None:
            return
        for consumption in summary.consumptions:
            if consumption.input >= summary.parameters:
                name = summary.inputs[consumption.input]
                token = self._free_token(name, consumption.path)
                if token is not None:
                    keys.consume(self, token, node, False, f"`{self.module.text(node.func)}`")

    def _synchronises(self, name: str, arguments: list[Value], node: ast.Call) -> None:
        if name in _CLOCKS:
            self.measures = True
        if self.stamps and name in _SYNCHRONISES and arguments:
            self._sync(arguments[0], node)

    def _synchronises_method(self, name: str, base: Value, node: ast.Call) -> None:
        if self.stamps and name in _SYNCHRONISING_METHODS:
            self._sync(base, node)

    def _sync(self, value: Value, node: ast.Call) -> None:
        if self.measures and self.module.text(node.func).endswith("block_until_ready"):
            return  # a clock is read: waiting is the purpose
        stamps = [value.stamp, *(part.stamp for part in value.parts())]
        inside = len(self.state.guards) > self.loop_guards[-1] if self.loop_guards else True
        if self.stamps[-1] in stamps and not inside:
            self.summary.syncs.append((node, self.module.text(node.func)))


def _shuffles(module: "Module", node: ast.AST) -> bool:
    """Whether a call draws an order, which arrays of one example must have in common."""
    name = module.resolve(node.func) if isinstance(node, ast.Call) else None
    return name in ("jax.random.permutation", "jax.random.choice")


def _at(value: Value, path: tuple[object, ...]) -> Token | None:
    """Returns the token of a part of a value."""
    for label in path:
        if isinstance(value.items, tuple) and isinstance(label, int):
            if -len(value.items) <= label < len(value.items):
                value = value.items[label]
                continue
        if isinstance(value.items, dict):
            name = label.lstrip(".") if isinstance(label, str) else label
            if name in value.items:
                value = value.items[name]  # pyright: ignore[reportArgumentType]
                continue
        if value.token is None:
            return None
        field = isinstance(label, str)
        value = Value(value.token.child("field" if field else "element", label))
    return value.token if value.items is None else None


def stamped(value: Value, stamp: int) -> Value:
    """Returns a value with the loop iteration that it was made in, parts included."""
    items = value.items
    if isinstance(items, tuple):
        items = tuple(stamped(part, stamp) for part in items)
    elif isinstance(items, dict):
        items = {name: stamped(part, stamp) for name, part in items.items()}
    return replace(value, items=items, stamp=stamp)


def renewed(value: Value) -> Value:
    """Returns a value in buffers of its own, as a compiled call that takes donations returns it."""
    items = value.items
    if isinstance(items, tuple):
        items = tuple(renewed(part) for part in items)
    elif isinstance(items, dict):
        items = {name: renewed(part) for name, part in items.items()}
    return replace(value, token=Token("other"), items=items)


def substituted(value: Value | None, summary: Summary, given: dict[str, Value]) -> Value:
    """Returns what a function returns, in terms of what it was given."""
    if value is None:
        return Value(Token("other"))
    taint = raw = 0
    parts: list[Value] = []
    for number, name in enumerate(summary.inputs):
        bit = 2 << number
        if value.taint & bit and name in given:
            taint |= given[name].mask()
        if value.raw & bit and name in given:
            parts.append(given[name])
            raw |= given[name].mask()
    if all(part.taint for part in parts) and not value.raw & MADE:
        taint |= raw  # part of an array, whichever it is
    taint |= value.taint & MADE
    raw |= value.raw & MADE
    token = None
    if value.token is not None:
        token = Token("other")
        if value.token.input is not None:
            number, path = value.token.input
            argument = given.get(summary.inputs[number])
            if argument is not None:
                if not path and not any(c.input == number for c in summary.consumptions):
                    return argument
                consumed = any(
                    c.strong and (c.input, c.path) == (number, path) for c in summary.consumptions
                )
                if not consumed:
                    token = _at(argument, path) or token
        elif value.token.is_key:
            token = Token("born", evidence=True)
    items = value.items
    if isinstance(items, tuple):
        items = tuple(substituted(part, summary, given) for part in items)
    elif isinstance(items, dict):
        items = {name: substituted(part, summary, given) for name, part in items.items()}
    return Value(
        token, taint, raw & ~taint, items, None, value.cls, value.boolean, 0, value.sequence
    )
