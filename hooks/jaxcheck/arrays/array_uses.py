"""How a function uses a parameter: as an array, as a PRNG key, or as something else."""

import ast
from dataclasses import dataclass

from ..source.bindings import parameter_of
from ..source.mentions import mentions
from ..source.module import Module
from ..source.scopes import Function, Parameter
from ..transforms.tables import TRANSFORMS
from ..transforms.tracing import target_of
from .annotations import Kind, parts
from .evidence import METHODS, is_array, key_operand, operands, says_array

# An attribute of these says nothing: arrays have them, and so have other things.
_NEUTRAL = frozenset({"value", "copy", "get_value"})
_CREATORS = frozenset(
    {
        "arange", "broadcast_to", "empty", "eye", "full", "iota", "linspace", "normal", "ones",
        "randint", "reshape", "uniform", "zeros",
    }
)  # fmt: skip
_NOT_FOR_ARRAYS = frozenset(
    f"builtins.{name}"
    for name in (
        "bytes", "callable", "chr", "dict", "enumerate", "getattr", "hasattr", "int", "isinstance",
        "issubclass", "iter", "next", "open", "range", "set", "setattr", "sorted", "str", "super",
        "zip",
    )
)  # fmt: skip
# What goes in is what comes out: one array mostly, and sometimes a tree.
_PASSED_ON = frozenset(
    {
        "jax.device_put", "jax.lax.pmean", "jax.lax.psum", "jax.lax.stop_gradient",
        "jax.lax.with_sharding_constraint",
    }
)  # fmt: skip


@dataclass(slots=True)
class Uses:
    """How a parameter is used.

    Attributes:
        key: Where it is given to `jax.random` as the key.
        array: Where it must be an array.
        maybe: Where it is used as arrays are, and as other things may be.
        passed: Where it is given to a function that is not known.
        other: Whether it is used as no array can be, or as arrays rarely are.
        named: Where an entry of it is taken by name: a tree whose structure is known.
    """

    key: ast.AST | None = None
    array: ast.AST | None = None
    maybe: ast.AST | None = None
    passed: ast.AST | None = None
    other: bool = False
    named: ast.AST | None = None


def uses(module: Module, function: Function, parameter: Parameter, numpy: bool) -> Uses:
    """Returns how a function, and the functions in it, use one of its parameters.

    Args:
        module: The module of the function.
        function: The function.
        parameter: One of its parameters.
        numpy: Whether NumPy's arrays count as arrays.
    """
    found = Uses()
    again = function.scope.bound.get(parameter.name, 1) > 1
    for name in mentions(module, parameter.name, function.scope):
        if not isinstance(name.ctx, ast.Load):
            continue
        if again and parameter_of(module, name) is not parameter:
            continue
        _use(module, name, found, numpy)
    return found


def _use(module: Module, name: ast.Name, found: Uses, numpy: bool) -> None:
    parent = module.parent(name)
    match parent:
        case ast.Call():
            _argument(module, parent, name, found, numpy)
        case ast.Attribute():
            _attribute(module, parent, found)
        case ast.BinOp():
            if isinstance(parent.op, ast.MatMult):
                found.array = found.array or parent
            elif not isinstance(parent.op, ast.FloorDiv | ast.Mod | ast.LShift | ast.RShift):
                found.maybe = found.maybe or parent
        case ast.UnaryOp():
            if isinstance(parent.op, ast.Not):
                found.other = True
            elif isinstance(parent.op, ast.USub | ast.Invert):
                found.maybe = found.maybe or parent
        case ast.Compare():
            _comparison(parent, found)
        case ast.Subscript() if parent.value is name:
            _subscript(module, parent, found)
        case ast.Subscript() if is_array(module, parent.value, numpy):
            found.maybe = found.maybe or parent
        case ast.If() | ast.While() | ast.IfExp() | ast.Assert() if parent.test is name:
            found.other = True
        case ast.BoolOp():
            found.other = True
        case ast.For() | ast.AsyncFor() | ast.comprehension() if parent.iter is name:
            found.other = True
        case ast.List() | ast.Tuple():
            _element(module, parent, name, found, numpy)
        case _:
            pass


