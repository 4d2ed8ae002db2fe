"""A project: all modules under check, linked with each other, and its settings."""

import ast
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .settings import Settings
from .source.canonical import canonical
from .source.module import Module
from .source.scopes import Class, Function

# Names of these are never looked up in the project, not even where the project is one of them.
LIBRARIES = (
    "jax.", "flax.", "optax.", "chex.", "numpy.", "builtins.", "equinox.", "jaxtyping.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure of the linter itself on a part of a module."""

    module: Module
    node: ast.AST
    error: Exception


@dataclass(eq=False)
class Project:
    """The modules that are checked together.

    Attributes:
        root: The folder that paths in findings start from.
        settings: What `[tool.jaxcheck]` says.
        modules: Every module that parses, by its dotted name.
        facts: What rules and engines compute once for the whole project, by their own key.
        failures: What engines failed on, while they went on with the rest.
    """

    root: Path
    settings: Settings
    modules: dict[str, Module] = field(default_factory=dict)
    facts: dict[Any, Any] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    _siblings: dict[tuple[str, str], Module] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path, settings: Settings, modules: Iterable[Module]) -> "Project":
        """Links modules into a project."""
        project = cls(root, settings)
        linked = list(modules)
        names = Counter(module.name for module in linked)
        for module in linked:
            module.project = project
            folder = str(module.path.parent)
            project._siblings[folder, module.name] = module
            if names[module.name] > 1:  # scripts of one name in several folders
                module.name = module.relative.removesuffix(".py")
            project.modules[module.name] = module
        return project

    def sibling(self, module: Module, name: str) -> str:
        """Returns an imported name as the project knows it, where it is a file beside this one."""
        first, dot, rest = name.partition(".")
        found = self._siblings.get((str(module.path.parent), first))
        return f"{found.name}{dot}{rest}" if found is not None else name

    def follow(self, name: str) -> str:
        """Returns the name of the definition behind a name that the project re-exports."""
        if name.startswith(LIBRARIES):
            return name
        for _ in range(5):
            split = self._split(name)
            if split is None:
                return name
            module, rest = split
            first, _, tail = rest.partition(".")
            scope = module.index.module_scope
            imported = scope.imports.get(first)
            if imported is None:
                value = scope.aliases.get(first)
                if value is None or scope.bound.get(first) != 1:
                    return name
                imported = module.resolve(value)
                if imported is None or imported == name:
                    return name
            onwards = canonical(f"{imported}.{tail}" if tail else imported)
            if onwards == name:
                return name
            name = onwards
        return name

    def function(self, name: str | None) -> tuple[Module, Function] | None:
        """Returns the function or method of that canonical name, if the project defines it."""
        split = self._split(name) if name else None
        if split is None:
            return None
        module, rest = split
        scope = module.index.module_scope
        *classes, last = rest.split(".")
        for part in classes:
            found = scope.classes.get(part)
            if found is None:
                return None
            scope = found.scope
        function = scope.functions.get(last)
        return (module, function) if function else None

    def class_(self, name: str | None) -> tuple[Module, Class] | None:
        """Returns the class of that canonical name, if the project defines it."""
        split = self._split(name) if name else None
        if split is None:
            return None
        module, rest = split
        scope = module.index.module_scope
        found = None
        for part in rest.split("."):
            found = scope.classes.get(part)
            if found is None:
                return None
            scope = found.scope
        return (module, found) if found else None

    def constant(self, name: str | None) -> tuple[Module, ast.expr] | None:
        """Returns the expression that a module-level name is bound to, if bound just once."""
        split = self._split(name) if name else None
        if split is None:
            return None
        module, rest = split
        scope = module.index.module_scope
        value = scope.aliases.get(rest)
        return (module, value) if value is not None and scope.bound.get(rest) == 1 else None

    def bases(self, module: Module, found: Class) -> Iterable[str]:
        """Yields the canonical names of a class's bases, and of theirs inside the project."""
        seen: set[str] = set()
        todo = [(module, found)]
        while todo:
            here, this = todo.pop()
            for base in this.node.bases:
                if isinstance(base, ast.Subscript):
                    base = base.value
                name = here.resolve(base)
                if name is None or name in seen:
                    continue
                seen.add(name)
                yield name
                if (further := self.class_(name)) is not None:
                    todo.append(further)

    def is_nnx_module(self, module: Module, found: Class) -> bool:
        """Whether a class derives from `flax.nnx.Module`, directly or inside the project."""
        return any(
            base.startswith("flax.nnx.") and base.rpartition(".")[2] in ("Module", "Pytree")
            for base in self.bases(module, found)
        )

    def defines(self, name: str) -> bool:
        """Whether a canonical name belongs to the project rather than to a library."""
        return not name.startswith(LIBRARIES) and self._split(name) is not None

    def _split(self, name: str) -> tuple[Module, str] | None:
        """Splits a dotted name into a module of the project and the rest."""
        head, rest = name, ""
        while head:
            module = self.modules.get(head)
            if module is not None:
                return (module, rest) if rest else None
            head, _, last = head.rpartition(".")
            rest = f"{last}.{rest}" if rest else last
        return None
