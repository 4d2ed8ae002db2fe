"""What the modules of a rendered package import of each other, read without importing anything."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Import:
    """One name that a module imports of its own package.

    Attributes:
        importer: The module that imports, by its dotted name within the package.
        module: The module that it imports, or takes the name from.
        name: The name; None where the module itself is imported.
    """

    importer: str
    module: str
    name: str | None


class Package:
    """The modules of a rendered package, by their dotted names; the package itself is ``""``.

    Args:
        files: The project's files by path.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.modules: dict[str, ast.Module] = {}
        self._packages: set[str] = set()
        for path, content in files.items():
            top, _, rest = path.partition("/")
            if top == "src" and path.endswith(".py"):
                parts = rest.removesuffix(".py").split("/")[1:]
                name = ".".join(parts).removesuffix("__init__").removesuffix(".")
                self.modules[name] = ast.parse(content)
                if parts[-1] == "__init__":
                    self._packages.add(name)

    def imports(self) -> Iterator[Import]:
        """All imports, those inside functions and those for type checkers alone included."""
        for importer, tree in self.modules.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and node.level:
                    yield from self._named(importer, node)

    def _named(self, importer: str, node: ast.ImportFrom) -> Iterator[Import]:
        above = node.level - (importer in self._packages)
        parts = importer.split(".")
        source = parts[: len(parts) - above] + (node.module.split(".") if node.module else [])
        for alias in node.names:
            whole = ".".join([*source, alias.name])
            if whole in self.modules:
                yield Import(importer, whole, None)
            else:
                yield Import(importer, ".".join(source), alias.name)

    def resolves(self, each: Import) -> bool:
        """Whether the module that is imported is there, and binds the name at its top."""
        if each.module not in self.modules or each.name is None:
            return each.module in self.modules
        return any(each.name in _bound(node) for node in self.modules[each.module].body)


def _bound(node: ast.AST) -> set[str]:
    """The names that a statement binds in its module."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, ast.alias):
        return {node.asname or node.name}
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return {node.id}
    return set().union(*map(_bound, ast.iter_child_nodes(node)))
