"""Beyond the checklist: JAX arrays are immutable."""

import ast
from collections.abc import Iterator

from ..arrays.evidence import array_function
from ..catalogue import rule
from ..findings import Confidence, Finding
from ..project import Project
from ..source.bindings import parameter_of, reaching
from ..source.module import Module

_UPDATES = frozenset(
    {
        "set", "add", "subtract", "multiply", "mul", "divide", "div", "power", "min", "max",
        "apply",
    }
)  # fmt: skip
_LISTS = frozenset({"split", "array_split", "hsplit", "vsplit", "dsplit", "meshgrid", "unstack"})


@rule(
    "JX1306",
    "array-assigned-in-place",
    "An element of a JAX array is assigned or deleted.",
    profile="bugs",
    confidences=(Confidence.PROVEN,),
)
def array_assigned_in_place(module: Module, project: Project) -> Iterator[Finding]:
    """Finds assignments to elements of what `jax.numpy` and the like just returned."""
    for node in module.nodes(ast.Subscript):
        if isinstance(node.ctx, ast.Load) or not isinstance(node.value, ast.Name):
            continue
        if not _is_jax_array(module, node.value) or _is_tried(module, node):
            continue
        name, index = node.value.id, module.text(node.slice)
        yield module.finding(
            "JX1306",
            node,
            f"`{name}` is a JAX array, which is immutable: this raises TypeError. Bind the array "
            f"that an update returns: `{name} = {name}.at[{index}].set(value)`.",
        )


def _is_tried(module: Module, node: ast.AST) -> bool:
    """Whether a handler waits for an error, as where one is shown."""
    return any(isinstance(up, ast.Try) and up.handlers for up in module.ancestors(node))


def _is_jax_array(module: Module, name: ast.Name) -> bool:
    """Whether every value that a variable can have here is an array of JAX."""
    values = [bound.value for bound in reaching(module, name) if not bound.path]
    if not values or parameter_of(module, name) is not None:
        return False
    return all(_makes_array(module, value) for value in values)


def _makes_array(module: Module, value: ast.expr | None) -> bool:
    if isinstance(value, ast.BinOp):
        return any(_makes_array(module, each) for each in (value.left, value.right))
    if not isinstance(value, ast.Call):
        return False
    if _is_update(module, value):
        return True
    last = array_function(module.resolve(value.func))
    return bool(last) and last not in _LISTS


def _is_update(module: Module, call: ast.Call) -> bool:
    """Whether a call is one of `x.at[index].set(value)` and its like."""
    func = call.func
    return (
        isinstance(func, ast.Attribute)
        and func.attr in _UPDATES
        and isinstance(func.value, ast.Subscript)
        and isinstance(func.value.value, ast.Attribute)
        and func.value.value.attr == "at"
    )


@rule(
    "JX1307",
    "update-dropped",
    "The array that `x.at[index].set(value)` returns is dropped.",
    profile="bugs",
    confidences=(Confidence.LIKELY,),
)
def update_dropped(module: Module, project: Project) -> Iterator[Finding]:
    """Finds functional updates that stand as statements of their own."""
    for node in module.nodes(ast.Expr):
        call = node.value
        if isinstance(call, ast.Call) and _is_update(module, call):
            assert isinstance(call.func, ast.Attribute)
            array = module.text(call.func.value.value.value)  # pyright: ignore
            yield module.finding(
                "JX1307",
                node,
                f"This returns a new array and leaves `{array}` as it is. Bind it: "
                f"`{array} = {module.text(call)}`.",
            )
