"""How many axes an expression has, as far as annotations, literal shapes and operations tell."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace

from ..arrays.annotations import array_type
from ..arrays.dimensions_of import einsum
from ..arrays.evidence import array_function
from ..arrays.roles import returned
from ..source.bindings import Bound, parameter_of, reaching, scope_of
from ..source.declared import declared, element
from ..source.module import Module
from ..transforms.tracing import Target, target_of
from .known_ranks import known_ranks
from .layers import LAYERS, layer_of
from .rank_arithmetic import NUMBER, Rank, agreed, axes, broadcast, length, product, reduced
from .rank_tables import ELEMENTWISE, FIXED, FROM_SHAPE, METHODS, REDUCTIONS, SAME

_DEPTH = 10


Given = Mapping[ast.arg, Rank]
# Functions that return what they are given, whatever it is, and where they are given it.
_PASSING = {
    "jax.lax.with_sharding_constraint": 0, "jax.lax.stop_gradient": 0, "jax.lax.pmean": 0,
    "jax.lax.optimization_barrier": 0, "jax.lax.psum": 0, "jax.lax.fori_loop": 3,
    "jax.lax.while_loop": 2, "jax.device_put": 0,
}  # fmt: skip
_NONE: Given = {}


def rank_of(
    module: Module, node: ast.expr | None, given: Given = _NONE, depth: int = _DEPTH
) -> Rank | None:
    """Returns what is known of the rank of an expression; None where nothing is.

    Args:
        module: Where it stands.
        node: The expression.
        given: The ranks of parameters, where the function is looked into from a call.
        depth: How many steps to follow at most.
    """
    handler = _HANDLERS.get(type(node))
    if handler is None or node is None or depth == 0:
        return None
    if given:
        return handler(module, node, given, depth - 1)
    assert module.project is not None
    known: dict[ast.expr, Rank | None] = module.project.facts.setdefault("ranks", {})
    if node not in known:
        known[node] = None  # a name that is bound to itself ends here
        known[node] = handler(module, node, given, depth - 1)
    return known[node]


def annotated_rank(module: Module, annotation: ast.expr | None) -> Rank | None:
    """Returns the rank that an annotation says."""
    found = array_type(module, annotation)
    if found is None or found.is_key or (found.array or "").startswith("numpy."):
        return None
    if found.shape is None or found.shape.error:
        return None
    fixed = sum(not each.variadic for each in found.shape.dimensions)
    if found.rank is None:
        return Rank(fixed, exact=False) if fixed else None
    return Rank(found.rank)


def _name(module: Module, node: ast.expr, given: Given, depth: int) -> Rank | None:
    assert isinstance(node, ast.Name)
    parameter = parameter_of(module, node)
    if parameter is not None:
        if parameter.node in given:
            return given[parameter.node]
        number = module.resolve(parameter.annotation) in ("builtins.int", "builtins.float")
        found = NUMBER if number else annotated_rank(module, parameter.annotation)
        return found or _relied_on(module, node)
    found = agreed(_bound(module, bound, given, depth) for bound in reaching(module, node))
    return found or _relied_on(module, node)


def _relied_on(module: Module, node: ast.Name) -> Rank | None:
    scope = scope_of(module, node)
    rank = known_ranks(module).get((scope, node.id)) if scope is not None else None
    return Rank(rank, jax=False) if rank is not None else None


def _bound(module: Module, bound: Bound, given: Given, depth: int) -> Rank | None:
    if isinstance(bound.statement, ast.AnnAssign):
        found = annotated_rank(module, bound.statement.annotation)
        if found is not None:
            return found
    value, path = bound.value, bound.path
    while path and isinstance(value, ast.Tuple) and path[0] < len(value.elts):
        value, path = value.elts[path[0]], path[1:]
    if not path or value is None:
        return rank_of(module, value, given, depth)
    if not isinstance(value, ast.Call):
        return None
    name = module.resolve(value.func)
    if name == "jax.lax.scan" and path[0] == 0 and len(value.args) > 1:
        carry, path = value.args[1], path[1:]
        while path and isinstance(carry, ast.Tuple) and path[0] < len(carry.elts):
            carry, path = carry.elts[path[0]], path[1:]
        return None if path else rank_of(module, carry, given, depth)
    last = array_function(name)
    if last in ("split", "array_split", "top_k") and len(path) == 1 and value.args:
        return rank_of(module, value.args[0], given, depth)
    annotation = declared(module, value)
    for position in path:
        annotation = element(annotation, position) if annotation else None
    return annotated_rank(annotation.module, annotation.annotation) if annotation else None


def _attribute(module: Module, node: ast.expr, given: Given, depth: int) -> Rank | None:
    assert isinstance(node, ast.Attribute)
    if node.attr in ("T", "mT", "real", "imag"):
        return rank_of(module, node.value, given, depth)
    if node.attr in ("size", "ndim"):
        return NUMBER
    found = declared(module, node)
    return annotated_rank(found.module, found.annotation) if found else None


def _subscript(module: Module, node: ast.expr, given: Given, depth: int) -> Rank | None:
    assert isinstance(node, ast.Subscript)
    if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
        return NUMBER
    base = rank_of(module, node.value, given, depth)
    if base is None:
        return None
    rank = base.low
    for each in node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]:
        if isinstance(each, ast.Slice):
            continue
        if isinstance(each, ast.Constant) and each.value is Ellipsis:
            continue
        if isinstance(each, ast.Constant) and each.value is None:
            rank += 1
        elif type(module.literal(each)) is int:
            rank -= 1
        else:
            index = rank_of(module, each, given, depth)
            if index is None or not index.exact or index.low > 1:
                return None
            rank += index.low - 1
    return replace(base, low=rank) if rank >= 0 else None


def _operator(module: Module, node: ast.expr, given: Given, depth: int) -> Rank | None:
    assert isinstance(node, ast.BinOp)
    left, right = (rank_of(module, side, given, depth) for side in (node.left, node.right))
    if isinstance(node.op, ast.MatMult):
        return product(left, right)
    return broadcast([left, right])


def _compare(module: Module, node: ast.expr, given: Given, depth: int) -> Rank | None:
    assert isinstance(node, ast.Compare)
    if isinstance(node.ops[0], ast.Is | ast.IsNot | ast.In | ast.NotIn):
        return None
    sides = (node.left, *node.comparators)
    return broadcast([rank_of(module, side, given, depth) for side in sides])


def _unary(module: Module, node: ast.expr, given: Given, depth: int) -> Rank | None:
    assert isinstance(node, ast.UnaryOp)
    return rank_of(module, node.operand, given, depth)


def _choice(module: Module, node: ast.expr, given: Given, depth: int) -> Rank | None:
    assert isinstance(node, ast.IfExp)
    return agreed(rank_of(module, each, given, depth) for each in (node.body, node.orelse))


def _walrus(module: Module, node: ast.expr, given: Given, depth: int) -> Rank | None:
    assert isinstance(node, ast.NamedExpr)
    return rank_of(module, node.value, given, depth)


def _constant(_: Module, node: ast.expr, __: Given, ___: int) -> Rank | None:
    assert isinstance(node, ast.Constant)
    return NUMBER if isinstance(node.value, int | float) else None


def _call(module: Module, node: ast.expr, given: Given, depth: int) -> Rank | None:
    assert isinstance(node, ast.Call)
    if any(isinstance(each, ast.Starred) for each in node.args):
        return _reshaped(module, node, given, depth)
    contraction = einsum(module, node)
    if contraction is not None:
        dots = "." in contraction.out
        return None if dots else Rank(len(contraction.out))
    name = module.resolve(node.func)
    if name in _PASSING and len(node.args) > _PASSING[name]:
        return rank_of(module, node.args[_PASSING[name]], given, depth)
    last = array_function(name)
    if last:
        found = _function(module, node, last, node.args, given, depth)
        return replace(found, jax=True) if found else None
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr in METHODS:
        if function.attr == "reshape":
            return _reshaped(module, node, given, depth)
        arguments = [function.value, *node.args]
        return _function(module, node, function.attr, arguments, given, depth)
    return _own(module, node, given, depth)


def _function(
    module: Module,
    node: ast.Call,
    name: str,
    arguments: list[ast.expr],
    given: Given,
    depth: int,
) -> Rank | None:
    """The rank of the result of a function of arrays, or of a method with its array first."""
    keywords = {k.arg: k.value for k in node.keywords if k.arg}
    if name in FROM_SHAPE:
        at = FROM_SHAPE[name]
        shape = arguments[at] if at < len(arguments) else keywords.get("shape")
        size = length(module, shape)
        return Rank(size) if size is not None else None
    if name in FIXED:
        return Rank(FIXED[name])
    if name in ELEMENTWISE:
        return broadcast([rank_of(module, each, given, depth) for each in arguments])
    first = rank_of(module, arguments[0], given, depth) if arguments else None
    if name in ("matmul", "dot") and len(arguments) == 2:
        return product(first, rank_of(module, arguments[1], given, depth))
    if name in ("stack", "concatenate") and arguments:
        inside = getattr(arguments[0], "elts", [])
        first = agreed(rank_of(module, each, given, depth) for each in inside)
        return replace(first, low=first.low + (name == "stack")) if first else None
    if first is None or not first.low:
        return None
    if name in SAME:
        return first
    if name in REDUCTIONS:
        return reduced(module, first, arguments, keywords)
    if name in ("expand_dims", "squeeze", "one_hot"):
        axis = arguments[1] if len(arguments) > 1 else keywords.get("axis")
        count = 1 if name == "one_hot" else axes(module, axis)
        step = -1 if name == "squeeze" else 1
        return replace(first, low=first.low + step * count) if count is not None else None
    return None


def _reshaped(module: Module, node: ast.Call, given: Given, depth: int) -> Rank | None:
    """The rank of `x.reshape(a, b)`, `x.reshape((a, b))` and `x.reshape(-1, *rest)`."""
    function = node.func
    if not isinstance(function, ast.Attribute) or function.attr != "reshape":
        return None
    if array_function(module.resolve(function)):
        return _function(module, node, "reshape", node.args, given, depth)
    base = rank_of(module, function.value, given, depth)
    jax = base.jax if base else False
    fixed = [each for each in node.args if not isinstance(each, ast.Starred)]
    if len(fixed) < len(node.args):
        return Rank(len(fixed), False, jax) if fixed else None
    if len(fixed) != 1:
        return Rank(len(fixed), True, jax) if fixed else None
    single = fixed[0]
    number = isinstance(single, ast.UnaryOp) or rank_of(module, single, given, depth) == NUMBER
    size = 1 if number else length(module, single)
    return Rank(size, True, jax) if size is not None else None


def _own(module: Module, node: ast.Call, given: Given, depth: int) -> Rank | None:
    """The rank of what a function of the project returns, by annotation, else by looking inside."""
    layer = layer_of(module, node.func)
    if layer is not None:
        more = LAYERS.get(layer.name)
        first = rank_of(module, node.args[0], given, depth) if node.args else None
        if more is not None and first is not None:
            return replace(first, low=first.low + more, jax=True)
    target = layer.method if layer else target_of(module, node.func)
    if target is None:
        found = declared(module, node)
        return annotated_rank(found.module, found.annotation) if found else None
    said = annotated_rank(target.module, target.function.returns)
    if (said is not None and said.exact) or depth < 3:
        return said
    passed = _passed(module, node, target, given, depth)
    values = returned(target.module).get(target.function.node, [])
    if not passed or not 0 < len(values) <= 4:
        return said
    return agreed(rank_of(target.module, v, passed, depth // 2) for v in values) or said


def _passed(
    module: Module, node: ast.Call, target: Target, given: Given, depth: int
) -> dict[ast.arg, Rank]:
    arguments = dict(zip(target.free, node.args, strict=False))
    arguments |= {k.arg: k.value for k in node.keywords if k.arg}
    found = {}
    for name, argument in arguments.items():
        parameter = target.function.parameter(name)
        rank = rank_of(module, argument, given, depth)
        if parameter is not None and rank is not None:
            found[parameter.node] = rank
    return found


_HANDLERS: dict[type, Callable[[Module, ast.expr, Given, int], Rank | None]] = {
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.BinOp: _operator,
    ast.Compare: _compare,
    ast.UnaryOp: _unary,
    ast.IfExp: _choice,
    ast.NamedExpr: _walrus,
    ast.Constant: _constant,
    ast.Call: _call,
}
