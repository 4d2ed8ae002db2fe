"""What an annotation says about a value: array, key, plain Python value, or a class."""

import ast
from dataclasses import dataclass, replace

from ..arrays.annotations import unquoted
from ..source.module import Module
from ..source.scopes import Class

_ARRAYS = frozenset({"jax.Array", "numpy.ndarray", "jax.typing.ArrayLike", "chex.ArrayDevice"})
_KEYS = frozenset({"jaxtyping.PRNGKeyArray", "jaxtyping.Key", "chex.PRNGKey"})
_SCALARS = frozenset(
    f"builtins.{name}" for name in ("int", "bool", "str", "bytes", "complex", "slice", "type")
) | frozenset({"typing.Callable", "collections.abc.Callable", "typing.Literal", "typing.Type"})
_CONTAINERS = frozenset(
    f"{package}.{name}"
    for package, names in {
        "builtins": "tuple list dict set frozenset",
        "typing": "Tuple List Dict Set Sequence Mapping MutableMapping Iterable NamedTuple",
        "collections.abc": "Sequence Mapping MutableMapping Iterable",
        "jaxtyping": "PyTree",
    }.items()
    for name in names.split()
)
_TUPLES = ("builtins.tuple", "typing.Tuple")
_NO_ARRAYS = _CONTAINERS | {"jaxtyping.jaxtyped"}


@dataclass(frozen=True, slots=True)
class Annotated:
    """What an annotation says; all False for one that says nothing here.

    Attributes:
        array: An array for certain.
        key: A PRNG key, or an array of keys.
        scalar: A plain Python value: an int, a flag, a name, a function.
        number: A Python float.
        container: A container, whose truth is whether it holds anything.
        items: What it says about each element of a tuple.
        cls: A class of the project.
    """

    array: bool = False
    key: bool = False
    scalar: bool = False
    number: bool = False
    container: bool = False
    items: "tuple[Annotated, ...]" = ()
    cls: tuple[Module, Class] | None = None


NOTHING = Annotated()


def annotated(module: Module, node: ast.expr | None) -> Annotated:
    """Returns what an annotation says."""
    if node is None:
        return NOTHING
    assert module.project is not None
    known: dict[ast.expr, Annotated] = module.project.facts.setdefault("annotated", {})
    found = known.get(node)
    if found is None:
        found = known[node] = _read(module, node)
    return found


def _read(module: Module, node: ast.expr, depth: int = 4) -> Annotated:
    if depth < 0:
        return NOTHING
    if isinstance(node, ast.Constant):
        written = unquoted(module, node)
        return _read(module, written, depth - 1) if written is not None else NOTHING
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = [s for s in (node.left, node.right) if not _is_none(s)]
        if len(sides) == 1:
            return _optional(_read(module, sides[0], depth - 1))
        found = [_read(module, s, depth - 1) for s in sides]
        return Annotated(array=all(f.array for f in found), scalar=all(f.scalar for f in found))
    if isinstance(node, ast.Subscript):
        return _subscripted(module, node, depth)
    name = module.resolve(node)
    if name is None:
        return NOTHING
    if name in _ARRAYS:
        return Annotated(array=True)
    if name in _KEYS:
        return Annotated(key=True)
    if name in _SCALARS:
        return Annotated(scalar=True)
    if name == "builtins.float":
        return Annotated(number=True)
    if name in _CONTAINERS:
        return Annotated(container=True)
    assert module.project is not None
    constant = module.project.constant(name)
    if constant is not None and constant[1] is not node:
        return _read(constant[0], constant[1], depth - 1)
    return Annotated(cls=module.project.class_(name))


def _subscripted(module: Module, node: ast.Subscript, depth: int) -> Annotated:
    name = module.resolve(node.value) or ""
    elements = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name in _KEYS:
        return Annotated(key=True)
    if name.startswith("jaxtyping.") and name not in _NO_ARRAYS:
        return Annotated(array=True)
    if name in _SCALARS:
        return Annotated(scalar=True)
    if name in _CONTAINERS:
        items = ()
        if name in _TUPLES and not any(_is_open(each) for each in elements[-1:]):
            items = tuple(_read(module, each, depth - 1) for each in elements)
        return Annotated(container=True, items=items)
    if name in ("typing.Optional", "typing.Annotated") and elements:
        found = _read(module, elements[0], depth - 1)
        return _optional(found) if name == "typing.Optional" else found
    return NOTHING


def _is_open(node: ast.expr) -> bool:
    """Whether the last element of a tuple's annotation leaves its length open."""
    return isinstance(node, ast.Starred) or (isinstance(node, ast.Constant) and node.value is ...)


def _optional(found: Annotated) -> Annotated:
    """Returns what is left of an annotation where None may be given, too."""
    return replace(found, array=False, items=())


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
