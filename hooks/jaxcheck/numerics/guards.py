"""Ranges: which numbers an expression can be, and so whether an operation is safe on it."""

import ast
from collections.abc import Callable

from ..source.bindings import Bound, parameter_of, reaching
from ..source.declared import declared, function_of
from ..source.module import Module
from .array_functions import maximum, minimum, result
from .ranges import ANYTHING, STATIC, Range, exactly, joined, product

_DEPTH = 14
_INF = float("inf")
_FAMILIES = (
    "jax.numpy", "jax.lax", "jax.nn", "flax.nnx", "jax.scipy.special", "optax", "jax.numpy.linalg",
    "jax.random", "optax.losses", "flax.linen", "optax.tree",
)  # fmt: skip


def range_of(module: Module, node: ast.expr | None, depth: int = _DEPTH) -> Range:
    """Returns what is known of an expression's values, without running anything."""
    if node is None or depth <= 0:
        return ANYTHING
    handler = _HANDLERS.get(type(node))
    return handler(module, node, depth - 1) if handler else ANYTHING


def same(left: ast.AST | None, right: ast.AST | None) -> bool:
    """Whether two expressions are written alike."""
    if type(left) is not type(right):
        return False
    if left is None or right is None:
        return True
    if isinstance(left, ast.Name):
        return left.id == right.id  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(left, ast.Constant):
        return left.value == right.value  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(left, ast.Attribute) and left.attr != right.attr:  # pyright: ignore[reportAttributeAccessIssue]
        return False
    if isinstance(left, ast.expr | ast.slice | ast.keyword):
        mine, other = list(ast.iter_child_nodes(left)), list(ast.iter_child_nodes(right))
        return len(mine) == len(other) and all(map(same, mine, other))
    return True


def origin(module: Module, node: ast.expr) -> ast.expr:
    """Returns the one expression that a name was assigned, or the expression itself."""
    for _ in range(3):
        if not isinstance(node, ast.Name):
            break
        bound = reaching(module, node)
        if len(bound) != 1 or bound[0].value is None or bound[0].path:
            break
        node = bound[0].value
    return node


def family(module: Module, call: ast.Call) -> str:
    """Returns the last part of a JAX function's name, such as `log`; else nothing."""
    name = module.resolve(call.func)
    prefix, _, last = (name or "").rpartition(".")
    return last if prefix in _FAMILIES else ""


def is_shifted(module: Module, node: ast.expr) -> bool:
    """Whether an expression is `x - max(x)`, which is 0 at its largest.

    That the maximum is of the same array is taken for granted: it may have other names.
    """
    node = origin(module, node)
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub)):
        return False
    right = origin(module, node.right)
    while isinstance(right, ast.Call | ast.Subscript):
        if isinstance(right, ast.Subscript):  # `m[..., None]`, `m[:, 0]`
            right = origin(module, right.value)
            continue
        last = family(module, right)
        if not last and isinstance(right.func, ast.Attribute):
            last = right.func.attr
        if last in ("max", "amax", "maximum"):  # the last one keeps a running maximum
            return True
        if last not in ("stop_gradient", "expand_dims") or not right.args:
            return False
        right = origin(module, right.args[0])
    return False


def _constant(module: Module, node: ast.Constant, depth: int) -> Range:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return STATIC
    return exactly(value)


def _name(module: Module, node: ast.Name, depth: int) -> Range:
    value = module.literal(node)
    if isinstance(value, int | float):
        return exactly(value)
    if _is_epsilon(node.id):
        return STATIC
    if parameter_of(module, node) is not None:
        return _by_declaration(module, node)
    found = reaching(module, node)
    if not found:
        return _by_declaration(module, node)
    result = joined([_bound(module, bound, depth) for bound in found[:4]])
    if result.kind:
        return result
    known = _by_declaration(module, node)
    return known if known.kind and not result.assumed else result


def _is_epsilon(name: str) -> bool:
    """Whether a name says that it guards: an array called so is a number all the same."""
    return name.lower().rpartition("_")[2] in ("eps", "epsilon", "tiny", "jitter")


def _bound(module: Module, bound: Bound, depth: int) -> Range:
    value, path = bound.value, list(bound.path)
    if isinstance(value, ast.Attribute) and value.attr == "shape":
        return STATIC
    while path and isinstance(value, ast.Tuple | ast.List) and path[0] < len(value.elts):
        value = value.elts[path.pop(0)]
    if value is None or path:
        return ANYTHING
    return range_of(module, value, depth)


def _by_declaration(module: Module, node: ast.expr) -> Range:
    found = declared(module, node)
    if found is None:
        return ANYTHING
    if found.is_array:
        name = (found.name or "").rpartition(".")[2]
        if name == "Bool":
            return Range(0.0, 1.0, kind="array", integer=True)
        return Range(kind="array", integer=name.startswith(("Int", "UInt")))
    return STATIC if found.is_static else ANYTHING


def _attribute(module: Module, node: ast.Attribute, depth: int) -> Range:
    if node.attr in ("shape", "ndim", "size", "itemsize", "nbytes", "dtype"):
        return STATIC
    value = module.literal(node)
    if isinstance(value, int | float):
        return exactly(value)
    if _is_epsilon(node.attr):
        return STATIC
    if node.attr in ("T", "mT", "real"):
        return range_of(module, node.value, depth)
    resolved = module.resolve(node) or ""
    if resolved in ("jax.numpy.pi", "jax.numpy.e", "math.pi", "numpy.pi", "math.e"):
        return exactly(3.0)
    return _by_declaration(module, node)


