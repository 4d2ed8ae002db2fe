"""Where parameters are made: the values that become `nnx.Param`, and the dtype that they start in.

The conventions draw a parameter in float32 and may cast it to bfloat16 afterwards. So a cast is no
breach; what is drawn or made in half precision is, whatever it is cast to later.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch

from ..arrays.evidence import METHODS, array_function
from ..project import Project
from ..source.bindings import parameter_of, reaching
from ..source.module import Module
from ..source.scopes import FunctionNode
from ..transforms.tracing import Target, target_of
from .dtypes import HALF, dtype_named, dtype_of, given_dtype, is_initializer

_EXACT = frozenset({"zeros", "ones", "empty", "zeros_like", "ones_like", "eye", "identity"})
_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Start:
    """Where a value begins in half precision.

    Attributes:
        module: Where that is.
        node: The expression that draws, makes or casts it.
        how: "drawn", "made" or "cast".
        dtype: The dtype.
    """

    module: Module
    node: ast.expr
    how: str
    dtype: str


def exempt(module: Module, project: Project) -> bool:
    """Whether settings let a module keep its parameters in half precision, as adapters do."""
    patterns = project.settings.half_parameter_modules
    return any(fnmatch(module.relative, pattern) for pattern in patterns)


def is_param(module: Module, call: ast.Call, project: Project) -> bool:
    """Whether a call makes an `nnx.Param`, or an instance of a class derived from it."""
    name = module.resolve(call.func)
    if name == "flax.nnx.Param":
        return True
    found = project.class_(name) if name else None
    return found is not None and "flax.nnx.Param" in project.bases(*found)


def parameters(module: Module, project: Project) -> list[tuple[ast.Call, ast.expr]]:
    """Returns the calls that make parameters of a value, and the value.

    These are `nnx.Param(…)` and functions of the project that hand one of their parameters to it.
    """
    key = ("parameters", id(module))
    found: list[tuple[ast.Call, ast.expr]] | None = project.facts.get(key)
    if found is None:
        helpers = _helpers(project)
        names = {getattr(node, "name", "") for node in helpers}
        found = [*_direct(module, project)] if "Param" in module.source else []
        for call in module.nodes(ast.Call) if names else ():
            callee = call.func
            last = callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", "")
            target = target_of(module, callee) if last in names else None
            wanted = helpers.get(target.function.node) if target else None
            value = argument(call, target, wanted) if target and wanted else None
            if value is not None:
                found.append((call, value))
        project.facts[key] = found
    return found


def argument(call: ast.Call, target: Target, name: str) -> ast.expr | None:
    """Returns what a call gives for a parameter of the function that it calls."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    free = target.free
    if name not in free or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    at = free.index(name)
    return call.args[at] if at < len(call.args) else None


def _direct(module: Module, project: Project) -> Iterator[tuple[ast.Call, ast.expr]]:
    for call in module.nodes(ast.Call):
        if call.args and is_param(module, call, project):
            yield call, call.args[0]


def _helpers(project: Project) -> dict[FunctionNode, str]:
    """The functions that make a parameter of one of their own parameters, by its name."""
    found: dict[FunctionNode, str] | None = project.facts.get("parameter helpers")
    if found is None:
        found = project.facts["parameter helpers"] = {}
        for module in project.modules.values():
            if not module.uses_jax or "nnx" not in module.source:
                continue
            for call, value in _direct(module, project):
                around = module.enclosing_function(call)
                name = _comes_from(module, value) if around is not None else None
                if around is not None and name and around.parameter(name) is not None:
                    found[around.node] = name
    return found


def _comes_from(module: Module, node: ast.expr, depth: int = _DEPTH) -> str | None:
    """Returns the parameter whose value an expression is, up to casts and arithmetic."""
    if depth == 0:
        return None
    if isinstance(node, ast.Name):
        parameter = parameter_of(module, node)
        if parameter is not None:
            return parameter.name
        bound = reaching(module, node)
        value = bound[0].value if len(bound) == 1 and not bound[0].path else None
        return _comes_from(module, value, depth - 1) if value is not None else None
    inside = computed_from(module, node)
    return _comes_from(module, inside[0], depth - 1) if inside else None


