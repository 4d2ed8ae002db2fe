"""Which values and annotated types jit can take as static arguments: those with a hash."""

import ast
from collections.abc import Iterator

from ..findings import Confidence
from ..source.module import Module

_CONTAINERS = {
    "builtins.list": "list", "builtins.dict": "dict", "builtins.set": "set",
    "builtins.bytearray": "bytearray", "typing.List": "list", "typing.Dict": "dict",
    "typing.Set": "set", "typing.DefaultDict": "dict", "collections.defaultdict": "dict",
    "collections.OrderedDict": "dict", "collections.deque": "deque",
    "typing.MutableMapping": "dict", "typing.MutableSequence": "list",
    "collections.abc.MutableMapping": "dict", "collections.abc.MutableSequence": "list",
}  # fmt: skip
_ARRAYS = frozenset({
    "jax.Array", "numpy.ndarray", "jax.typing.ArrayLike", "numpy.typing.NDArray",
    "jaxtyping.PRNGKeyArray",
})  # fmt: skip
_MAKERS = frozenset({"builtins.list", "builtins.dict", "builtins.set", "builtins.bytearray"})
_ARRAY_MAKERS = frozenset(
    f"{package}.{function}"
    for package in ("jax.numpy", "numpy")
    for function in ("array", "asarray", "zeros", "ones", "full", "arange", "linspace", "eye")
)
_OPTIONAL = ("typing.Optional", "typing.Union")
_RAISES = (
    "which has no hash: every call raises a ValueError, as jit looks compiled functions up by "
    "their static arguments."
)


def unhashable_value(module: Module, node: ast.expr | None) -> str:
    """Returns what an expression without a hash makes, such as "a list"; "" for all others."""
    if isinstance(node, ast.List | ast.ListComp):
        return "a list"
    if isinstance(node, ast.Dict | ast.DictComp):
        return "a dict"
    if isinstance(node, ast.Set | ast.SetComp):
        return "a set"
    if isinstance(node, ast.Call):
        name = module.resolve(node.func) or ""
        if name in _MAKERS:
            return f"a {name.partition('.')[2]}"
        if name in _ARRAY_MAKERS:
            return "an array"
    return ""


def unhashable_annotation(
    module: Module, annotation: ast.expr | None
) -> tuple[str, Confidence] | None:
    """Returns why values of an annotated type make no static argument, and how sure that is."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return None  # a name in a string could be anything by the time it is evaluated
    arms = list(_arms(module, annotation))
    if len(arms) != 1:
        return None  # a union may be given its hashable member
    head = arms[0].value if isinstance(arms[0], ast.Subscript) else arms[0]
    name = module.resolve(head)
    if name is None:
        return None
    if name in _CONTAINERS:
        kind = _CONTAINERS[name]
        instead = {"list": "tuple", "deque": "tuple", "set": "frozenset"}.get(kind)
        advice = f"Use a {instead or 'frozen dataclass'}."
        return f"a {kind}, {_RAISES} {advice}", Confidence.LIKELY
    if name in _ARRAYS or (name.startswith("jaxtyping.") and head is not arms[0]):
        return f"an array, {_RAISES} Leave it traced.", Confidence.LIKELY
    return _class(module, name)


def _arms(module: Module, node: ast.expr | None) -> Iterator[ast.expr]:
    """Yields the members of a union but None."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield from _arms(module, node.left)
        yield from _arms(module, node.right)
    elif isinstance(node, ast.Subscript) and module.resolve(node.value) in _OPTIONAL:
        members = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for member in members:
            yield from _arms(module, member)
    elif node is not None and not (isinstance(node, ast.Constant) and node.value is None):
        yield node


def _class(module: Module, name: str) -> tuple[str, Confidence] | None:
    assert module.project is not None
    found = module.project.class_(name)
    if found is None:
        return None
    where, cls = found
    if "__hash__" in cls.scope.bound:
        return None
    if "__eq__" in cls.methods and not cls.node.decorator_list and not cls.node.bases:
        return f"a `{cls.name}`, whose `__eq__` takes its hash away. Define `__hash__` too.", (
            Confidence.LIKELY
        )
    for decorator in cls.node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        if where.resolve(call.func if call else decorator) == "dataclasses.dataclass":
            options = {k.arg: where.literal(k.value) for k in call.keywords} if call else {}
            if any(options.get(option) for option in ("frozen", "unsafe_hash")):
                return None
            if options.get("eq", True) is True:
                return (
                    f"a `{cls.name}`, a dataclass that is not frozen and so has no hash: every "
                    f"call raises a ValueError. Write `@dataclass(frozen=True)`."
                ), Confidence.LIKELY
    if not cls.node.bases and not cls.node.decorator_list and not cls.node.keywords:
        return (
            f"a `{cls.name}`, which is hashed by identity: each new instance compiles again, and "
            f"a changed one does not. Make it a frozen dataclass."
        ), Confidence.HEURISTIC
    return None
