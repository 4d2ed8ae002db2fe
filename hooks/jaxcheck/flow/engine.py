"""Summaries of all functions of a project, and where tracers get to along them."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ..project import Project
from ..source.module import Module
from ..source.scopes import Class, Function, FunctionNode
from ..tracing import Target, Tracing, jit_sites, target_of, traced
from .annotated import Annotated, annotated
from .interpreter import Interpreter
from .summary import Summary
from .values import CLEAN, MADE, Callable, Token, Value

# The interpreter recurses along calls and expressions; Python's own limit is for runaways.
_RECURSION = 20_000
_IMMUTABLE = frozenset(
    {
        "flax.struct.dataclass", "flax.struct.PyTreeNode", "flax.linen.Module", "typing.NamedTuple",
        "equinox.Module", "chex.dataclass",
    }
)  # fmt: skip


@dataclass(eq=False, slots=True)
class Live:
    """Which inputs of a function are tracers.

    Attributes:
        taint: The inputs that are tracers for certain; the bit `MADE` where even constants are.
        raw: The inputs that are tracers or containers of them.
        staged: Whether it runs under a transformation that has no concrete values to test.
            Under `grad` alone there are; under `jit`, `vmap` or in a loop's body there are none.
        assumed: Whether only what it is says that it is traced: the call of a model.
    """

    taint: int = 0
    raw: int = 0
    staged: bool = True
    assumed: bool = False

    def certain(self, taint: int, raw: int) -> bool:
        """Whether a value is a tracer for certain, not perhaps a container of tracers."""
        if taint & (self.taint | self.raw):
            return True
        return raw != 0 and not raw & MADE and not raw & ~self.taint

    def possible(self, raw: int) -> bool:
        """Whether a value may be a tracer or hold some."""
        return raw & (self.taint | self.raw) != 0


class Engine:
    """Interprets each function once, on demand.

    Attributes:
        on_host: Functions that a callback runs on the host: never traced.
        passed: For functions that are called through a transformation: the parameters passed.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.on_host: set[ast.AST] = set()
        self.passed: dict[ast.AST, set[str]] = {}
        self._summaries: dict[ast.AST, Summary | None] = {}
        self._globals: dict[int, Interpreter] = {}
        self._global_tokens: dict[str, Token] = {}
        self._callables: dict[ast.AST, Callable] = {}
        self._annotations: dict[ast.AST, Annotated] = {}
        self._attributes: dict[ast.AST, dict[str, tuple[Module, ast.expr]]] = {}
        self._tracing = traced(project)
        self._live: dict[FunctionNode, Live] | None = None

    @classmethod
    def of(cls, project: Project) -> "Engine":
        """Returns the engine of a project, which has interpreted all of it."""
        engine = project.facts.get("flow")
        if engine is None:
            engine = project.facts["flow"] = cls(project)
            engine.run()
        return engine

    def run(self) -> None:
        """Interprets every function of every module."""
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, _RECURSION))
        try:
            for module in self.project.modules.values():
                if module.uses_jax:
                    self.globals_of(module)
                    for function in module.functions:
                        self.summary(module, function)
        finally:
            sys.setrecursionlimit(limit)

    def summaries(self, module: Module) -> list[Summary]:
        """Returns the summaries of a module's functions."""
        found = (self._summaries.get(node) for node in module.index.functions)
        return [summary for summary in found if summary is not None]

    def module_summary(self, module: Module) -> Summary | None:
        """Returns the summary of a module's top level."""
        return self._summaries.get(module.tree)

    def summary_of(self, node: ast.AST) -> Summary | None:
        """Returns the summary of a function that was interpreted."""
        return self._summaries.get(node)

    def summary(self, module: Module, function: Function) -> Summary | None:
        """Returns the summary of a function; None while it is being made, as in a recursion."""
        node = function.node
        if node in self._summaries:
            return self._summaries[node]
        self._summaries[node] = None
        made = Interpreter(self, module, function).run()
        self._summaries[node] = made
        return made

    # Names of the project

    def is_own(self, name: str) -> bool:
        """Whether a canonical name belongs to the project rather than to a library."""
        return self.project.defines(name)

    def own(self, name: str) -> Callable | tuple[Module, Class] | None:
        """Returns the function or the class of the project that a canonical name stands for."""
        function = self.project.function(name)
        if function is not None:
            return self.callable_of(*function)
        found = self.project.class_(name)
        if found is not None:
            return found
        constant = self.project.constant(name)
        if constant is not None:
            value = self.globals_of(constant[0]).get(name.rpartition(".")[2])
            return value.function if value is not None else None
        return None

    def globals_of(self, module: Module) -> dict[str, Value]:
        """Returns the values of a module's variables: after its import, or so far."""
        run = self._globals.get(id(module))
        if run is None:
            run = self._globals[id(module)] = Interpreter(self, module, None)
            if module.uses_jax:
                self._summaries[module.tree] = run.run()
        return run.state.env

    def global_value(self, module: Module, name: str, resolved: str) -> Value:
        """Returns the value of a name that is bound at the top level of some module."""
        if not self.is_own(resolved):
            return Value(function=Callable(library=resolved))
        own = self.own(resolved)
        if isinstance(own, Callable):
            return Value(Token("other"), function=own)
        constant = self.project.constant(resolved)
        if constant is None:
            return CLEAN
        value = self.globals_of(constant[0]).get(resolved.rpartition(".")[2], CLEAN)
        if value.token is None or not value.token.is_key:
            return Value(sequence=isinstance(constant[1], ast.List | ast.Tuple | ast.Dict))
        token = self._global_tokens.get(resolved)
        if token is None:
            token = Token("global", label=resolved, evidence=True)
            self._global_tokens[resolved] = token
        return Value(token)

    # Functions

    def callable_of(
        self, module: Module, function: Function, target: Target | None = None
    ) -> Callable:
        """Returns what calling a function by its name does, its decorators included."""
        known = self._callables.get(function.node)
        if known is None:
            tracing = self._tracing.get(function.node)
            sites = [s for s in tracing.sites if s.decorator] if tracing else []
            donated: tuple[int | str, ...] = ()
            for site in sites:
                if "nnx" not in site.name:  # nnx puts the new arrays into the same objects
                    donated += tuple(sorted(site.donated or ()))
            known = Callable(
                Target(module, function),
                transforms=tuple(site.name for site in reversed(sites)),
                donated=donated,
                compiled=any(site.transform.kind == "jit" for site in sites),
            )
            self._callables[function.node] = known
        if target is None:
            return known
        return Callable(
            target, transforms=known.transforms, donated=known.donated, compiled=known.compiled
        )

    def attribute_function(self, module: Module, node: ast.Attribute) -> Callable | None:
        """Returns what `self.name(…)` calls, where a method assigns a function to `self.name`."""
        around = module.enclosing_class(node)
        if around is None:
            return None
        found = self._assigned(module, around).get(node.attr)
        if found is None:
            return None
        where, value = found
        target = target_of(where, value)
        if target is None:
            return None
        sites = [s for s in jit_sites(where) if s.node is value and "nnx" not in s.name]
        donated = tuple(name for site in sites for name in sorted(site.donated or ()))
        compiled = any(site.transform.kind == "jit" for site in sites)
        return Callable(target, donated=donated, compiled=compiled)

    def _assigned(self, module: Module, cls: Class) -> dict[str, tuple[Module, ast.expr]]:
        """Returns the attributes that a class's methods assign just once, with their values."""
        found = self._attributes.get(cls.node)
        if found is None:
            found = {}
            seen: set[str] = set()
            for method in cls.methods.values():
                for statement in ast.walk(method.node):
                    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
                        continue
                    target = statement.targets[0]
                    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                        if target.attr in seen:
                            found.pop(target.attr, None)
                        elif target.value.id == "self":
                            found[target.attr] = (module, statement.value)
                            seen.add(target.attr)
            self._attributes[cls.node] = found
        return found

    def is_immutable(self, module: Module, cls: Class | None) -> bool:
        """Whether instances of a class cannot change, so that methods return new ones."""
        if cls is None:
            return False
        for node in cls.node.decorator_list:
            called = node.func if isinstance(node, ast.Call) else node
            if (module.resolve(called) or "") in _IMMUTABLE:
                return True
            if isinstance(node, ast.Call) and any(k.arg == "frozen" for k in node.keywords):
                return True
        return any(base in _IMMUTABLE for base in self.project.bases(module, cls))

    # Values from annotations

    def annotation(self, module: Module, node: ast.expr | None) -> Annotated:
        """Returns what an annotation says."""
        if node is None:
            return annotated(module, None)
        found = self._annotations.get(node)
        if found is None:
            found = self._annotations[node] = annotated(module, node)
        return found

    def input_value(self, module: Module, annotation: ast.expr | None, number: int) -> Value:
        """Returns the value of an input of a function."""
        says = self.annotation(module, annotation)
        origin = "plain" if says.scalar or says.number else "input"
        token = Token(origin, evidence=says.key, input=(number, ()))
        return _annotated_value(says, token, 2 << number)

    def attribute_value(self, cls: tuple[Module, Class], name: str, mask: int) -> Value:
        """Returns an attribute of an instance of a class of the project."""
        module, found = cls
        declared = found.fields.get(name)
        if declared is not None:
            says = self.annotation(module, declared.annotation)
            if says.array:
                return Value(taint=mask)
            return Value(raw=0, cls=says.cls)
        return CLEAN

    # Tracers

    def live(self) -> dict[FunctionNode, Live]:
        """Returns which inputs are tracers, for every function that is ever traced."""
        if self._live is None:
            self._live = {}
            todo = [self._root(tracing) for tracing in self._tracing.values()]
            todo = [node for node in todo if node is not None]
            todo += self._models()
            while todo:
                todo += self._follow(todo.pop())
        return self._live

    def _root(self, tracing: Tracing) -> FunctionNode | None:
        summary = self._summaries.get(tracing.function.node)
        if summary is None or self._live is None or tracing.function.node in self.on_host:
            return None
        kinds = {site.transform.kind for site in tracing.sites}
        live = Live(MADE if tracing.staged else 0, staged=kinds - {"grad", "all"} != set())
        decorated = any(site.decorator for site in tracing.sites)
        passed = self.passed.get(tracing.function.node, set())
        for number, name in enumerate(summary.inputs[: summary.parameters]):
            if name not in tracing.traced or name in tracing.static:
                continue
            parameter = tracing.function.parameter(name)
            if parameter and parameter.default and not decorated and name not in passed:
                continue  # keeps its default, which is no tracer
            says = self.annotation(summary.module, parameter.annotation if parameter else None)
            if says.array or says.key:
                live.taint |= 2 << number
            elif tracing.certain:
                live.raw |= 2 << number
        self._live[tracing.function.node] = live
        return tracing.function.node

    def _models(self) -> Iterator[FunctionNode]:
        """Adds the calls of models, which some training step traces, and yields their nodes."""
        assert self._live is not None
        for module in self.project.modules.values():
            for cls in module.classes if module.uses_jax else ():
                method = cls.methods.get("__call__")
                if method is None or method.node in self._live:
                    continue
                summary = self._summaries.get(method.node)
                if summary is None or not self.project.is_nnx_module(module, cls):
                    continue
                live = Live(MADE, assumed=True)
                for number, parameter in enumerate(method.parameters):
                    says = self.annotation(module, parameter.annotation)
                    if says.array or says.key:
                        live.taint |= 2 << number
                self._live[method.node] = live
                yield method.node

    def _follow(self, node: FunctionNode) -> list[FunctionNode]:
        """Hands the tracers of a function on to those that it calls; returns what changed."""
        assert self._live is not None
        summary, live = self._summaries.get(node), self._live[node]
        changed: list[FunctionNode] = []
        if summary is None:
            return changed
        for edge in summary.edges:
            if edge.callee in self.on_host:
                continue
            taint = live.taint & MADE
            raw = 0
            for number, sure, maybe in edge.inputs:
                if live.certain(sure, maybe):
                    taint |= 2 << number
                elif live.possible(maybe):
                    raw |= 2 << number
            known = self._live.get(edge.callee)
            if known is None:
                if taint or raw:
                    self._live[edge.callee] = Live(taint, raw, live.staged, live.assumed)
                    changed.append(edge.callee)
                continue
            before = (known.taint, known.raw, known.staged, known.assumed)
            known.taint |= taint
            known.raw |= raw
            known.staged |= live.staged
            known.assumed &= live.assumed
            if before != (known.taint, known.raw, known.staged, known.assumed):
                changed.append(edge.callee)
        return changed


def _annotated_value(says: Annotated, token: Token, bit: int) -> Value:
    """Returns a value of which an annotation says something; a tuple with its elements."""
    if says.array or says.key:
        token.evidence |= says.key
        return Value(token, taint=bit)
    items = None
    if says.items:
        items = tuple(
            _annotated_value(each, token.child("element", position), bit)
            for position, each in enumerate(says.items)
        )
    return Value(token, raw=bit, items=items, cls=says.cls)
