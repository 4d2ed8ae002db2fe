"""The dimension names of an expression's axes, as annotations and einsums tell them."""

import ast
import re
from dataclasses import dataclass

from ..source.bindings import bindings, parameter_of
from ..source.module import Module
from ..transforms.tracing import Target, target_of
from .annotations import ArrayType, array_type

Names = tuple[str | None, ...]
_DEPTH = 6
_SPEC = re.compile(r"[A-Za-z.]+(?:,[A-Za-z.]+)*->[A-Za-z.]*")
# Functions whose result has the shape of their first argument.
_SAME_SHAPE = frozenset(
    {
        "jax.numpy.abs", "jax.numpy.asarray", "jax.numpy.cos", "jax.numpy.exp", "jax.numpy.log",
        "jax.numpy.negative", "jax.numpy.sin", "jax.numpy.sqrt", "jax.numpy.square",
        "jax.numpy.tanh", "jax.numpy.clip", "jax.lax.rsqrt", "jax.lax.stop_gradient",
        "jax.lax.with_sharding_constraint", "jax.nn.gelu", "jax.nn.log_softmax", "jax.nn.relu",
        "jax.nn.sigmoid", "jax.nn.silu", "jax.nn.softmax", "jax.nn.swish", "jax.nn.softplus",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Einsum:
    """A call of einsum, or of a function of the project that takes the same arguments.

    Attributes:
        node: The call.
        spec: Where the string is.
        terms: The letters of each operand.
        out: The letters of the result.
        operands: The operands.
    """

    node: ast.Call
    spec: ast.expr
    terms: tuple[str, ...]
    out: str
    operands: tuple[ast.expr, ...]


def einsum(module: Module, node: ast.AST | None) -> Einsum | None:
    """Reads a call of einsum with an explicit result; None for any other expression.

    A call of a function of the project counts where its first argument is such a string and an
    operand follows for each of its terms.
    """
    if not isinstance(node, ast.Call) or len(node.args) < 2:
        return None
    first = node.args[0]
    if not isinstance(first, ast.Constant | ast.Name | ast.Attribute):
        return None
    if any(isinstance(each, ast.Starred) for each in node.args):
        return None
    known = module.resolve(node.func) == "jax.numpy.einsum"
    if not known and not isinstance(first, ast.Constant):
        return None
    spec = module.literal(first)
    spec = spec.replace(" ", "") if isinstance(spec, str) else ""
    if not _SPEC.fullmatch(spec):
        return None
    inputs, _, out = spec.partition("->")
    terms = tuple(inputs.split(","))
    operands = tuple(node.args[1 : 1 + len(terms)])
    if len(operands) != len(terms) or not (known or target_of(module, node.func)):
        return None
    return Einsum(node, first, terms, out, operands)


def root_einsum(module: Module, node: ast.expr, depth: int = _DEPTH) -> Einsum | None:
    """Returns the einsum whose result an expression is, up to casts and functions of each entry."""
    found = einsum(module, node)
    if found is not None or depth == 0:
        return found
    inner = _same_shape(module, node)
    if inner is None and isinstance(node, ast.Name):
        inner = _value(module, node)
    return root_einsum(module, inner, depth - 1) if inner is not None else None


def dimensions_of(module: Module, node: ast.expr, depth: int = _DEPTH) -> Names | None:
    """Returns the name of each axis of an expression, None for one without; None if unknown."""
    if depth == 0:
        return None
    if isinstance(node, ast.Name):
        parameter = parameter_of(module, node)
        if parameter is not None:
            return named(array_type(module, parameter.annotation))
        value = _value(module, node)
        return dimensions_of(module, value, depth - 1) if value is not None else None
    inner = _same_shape(module, node)
    if inner is not None:
        return dimensions_of(module, inner, depth - 1)
    if not isinstance(node, ast.Call):
        return None
    contraction = einsum(module, node)
    if contraction is not None:
        letters = letter_names(module, contraction, depth - 1)
        if "." in contraction.out:
            return None
        return tuple(letters.get(letter) for letter in contraction.out)
    return _swapped(module, node, depth) or _returned(module, node, depth)


def letter_names(module: Module, contraction: Einsum, depth: int = _DEPTH) -> dict[str, str]:
    """Returns the name that the operands give to each letter, the first one if they disagree."""
    found: dict[str, str] = {}
    for term, operand in zip(contraction.terms, contraction.operands, strict=True):
        names = dimensions_of(module, operand, depth)
        if names is not None and "." not in term and len(names) == len(term):
            for letter, name in zip(term, names, strict=True):
                if name:
                    found.setdefault(letter, name)
    return found


def named(found: ArrayType | None) -> Names | None:
    """Returns the names in an array type, if it fixes the rank."""
    if found is None or found.shape is None or found.rank is None:
        return None
    return tuple(
        None if each.broadcastable or not each.name else each.name
        for each in found.shape.dimensions
    )


def _value(module: Module, node: ast.Name) -> ast.expr | None:
    """The expression that a local name is bound to, if only once."""
    bounds = bindings(module, node)
    if len(bounds) != 1 or bounds[0].path or bounds[0].value is node:
        return None
    return bounds[0].value if isinstance(bounds[0].statement, ast.Assign) else None


def _same_shape(module: Module, node: ast.expr) -> ast.expr | None:
    """The part of an expression that has the same axes."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return node.operand
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.MatMult):
        if _is_number(node.right):
            return node.left
        return node.right if _is_number(node.left) else None
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "astype":
            return node.func.value
        if node.args and module.resolve(node.func) in _SAME_SHAPE:
            return node.args[0]
    return None


def _is_number(node: ast.expr) -> bool:
    return any(isinstance(each, ast.Constant) for each in (node, getattr(node, "operand", None)))


def _swapped(module: Module, call: ast.Call, depth: int) -> Names | None:
    """The names of `x.swapaxes(1, 2)`."""
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr != "swapaxes":
        return None
    axes = [module.literal(each) for each in call.args]
    names = dimensions_of(module, function.value, depth - 1)
    if names is None or len(axes) != 2:
        return None
    first, second = axes
    if not (isinstance(first, int) and isinstance(second, int)):
        return None
    if not all(-len(names) <= each < len(names) for each in axes):
        return None
    swapped = list(names)
    swapped[first], swapped[second] = names[second], names[first]
    return tuple(swapped)


def _returned(module: Module, call: ast.Call, depth: int) -> Names | None:
    """The names that a function of the project returns, in the words of its caller."""
    target = target_of(module, call.func)
    if target is None:
        return None
    names = named(array_type(target.module, target.function.returns))
    if names is None:
        return None
    words = _translation(module, call, target, depth)
    return tuple(words.get(name, name) if name else None for name in names)


def _translation(module: Module, call: ast.Call, target: Target, depth: int) -> dict[str, str]:
    words: dict[str, str] = {}
    for name, argument in zip(target.free, call.args, strict=False):
        if isinstance(argument, ast.Starred):
            break
        parameter = target.function.parameter(name)
        theirs = named(array_type(target.module, parameter.annotation)) if parameter else None
        ours = dimensions_of(module, argument, depth - 1) if theirs else None
        if theirs and ours and len(theirs) == len(ours):
            for their, our in zip(theirs, ours, strict=True):
                if their and our:
                    words.setdefault(their, our)
    return words
