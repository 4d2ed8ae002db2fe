"""Item 10: numbers that do not guard: an epsilon that vanishes, a comparison with NaN."""

import ast
from collections.abc import Iterator

from ..catalogue import rule
from ..findings import Confidence, Edit, Finding, Fix
from ..numerics.guards import family, origin, range_of
from ..project import Project
from ..source.declared import declared
from ..source.module import Module

_NANS = {"jax.numpy.nan", "numpy.nan", "math.nan", "numpy.NaN", "numpy.NAN", "jax.numpy.NaN"}
_SMALLEST = 1.1754943508222875e-38  # the smallest normal number of float32 and bfloat16
# Half of the gap below 1: one less a smaller number is 1.
_GAP = {"float32": 2.0**-25, "bfloat16": 2.0**-9, "float16": 2.0**-12}
_VANISHES = {"float16": 2.0**-25}  # a smaller number is 0 in it
_USELESS = {"bfloat16": 1e-10}
_GUARDS = ("maximum", "clip", "add", "full", "full_like", "where")


@rule(
    "JX1006",
    "vanishing-epsilon",
    "An epsilon is too small for the dtype that it is added or compared in.",
    confidences=(Confidence.PROVEN, Confidence.LIKELY, Confidence.HEURISTIC),
    in_tests=Confidence.PROVEN,
)
def vanishing_epsilon(module: Module, project: Project) -> Iterator[Finding]:
    """Epsilons that round to nothing, and upper bounds `1 - eps` that round to 1."""
    if _uses_float64(project):
        return
    for node in module.nodes(ast.Constant):
        value = node.value
        if type(value) is not float or not (0 < value < 2e-3 or 0.998 < value < 1):
            continue
        if value > 0.5:
            yield from _one(module, node, node, 1 - value)
            continue
        parent = module.parent(node)
        less = parent if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Sub) else None
        if less is not None and less.right is node and module.literal(less.left) == 1:
            yield from _one(module, less, less, value)
        else:
            yield from _added(module, node, parent, value)


def _one(module: Module, node: ast.expr, bound: ast.expr, epsilon: float) -> Iterator[Finding]:
    call = module.parent(bound)
    if isinstance(call, ast.keyword):
        call = module.parent(call)
    if not isinstance(call, ast.Call) or family(module, call) not in ("clip", "minimum"):
        return
    dtype = _half(module, call.args[0]) if call.args else ""
    dtype = dtype or "float32"
    if epsilon < _GAP[dtype] and range_of(module, call).kind != "static":
        yield module.finding(
            "JX1006",
            node,
            f"{module.text(bound)} is exactly 1 in {dtype}, whose last number below 1 is "
            f"1 - {2 * _GAP[dtype]:.2g}: this bound lets 1 through, and log(1 - x) of it is -inf. "
            f"Use an epsilon of {2 * _GAP[dtype]:.1g} or more.",
        )


def _added(
    module: Module, node: ast.Constant, parent: ast.AST | None, value: float
) -> Iterator[Finding]:
    other: ast.expr | None = None
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add):
        other = parent.left if parent.right is node else parent.right
    elif isinstance(parent, ast.Call) and family(module, parent) in _GUARDS and parent.args:
        other = next((a for a in parent.args if a is not node), None)
    if other is None or range_of(module, other).kind == "static":
        return
    if value < _SMALLEST:
        if isinstance(parent, ast.Call) or _is_array(module, other):
            yield module.finding(
                "JX1006",
                node,
                f"{module.text(node)} is below {_SMALLEST:.3g}, the smallest normal number of "
                "float32: it is flushed to 0, so nothing is added. Use 1e-30 or more.",
            )
        return
    dtype = _half(module, other)
    if dtype in _VANISHES and value < _VANISHES[dtype]:
        yield module.finding(
            "JX1006",
            node,
            f"{module.text(node)} is 0 in {dtype}, whose smallest number is 6e-8: it guards "
            "nothing. Use 1e-6 or more, or compute in float32.",
        )
    elif dtype in _USELESS and value < _USELESS[dtype]:
        yield module.finding(
            "JX1006",
            node,
            f"In bfloat16, with 8 bits of mantissa, {module.text(node)} changes no sum above "
            f"{value * 512:.1g}, and what is divided by it grows {1 / value:.0e} times. Use about "
            "1e-6, or compute in float32.",
            confidence=Confidence.HEURISTIC,
        )