def _argument(module: Module, call: ast.Call, name: ast.Name, found: Uses, numpy: bool) -> None:
    if call.func is name:
        found.other = True
        return
    if key_operand(module, call) is name:
        found.key = found.key or call
        return
    if any(each is name for each in operands(module, call, numpy)):
        found.array = found.array or call
        return
    resolved = module.resolve(call.func)
    if resolved in _NOT_FOR_ARRAYS:
        found.other = True
        return
    if resolved and resolved.rpartition(".")[2] in _CREATORS and resolved.startswith("jax."):
        found.other = True
        return
    target = target_of(module, call.func)
    if target is None:
        if resolved is None or resolved in _PASSED_ON or _is_carried(resolved, call, name):
            found.passed = found.passed or call
        return
    at = next((i for i, each in enumerate(call.args) if each is name), None)
    free = target.free
    if at is None or at >= len(free):
        return
    given = target.function.parameter(free[at])
    if given is None or given.annotation is None:
        return
    if any(p.kind is Kind.KEY and not p.contained for p in parts(target.module, given.annotation)):
        found.key = found.key or call
    elif says_array(target.module, given.annotation):
        found.array = found.array or call


def _is_carried(resolved: str, call: ast.Call, name: ast.Name) -> bool:
    """Whether an argument is what a `scan`, a loop or a `cond` works on, and no function."""
    transform = TRANSFORMS.get(resolved)
    if transform is None or transform.kind != "body" or name not in call.args:
        return False
    return call.args.index(name) not in transform.functions


def _attribute(module: Module, attribute: ast.Attribute, found: Uses) -> None:
    outer = module.parent(attribute)
    if attribute.attr == "at" and isinstance(outer, ast.Subscript):
        found.array = found.array or attribute
    elif attribute.attr in METHODS:
        found.maybe = found.maybe or attribute
    elif attribute.attr not in _NEUTRAL:
        found.other = True


def _comparison(compare: ast.Compare, found: Uses) -> None:
    sides = (compare.left, *compare.comparators)
    if isinstance(compare.ops[0], ast.Is | ast.IsNot):
        none = any(isinstance(side, ast.Constant) and side.value is None for side in sides)
        found.other = found.other or not none
    elif isinstance(compare.ops[0], ast.In | ast.NotIn) or any(
        isinstance(side, ast.Constant) and isinstance(side.value, str) for side in sides
    ):
        found.other = True
    else:
        found.maybe = found.maybe or compare


def _subscript(module: Module, subscript: ast.Subscript, found: Uses) -> None:
    index = subscript.slice
    if isinstance(index, ast.Constant) and isinstance(index.value, str):
        found.other = True
        found.named = found.named or subscript
    elif isinstance(index, ast.Slice | ast.Tuple) or (
        index.value is None or index.value is Ellipsis
        if isinstance(index, ast.Constant)
        else is_array(module, index)
    ):
        found.maybe = found.maybe or subscript


def _element(
    module: Module, holder: ast.List | ast.Tuple, name: ast.Name, found: Uses, numpy: bool
) -> None:
    call = module.parent(holder)
    if isinstance(call, ast.For | ast.comprehension) and isinstance(call.target, ast.Name):
        _in_turn(module, call.target, found, numpy)
    elif isinstance(call, ast.Call) and holder in call.args:
        if any(each is name for each in operands(module, call, numpy)):
            found.array = found.array or call
        elif isinstance(holder, ast.Tuple) and (module.resolve(call.func) or "").startswith("jax."):
            found.other = True  # a shape


def _in_turn(module: Module, variable: ast.Name, found: Uses, numpy: bool) -> None:
    """What each element of a list is used for is what all are."""
    scope = module.index.scopes[variable]
    if scope.bound.get(variable.id, 1) > 1:
        return
    for name in mentions(module, variable.id, scope):
        if isinstance(name.ctx, ast.Load):
            _use(module, name, found, numpy)