def computed_from(module: Module, node: ast.expr) -> list[ast.expr]:
    """Returns the arrays that an expression takes entries of, or is computed from one by one."""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.Subscript):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.Call):
        if array_function(module.resolve(node.func)):
            return node.args[:1]
        if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            return [node.func.value]
    return []


def half_start(module: Module, node: ast.expr, depth: int = _DEPTH) -> Start | None:
    """Returns where the value of a parameter starts in half precision, if it does."""
    if depth == 0:
        return None
    assert module.project is not None
    known: dict[ast.expr, Start | None] = module.project.facts.setdefault("half starts", {})
    if node not in known:
        known[node] = None  # a name that is bound to itself ends here
        known[node] = _half_start(module, node, depth)
    return known[node]


def _half_start(module: Module, node: ast.expr, depth: int) -> Start | None:
    if isinstance(node, ast.Name):
        bounds = reaching(module, node)
        values = [b.value for b in bounds if b.value is not None and not b.path]
        return _first(module, values, depth)
    if isinstance(node, ast.Call):
        return _of_call(module, node, depth)
    return _first(module, computed_from(module, node), depth)


def _first(module: Module, nodes: list[ast.expr], depth: int) -> Start | None:
    for node in nodes:
        found = half_start(module, node, depth - 1)
        if found is not None:
            return found
    return None


def _of_call(module: Module, node: ast.Call, depth: int) -> Start | None:
    name = module.resolve(node.func) or ""
    home, _, last = name.rpartition(".")
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if home == "jax.numpy" and last in HALF and node.args:
        return _cast(module, node, node.args[0], last, depth)
    dtype = dtype_named(module, given_dtype(module, node))
    inner = _casted(node, name, method)
    if inner is not None:
        return _cast(module, node, inner, dtype, depth)
    if dtype in HALF and home == "jax.random":
        return Start(module, node, "drawn", dtype)
    if is_initializer(module, node.func):
        made = dtype if given_dtype(module, node) is not None else dtype_of(module, node)
        return Start(module, node, "drawn", made) if made in HALF else None
    if dtype in HALF and home == "jax.numpy":
        return Start(module, node, "made", dtype)
    target = target_of(module, node.func)
    if target is not None:
        returned = [s.value for s in target.function.body if isinstance(s, ast.Return) and s.value]
        return _first(target.module, returned, depth) if len(returned) == 1 else None
    if not home and not method:
        return _unknown(module, node)
    return _first(module, computed_from(module, node), depth)


def _casted(node: ast.Call, name: str, method: str) -> ast.expr | None:
    """The operand of a cast."""
    if name in ("jax.numpy.asarray", "jax.numpy.array", "jax.lax.convert_element_type"):
        return node.args[0] if node.args else None
    if method == "astype" and isinstance(node.func, ast.Attribute):
        return node.func.value
    return None


def _cast(
    module: Module, node: ast.Call, inner: ast.expr, dtype: str | None, depth: int
) -> Start | None:
    start = half_start(module, inner, depth - 1)
    if start is not None:
        # Zeros and ones are exact in half precision: wide again, nothing is lost.
        name = getattr(start.node, "func", None)
        exact = (start.module.resolve(name) or "").rpartition(".")[2] in _EXACT
        return None if exact and dtype not in HALF else start
    if dtype == "float16":
        return Start(module, node, "cast", dtype)
    return None


def _unknown(module: Module, node: ast.Call) -> Start | None:
    """A call of an initialiser that came as an argument: `init(key, shape, jnp.bfloat16)`."""
    given = [k.value for k in node.keywords if k.arg == "dtype"] or node.args[2:3]
    dtype = dtype_named(module, given[0]) if given else None
    return Start(module, node, "drawn", dtype) if dtype in HALF else None
