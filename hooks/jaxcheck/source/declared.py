"""What an expression is by declaration: annotations of parameters, fields and results."""

import ast
from dataclasses import dataclass

from ..transforms.tracing import Target, target_of
from .bindings import Bound, parameter_of, reaching
from .module import Module
from .scopes import Class

_DEPTH = 8
_TRANSPARENT = ("typing.Annotated", "typing.Final", "typing.ClassVar", "typing.Optional")
_STATIC = {f"builtins.{name}" for name in ("int", "float", "bool", "str", "complex")}
_CONTAINERS = ("list", "set", "frozenset", "Sequence", "Iterable", "Iterator", "List")
_MAPPINGS = ("dict", "Mapping", "MutableMapping", "Dict", "defaultdict", "OrderedDict")


@dataclass(frozen=True, slots=True)
class Declared:
    """An annotation, and the module whose names it is written in."""

    module: Module
    annotation: ast.expr

    @property
    def name(self) -> str | None:
        """The canonical name of the annotation, its subscript left out."""
        node = self.annotation
        if isinstance(node, ast.Subscript):
            node = node.value
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value.isidentifier():
                return self.module.resolve_name(node.value, self.module.index.module_scope)
            return None
        return self.module.resolve(node)

    @property
    def arguments(self) -> list[ast.expr]:
        """What stands in its brackets."""
        if not isinstance(self.annotation, ast.Subscript):
            return []
        inside = self.annotation.slice
        return inside.elts if isinstance(inside, ast.Tuple) else [inside]

    @property
    def is_array(self) -> bool:
        """Whether it is a JAX array type."""
        name = self.name or ""
        if name.startswith("jaxtyping."):
            return isinstance(self.annotation, ast.Subscript) and name != "jaxtyping.PyTree"
        return name == "jax.Array"

    @property
    def is_static(self) -> bool:
        """Whether it is a type of plain Python numbers or text."""
        return self.name in _STATIC


def declared(module: Module, node: ast.expr | None, depth: int = _DEPTH) -> Declared | None:
    """Returns the annotation that an expression's value has by declaration, seen through aliases.

    Follows names to what they were assigned, attributes to the fields and properties of classes
    of the project, calls to what functions say that they return.
    """
    found = _raw(module, node, depth) if node is not None and depth > 0 else None
    return plain(found) if found else None


def class_of(
    module: Module, node: ast.expr | None, depth: int = _DEPTH
) -> tuple[Module, Class] | None:
    """Returns the class of the project that an expression's value is an instance of."""
    if isinstance(node, ast.Name):
        around = module.enclosing_function(node)
        while around is not None:
            first = around.parameters[0].name if around.parameters else ""
            if around.is_method and around.owner and first == node.id:
                return (module, around.owner)
            around = around.parent
    found = declared(module, node, depth)
    assert module.project is not None
    return module.project.class_(found.name) if found else None


def plain(found: Declared) -> Declared:
    """Follows aliases, and takes None and wrappers such as `Annotated` off an annotation."""
    for _ in range(6):
        module, node = found.module, found.annotation
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            left_is_none = isinstance(node.left, ast.Constant) and node.left.value is None
            found = Declared(module, node.right if left_is_none else node.left)
            continue
        name = found.name
        if name in _TRANSPARENT and found.arguments:
            found = Declared(module, found.arguments[0])
            continue
        if isinstance(node, ast.Name | ast.Attribute) and module.project is not None:
            constant = module.project.constant(name)
            if constant is not None and constant[1] is not node:
                found = Declared(*constant)
                continue
        break
    return found