def _subscript(module: Module, node: ast.Subscript, depth: int) -> Range:
    known = _by_declaration(module, node)
    return known if known.kind else range_of(module, node.value, depth)


def _unary(module: Module, node: ast.UnaryOp, depth: int) -> Range:
    inner = range_of(module, node.operand, depth)
    if isinstance(node.op, ast.USub):
        return inner.negated
    if isinstance(node.op, ast.UAdd):
        return inner
    return Range(0.0, 1.0, kind=inner.kind, integer=True)


def _binary(module: Module, node: ast.BinOp, depth: int) -> Range:
    left, right = range_of(module, node.left, depth), range_of(module, node.right, depth)
    op = node.op
    if isinstance(op, ast.Add):
        return left + right
    if isinstance(op, ast.Sub):
        if is_shifted(module, node):
            return Range(high=0.0, kind="array")
        return left.minus(right)
    if isinstance(op, ast.Mult):
        if same(node.left, node.right):
            return left.squared
        return product(left, right)
    if isinstance(op, ast.Div):
        return product(left, right.inverted)
    if isinstance(op, ast.Pow):
        return left.power(right)
    if isinstance(op, ast.FloorDiv | ast.Mod):
        kind = left.like(right).kind
        return Range(low=0.0 if left.low >= 0 and right.low > 0 else -_INF, kind=kind)
    return left.like(right)


def _compare(module: Module, node: ast.Compare, depth: int) -> Range:
    kind = joined([range_of(module, each, depth) for each in (node.left, *node.comparators)]).kind
    return Range(0.0, 1.0, kind=kind, integer=True)


def _conditional(module: Module, node: ast.IfExp, depth: int) -> Range:
    return joined([range_of(module, node.body, depth), range_of(module, node.orelse, depth)])


def _several(module: Module, node: ast.Tuple | ast.List, depth: int) -> Range:
    return joined([range_of(module, element, depth) for element in node.elts])


def _comprehension(module: Module, node: ast.ListComp | ast.GeneratorExp, depth: int) -> Range:
    return range_of(module, node.elt, depth)


def _call(module: Module, node: ast.Call, depth: int) -> Range:
    name = module.resolve(node.func) or ""
    last = family(module, node)
    if last:
        return _function(module, last, node.args, node, depth)
    if name.startswith("builtins."):
        return _builtin(module, name.removeprefix("builtins."), node, depth)
    if name.startswith(("numpy.", "math.")):
        return STATIC
    if isinstance(node.func, ast.Attribute):
        base = range_of(module, node.func.value, depth)
        if base.kind == "array":
            return _function(module, node.func.attr, [node.func.value, *node.args], node, depth)
        if base.kind == "static" and node.func.attr in ("item", "get", "bit_length"):
            return STATIC
    return _project_function(module, node, depth)


def _project_function(module: Module, node: ast.Call, depth: int) -> Range:
    target = function_of(module, node.func)
    if target is not None:
        here, function = target.module, target.function
        returns = [r for r in here.nodes(ast.Return) if here.enclosing_function(r) is function]
        if len(returns) == 1 and not isinstance(returns[0].value, ast.Tuple):
            found = range_of(here, returns[0].value, depth // 2)
            if found.kind:
                return found
    return _by_declaration(module, node)


def _builtin(module: Module, name: str, node: ast.Call, depth: int) -> Range:
    if name in ("len", "int", "float", "round", "bool"):
        return STATIC
    ranges = [range_of(module, argument, depth) for argument in node.args]
    if name == "sum":
        ranges += [range_of(module, k.value, depth) for k in node.keywords if k.arg == "start"]
        found = joined(ranges)
        return found if found.low >= 0 else Range(kind=found.kind)
    if name == "abs" and ranges:
        return Range(low=0.0, kind=ranges[0].kind)
    if name in ("max", "min") and len(ranges) > 1:
        return (maximum if name == "max" else minimum)(ranges)
    return ANYTHING


def _function(
    module: Module, name: str, arguments: list[ast.expr], call: ast.Call, depth: int
) -> Range:
    """The range of a JAX function or array method, by the last part of its name."""
    if name == "sum" and arguments and _sums_to_one(module, arguments[0]):
        return Range(low=1.0, kind="array")
    given = [
        None if isinstance(a, ast.Constant) and a.value is None else range_of(module, a, depth)
        for a in arguments
        if not isinstance(a, ast.Starred)
    ]
    keywords = {
        k.arg: range_of(module, k.value, depth)
        for k in call.keywords
        if k.arg and not (isinstance(k.value, ast.Constant) and k.value.value is None)
    }
    return result(name, given, keywords)


def _sums_to_one(module: Module, node: ast.expr) -> bool:
    """Whether an expression is `exp(x - max(x))`, whose sum is 1 or more."""
    node = origin(module, node)
    if isinstance(node, ast.Call) and family(module, node) == "exp" and node.args:
        return is_shifted(module, node.args[0])
    return False


_HANDLERS: dict[type, Callable[..., Range]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.Tuple: _several,
    ast.List: _several,
    ast.ListComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.NamedExpr: lambda module, node, depth: range_of(module, node.value, depth),
    ast.Call: _call,
}