def _is_array(module: Module, node: ast.expr) -> bool:
    return range_of(module, node).kind == "array"


def _half(module: Module, node: ast.expr, depth: int = 5) -> str:
    """Returns `bfloat16` or `float16` where an expression certainly has that dtype, else ""."""
    if depth == 0:
        return ""
    node = origin(module, node)
    if isinstance(node, ast.Call):
        for argument in [*node.args[1:2], *node.args[:1], *(k.value for k in node.keywords)]:
            name = module.resolve(argument) or str(module.literal(argument))
            last = name.rpartition(".")[2]
            if last in ("bfloat16", "float16", "float32", "float64"):
                return last if last in _USELESS or last in _VANISHES else ""
        if family(module, node) and node.args:
            return _half(module, node.args[0], depth - 1)
        if isinstance(node.func, ast.Attribute):
            return _half(module, node.func.value, depth - 1)
        return ""
    if isinstance(node, ast.BinOp):
        left, right = _half(module, node.left, depth - 1), _half(module, node.right, depth - 1)
        if left == right or isinstance(node.right, ast.Constant):
            return left
        return right if isinstance(node.left, ast.Constant) else ""
    if isinstance(node, ast.UnaryOp | ast.Subscript):
        inner = node.operand if isinstance(node, ast.UnaryOp) else node.value
        return _half(module, inner, depth - 1)
    found = declared(module, node)
    last = (found.name or "").rpartition(".")[2] if found else ""
    return {"BFloat16": "bfloat16", "Float16": "float16"}.get(last, "")


def _uses_float64(project: Project) -> bool:
    known: bool | None = project.facts.get("x64")
    if known is None:
        sources = [m.source for m in project.modules.values() if m.uses_jax]
        known = any("enable_x64" in s or "ENABLE_X64" in s for s in sources)
        project.facts["x64"] = known
    return known


@rule(
    "JX1007",
    "comparison-with-nan",
    "A comparison with NaN, which is never equal to anything.",
    confidences=(Confidence.PROVEN,),
    in_tests=Confidence.PROVEN,
    fix="unsafe",
)
def comparison_with_nan(module: Module, project: Project) -> Iterator[Finding]:
    """`x == nan`, `x != nan` and their relatives."""
    if "nan" not in module.source and "NaN" not in module.source:
        return
    for node in module.nodes(ast.Compare):
        if len(node.ops) != 1:
            continue
        left, right, op = node.left, node.comparators[0], node.ops[0]
        side = right if _is_nan(module, right) else left if _is_nan(module, left) else None
        if side is None or isinstance(op, ast.Is | ast.IsNot | ast.In | ast.NotIn):
            continue
        always = "true" if isinstance(op, ast.NotEq) else "false"
        other = left if side is right else right
        yield module.finding(
            "JX1007",
            node,
            f"{module.text(node)} is {always} for every value, NaN included: NaN compares unequal "
            f"to itself. Write jnp.isnan({module.text(other)}).",
            fix=_isnan(module, node, other, op),
        )


def _is_nan(module: Module, node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        if module.resolve(node.func) not in ("builtins.float", "jax.numpy.float32"):
            return False
        value = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
        return isinstance(value, str) and value.strip().lower() in ("nan", "-nan", "+nan")
    return module.resolve(node) in _NANS


def _isnan(module: Module, node: ast.Compare, other: ast.expr, op: ast.cmpop) -> Fix | None:
    scope = module.index.scopes.get(node)
    if scope is None or module.resolve_name("jnp", scope) != "jax.numpy":
        return None
    if not isinstance(op, ast.Eq | ast.NotEq):
        return None
    text = f"{'~' if isinstance(op, ast.NotEq) else ''}jnp.isnan({module.text(other)})"
    place = module.place(node)
    edit = Edit(place.line, place.column, place.end_line, place.end_column, text)
    return Fix("Call jnp.isnan", (edit,))