def _raw(module: Module, node: ast.expr, depth: int) -> Declared | None:
    if isinstance(node, ast.Name):
        return _name(module, node, depth)
    if isinstance(node, ast.Attribute):
        return _attribute(module, node, depth)
    if isinstance(node, ast.Call):
        return _call(module, node, depth)
    if isinstance(node, ast.Subscript):
        base = declared(module, node.value, depth - 1)
        index = node.slice.value if isinstance(node.slice, ast.Constant) else None
        return element(base, index) if base else None
    if isinstance(node, ast.BoolOp):
        options = [declared(module, value, depth - 1) for value in node.values]
        return next((option for option in options if option), None)
    if isinstance(node, ast.IfExp):
        return declared(module, node.body, depth - 1) or declared(module, node.orelse, depth - 1)
    if isinstance(node, ast.NamedExpr):
        return declared(module, node.value, depth - 1)
    return None


def element(found: Declared, index: object) -> Declared | None:
    """Returns the annotation of an element: of a tuple by position, of a mapping or a list."""
    name, arguments = (found.name or "").rpartition(".")[2], found.arguments
    if found.is_array:
        return found
    if name in ("tuple", "Tuple") and isinstance(index, int) and arguments:
        variadic = len(arguments) == 2 and isinstance(arguments[1], ast.Constant)
        position = 0 if variadic else index
        if -len(arguments) <= position < len(arguments):
            return plain(Declared(found.module, arguments[position]))
    if name in _MAPPINGS and len(arguments) == 2:
        return plain(Declared(found.module, arguments[1]))
    if name in _CONTAINERS and len(arguments) == 1:
        return plain(Declared(found.module, arguments[0]))
    return None


def _name(module: Module, node: ast.Name, depth: int) -> Declared | None:
    parameter = parameter_of(module, node)
    if parameter is not None:
        plain_kind = parameter.kind in ("positional", "keyword")
        if parameter.annotation is not None and plain_kind:
            return Declared(module, parameter.annotation)
        return None
    for bound in reaching(module, node):
        found = _bound(module, bound, depth)
        if found is not None:
            return found
    return None


def _bound(module: Module, bound: Bound, depth: int) -> Declared | None:
    if isinstance(bound.statement, ast.AnnAssign):
        return Declared(module, bound.statement.annotation)
    value, path = bound.value, list(bound.path)
    while path and isinstance(value, ast.Tuple) and path[0] < len(value.elts):
        value = value.elts[path.pop(0)]
    found = declared(module, value, depth - 1)
    for position in path:
        found = element(found, position) if found else None
    return found


def _attribute(module: Module, node: ast.Attribute, depth: int) -> Declared | None:
    owner = class_of(module, node.value, depth - 1)
    if owner is None:
        base = declared(module, node.value, depth - 1)
        return base if base and base.is_array and node.attr in ("T", "mT", "real") else None
    return field_of(*owner, node.attr)


def field_of(module: Module, owner: Class, name: str) -> Declared | None:
    """Returns the annotation of a field or property of a class or of its bases in the project."""
    assert module.project is not None
    owners = [(module, owner)]
    owners += [c for b in module.project.bases(module, owner) if (c := module.project.class_(b))]
    for here, each in owners:
        if name in each.fields:
            return Declared(here, each.fields[name].annotation)
        method = each.methods.get(name)
        if method is None or method.returns is None:
            continue
        if any((here.resolve(d) or "").endswith("property") for d in method.decorators):
            return Declared(here, method.returns)
    return None


def _call(module: Module, node: ast.Call, depth: int) -> Declared | None:
    assert module.project is not None
    if module.project.class_(module.resolve(node.func)) is not None:
        return Declared(module, node.func)
    target = function_of(module, node.func, depth)
    if target is None or target.function.returns is None:
        return None
    return Declared(target.module, target.function.returns)


def function_of(module: Module, node: ast.expr, depth: int = _DEPTH) -> Target | None:
    """Returns the function of the project that a callee stands for, methods by their class."""
    found = target_of(module, node)
    if found is None and isinstance(node, ast.Attribute):
        owner = class_of(module, node.value, depth - 1)
        method = owner[1].methods.get(node.attr) if owner else None
        if owner and method is not None:
            return Target(owner[0], method, 1 if method.is_method else 0)
    return found
