"""What the names of a project stand for: its functions, classes and constants, as values."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ..source.module import Module
from ..source.scopes import Class, Function
from ..transforms.tracing import Target, jit_sites, target_of, traced
from .tokens import Token
from .values import CLEAN, Callee, Value

if TYPE_CHECKING:
    from .engine import Engine

_IMMUTABLE = frozenset(
    {
        "flax.struct.dataclass", "flax.struct.PyTreeNode", "flax.linen.Module", "typing.NamedTuple",
        "equinox.Module", "chex.dataclass",
    }
)  # fmt: skip


class Definitions:
    """The definitions of a project."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._project = engine.project
        self._keys: dict[str, Token] = {}
        self._callees: dict[ast.AST, Callee] = {}
        self._attributes: dict[Module, dict[ast.ClassDef, dict[str, ast.expr]]] = {}

    def has(self, name: str) -> bool:
        """Whether a canonical name belongs to the project rather than to a library."""
        return self._project.defines(name)

    def find(self, name: str) -> Callee | tuple[Module, Class] | None:
        """Returns the function or the class of the project that a canonical name stands for."""
        function = self._project.function(name)
        if function is not None:
            return self.callee(*function)
        found = self._project.class_(name)
        if found is not None:
            return found
        constant = self._project.constant(name)
        if constant is None:
            return None
        return self._constant(constant[0], name).function

    def value(self, name: str) -> Value:
        """Returns the value of a canonical name, of the project or of a library."""
        if not self.has(name):
            return Value(function=Callee(library=name))
        found = self.find(name)
        if isinstance(found, Callee):
            return Value(Token("other"), function=found)
        constant = self._project.constant(name)
        if constant is None:
            return CLEAN
        module, expression = constant
        value = self._constant(module, name)
        if value.token is None or not value.token.is_key:
            return Value(sequence=isinstance(expression, ast.List | ast.Tuple | ast.Dict))
        if name not in self._keys:
            self._keys[name] = Token("global", label=name, evidence=True)
        return Value(self._keys[name])

    def _constant(self, module: Module, name: str) -> Value:
        return self._engine.variables(module).get(name.rpartition(".")[2], CLEAN)

    def callee(self, module: Module, function: Function, target: Target | None = None) -> Callee:
        """Returns what calling a function by its name does, its decorators included.

        Args:
            module: The module of the function.
            function: The function.
            target: The function with its instance bound, for a method.
        """
        known = self._callees.get(function.node)
        if known is None:
            known = self._callees[function.node] = self._decorated(module, function)
        return known if target is None else replace(known, target=target)

    def _decorated(self, module: Module, function: Function) -> Callee:
        tracing = traced(self._project).get(function.node)
        sites = [site for site in tracing.sites if site.decorator] if tracing else []
        donated: list[str] = []
        for site in sites:
            if "nnx" not in site.name:  # nnx puts the new arrays into the same objects
                donated += sorted(site.donated or ())
        return Callee(
            Target(module, function),
            transforms=tuple(site.name for site in reversed(sites)),
            donated=tuple(donated),
            compiled=any(site.transform.kind == "jit" for site in sites),
        )

    def attribute(self, module: Module, node: ast.Attribute) -> Callee | None:
        """Returns what `self.name(…)` calls, where a method assigns a function to `self.name`."""
        around = module.enclosing_class(node)
        if around is None:
            return None
        if module not in self._attributes:
            self._attributes[module] = _assigned_attributes(module)
        value = self._attributes[module][around.node].get(node.attr)
        target = target_of(module, value) if value is not None else None
        if target is None:
            return None
        sites = [s for s in jit_sites(module) if s.node is value and "nnx" not in s.name]
        donated = tuple(name for site in sites for name in sorted(site.donated or ()))
        compiled = any(site.transform.kind == "jit" for site in sites)
        return Callee(target, donated=donated, compiled=compiled)

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
        return any(base in _IMMUTABLE for base in self._project.bases(module, cls))


def _assigned_attributes(module: Module) -> dict[ast.ClassDef, dict[str, ast.expr]]:
    """Returns, for each class, the attributes that its methods assign just once, with the value."""
    found: dict[ast.ClassDef, dict[str, ast.expr]] = {cls.node: {} for cls in module.classes}
    seen: set[tuple[ast.ClassDef, str]] = set()
    for statement in module.nodes(ast.Assign):
        target = statement.targets[0]
        if not isinstance(target, ast.Attribute) or not isinstance(target.value, ast.Name):
            continue
        if len(statement.targets) > 1:
            continue
        for cls in _classes_around(module, statement):
            if (cls, target.attr) in seen:
                found[cls].pop(target.attr, None)
            elif target.value.id == "self":
                found[cls][target.attr] = statement.value
                seen.add((cls, target.attr))
    return found


def _classes_around(module: Module, node: ast.AST) -> Iterator[ast.ClassDef]:
    """Yields the classes in whose methods a node is."""
    function = module.enclosing_function(node)
    while function is not None:
        owner = function.owner
        # Of several methods of one name, as of a property, the last one counts.
        if owner is not None and owner.methods.get(function.name) is function:
            yield owner.node
        function = function.parent
