"""What annotations say about arrays: the jaxtyping types, bare arrays and keys in them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from ..source.module import Module
from .dimensions import Shape, parse_shape

ARRAYS = frozenset(
    {
        "jax.Array", "jax.core.Tracer", "jax.typing.ArrayLike", "chex.ArrayDevice",
        "chex.ArrayNumpy", "flax.typing.Array", "numpy.ndarray",
        "numpy.typing.NDArray", "numpy.typing.ArrayLike",
    }
)  # fmt: skip
KEYS = frozenset({"jaxtyping.PRNGKeyArray", "chex.PRNGKey", "flax.typing.PRNGKey"})
TREES = frozenset(
    {"jaxtyping.PyTree", "chex.ArrayTree", "optax.Params", "optax.Updates", "flax.nnx.State"}
)
_NO_DTYPES = frozenset(
    {
        "AbstractArray", "AbstractDtype", "AnnotationError", "Array", "ArrayLike", "DTypeLike",
        "PRNGKeyArray", "PyTree", "PyTreeDef", "Scalar", "ScalarLike", "TypeCheckError",
    }
)  # fmt: skip
_CALLABLES = frozenset(
    {
        "typing.Callable", "collections.abc.Callable", "builtins.type", "typing.Type",
        "typing.Literal", "typing.TypeGuard", "typing.TypeIs",
    }
)  # fmt: skip
# These say something about the value that is annotated, and do not put it into a container.
_TRANSPARENT = frozenset(
    f"{package}.{name}"
    for package in ("typing", "typing_extensions", "dataclasses")
    for name in (
        "Optional", "Union", "Annotated", "Final", "ClassVar", "InitVar", "Required", "NotRequired"
    )
)  # fmt: skip
_FIRST_ONLY = frozenset({"typing.Annotated", "typing_extensions.Annotated", "jaxtyping.PyTree"})
_DEPTH = 12


class Kind(Enum):
    """What a part of an annotation is."""

    ARRAY = "a jaxtyping array type"
    BARE = "an array without shape and dtype"
    KEY = "a PRNG key"
    TREE = "a tree that may hold arrays"
    OTHER = "anything else"


@dataclass(frozen=True, slots=True)
class ArrayType:
    """A jaxtyping array type (`Float[Array, "batch d_model"]`), a key, or a bare array.

    Attributes:
        node: What stands for it in the annotation: the subscript itself, or the name of an alias.
        kind: What it is; `array_types` yields arrays and keys only.
        dtype: The class that is subscripted (`Float`); "Key" for keys; "" for others.
        array: The canonical name of the array class, such as `jax.Array`; None if unknown.
        spec: The shape string; None where it is missing or not known before the program runs.
        definition: The subscript, wherever it stands; the name itself for what has none.
        module: The module in which `definition` stands.
        container: The canonical name of the innermost generic that it is an argument of, such as
            `builtins.tuple`, in which case the value itself is no array; "" for none.
    """

    node: ast.expr
    kind: Kind
    dtype: str
    array: str | None
    spec: str | None
    definition: ast.expr
    module: Module
    container: str

    @property
    def contained(self) -> bool:
        """Whether it is inside a container, so that the value itself is no array."""
        return bool(self.container)

    @property
    def shape(self) -> Shape | None:
        """The parsed shape string; None where there is none."""
        return None if self.spec is None else parse_shape(self.spec)

    @property
    def rank(self) -> int | None:
        """The number of axes, where the annotation fixes it."""
        shape = self.shape
        return shape.rank if shape else None

    @property
    def is_key(self) -> bool:
        """Whether it is a PRNG key or an array of keys."""
        return self.dtype == "Key"


def array_types(module: Module, annotation: ast.expr | None) -> list[ArrayType]:
    """Returns the jaxtyping array types and the keys in an annotation, in order.

    Aliases, strings, unions, type variables and containers are seen through; what a `Callable`
    takes and returns, and the fields of a class, are not part of it.
    """
    return [p for p in parts(module, annotation) if p.kind in (Kind.ARRAY, Kind.KEY)]


def array_type(module: Module, annotation: ast.expr | None) -> ArrayType | None:
    """Returns the one array type that a value annotated like this has, if it is an array at all.

    `Float[Array, "batch"] | None` has one; a container of arrays, and a union of two, have none.
    """
    found = [p for p in parts(module, annotation) if p.kind is not Kind.OTHER]
    plain = len(found) == 1 and found[0].kind in (Kind.ARRAY, Kind.KEY)
    return found[0] if plain and not found[0].contained else None


def parts(module: Module, annotation: ast.expr | None) -> list[ArrayType]:
    """Returns every part of an annotation, arrays or not, as `array_types` finds them."""
    if annotation is None:
        return []
    if module.project is None:
        return list(_parts(module, annotation, annotation, "", _DEPTH))
    known: dict[ast.expr, list[ArrayType]] = module.project.facts.setdefault("annotations", {})
    if annotation not in known:
        known[annotation] = list(_parts(module, annotation, annotation, "", _DEPTH))
    return known[annotation]


def dtype_class(module: Module, node: ast.expr) -> str | None:
    """Returns the name of the jaxtyping dtype that an expression is, such as `Float`."""
    name = module.resolve(node)
    if name is None:
        return None
    package, _, last = name.rpartition(".")
    if package == "jaxtyping":
        return last if last[:1].isupper() and last not in _NO_DTYPES else None
    project = module.project
    if project is not None and (found := project.class_(name)) is not None:
        return last if "jaxtyping.AbstractDtype" in project.bases(*found) else None
    return None


def _parts(
    module: Module, node: ast.expr, shown: ast.expr | None, container: str, depth: int
) -> Iterator[ArrayType]:
    """Yields the parts of an annotation; `shown` is the node to report, if not each its own."""
    if depth < 0:
        return
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str) and (inner := unquoted(module, node)) is not None:
            yield from _parts(module, inner, shown or node, container, depth - 1)
        return
    own = shown is None or shown is node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        for side in (node.left, node.right):
            yield from _parts(module, side, side if own else shown, container, depth - 1)
    elif isinstance(node, ast.Subscript):
        yield from _subscript(module, node, shown if not own else None, container, depth)
    elif isinstance(node, ast.List | ast.Tuple):
        for element in node.elts:
            yield from _parts(module, element, element if own else shown, container, depth - 1)
    elif isinstance(node, ast.Starred):
        yield from _parts(module, node.value, node.value if own else shown, container, depth - 1)
    elif isinstance(node, ast.Name | ast.Attribute):
        yield from _named(module, node, shown or node, container, depth)


def _subscript(
    module: Module, node: ast.Subscript, shown: ast.expr | None, container: str, depth: int
) -> Iterator[ArrayType]:
    inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    dtype = dtype_class(module, node.value)
    if dtype is not None:
        array = inside[0] if len(inside) == 2 else None
        spec = module.literal(inside[1]) if len(inside) == 2 else None
        spec = spec if isinstance(spec, str) else None
        nested = array is not None and isinstance(array, ast.Subscript)
        yield ArrayType(
            shown or node, Kind.ARRAY, dtype, module.resolve(array),
            None if nested else spec, node, module, container,
        )  # fmt: skip
        return
    name = module.resolve(node.value) or ""
    if name in _CALLABLES:
        yield _part(module, node, shown, Kind.OTHER, container)
        return
    if name in ARRAYS or name in KEYS:
        yield from _named(module, node.value, shown or node, container, depth)
        return
    if name in _FIRST_ONLY:
        inside = inside[:1]
    if name not in _TRANSPARENT:
        container = name or "?"
    for each in inside:
        yield from _parts(module, each, shown or each, container, depth - 1)


def _named(
    module: Module, node: ast.expr, shown: ast.expr, container: str, depth: int
) -> Iterator[ArrayType]:
    name = module.resolve(node)
    if name in ARRAYS:
        yield _part(module, node, shown, Kind.BARE, container, name)
    elif name in KEYS:
        yield _part(module, node, shown, Kind.KEY, container, "jax.Array", "Key")
    elif name in TREES:
        yield _part(module, node, shown, Kind.TREE, container)
    elif (target := alias(module, node)) is not None:
        yield from _parts(*target, shown, container, depth - 1)
    else:
        yield _part(module, node, shown, Kind.OTHER, container)


def _part(
    module: Module,
    node: ast.expr,
    shown: ast.expr | None,
    kind: Kind,
    container: str,
    array: str | None = None,
    dtype: str = "",
) -> ArrayType:
    return ArrayType(shown or node, kind, dtype, array, None, node, module, container)


def alias(module: Module, node: ast.expr) -> tuple[Module, ast.expr] | None:
    """Returns the annotation that a name of the project stands for, and the module it is in.

    A type variable stands for its bound, or for all of its constraints; a new type for its base.
    """
    project = module.project
    if project is None or not isinstance(node, ast.Name | ast.Attribute):
        return None
    name = module.resolve(node)
    found = project.constant(name)
    if found is None:
        return _type_statement(module, node)
    where, value = found
    if isinstance(value, ast.Call):
        maker = (where.resolve(value.func) or "").rpartition(".")[2]
        bound = [k.value for k in value.keywords if k.arg == "bound"]
        if maker in ("TypeVar", "NewType") and (inside := [*value.args[1:], *bound]):
            union = ast.Tuple(elts=inside, ctx=ast.Load())
            return where, ast.copy_location(union, value)
        return None
    if isinstance(value, ast.Name | ast.Attribute | ast.Subscript | ast.BinOp):
        return (where, value) if value is not node else None
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        declared = where.parent(value)  # only where it is declared to be an alias
        if isinstance(declared, ast.AnnAssign):
            marked = where.resolve(declared.annotation) or ""
            return (where, value) if marked.endswith(".TypeAlias") else None
    return None


def _type_statement(module: Module, node: ast.expr) -> tuple[Module, ast.expr] | None:
    """Finds `type Tokens = …` of the same module (Python 3.12)."""
    kind = getattr(ast, "TypeAlias", None)
    if kind is not None and isinstance(node, ast.Name):
        for statement in module.nodes(kind):
            if statement.name.id == node.id and statement.value is not node:
                return module, statement.value
    return None


def unquoted(module: Module, node: ast.Constant) -> ast.expr | None:
    """Parses an annotation in quotes; every node in it lies where the string does."""
    if module.project is None or not isinstance(node.value, str):
        return None
    known: dict[ast.Constant, ast.expr | None]
    known = module.project.facts.setdefault("quoted annotations", {})
    if node not in known:
        known[node] = _parsed(module, node, node.value)
    return known[node]


def _parsed(module: Module, node: ast.Constant, text: str) -> ast.expr | None:
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return None
    scope = module.index.scopes.get(node, module.index.module_scope)
    for each in ast.walk(tree):
        ast.copy_location(each, node)
        module.index.scopes[each] = scope
    return tree
