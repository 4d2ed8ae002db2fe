"""Compositions that lose digits, and the functions that compute the same without."""

import ast
from dataclasses import dataclass

from ..findings import Edit, Fix
from ..source.module import Module
from .guards import family, is_shifted, origin, range_of


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A better form of an expression.

    Attributes:
        message: What is lost, and the better form.
        fix: The edit, where the two are equal for all arguments that are spelled out.
    """

    message: str
    fix: Fix | None


def stable_form(module: Module, node: ast.expr) -> Rewrite | None:
    """Returns the better form of `log(softmax(x))`, `log(1 + x)` and their relatives."""
    if isinstance(node, ast.Call):
        callee = node.func
        last = callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", "")
        likely = last == "log" or (last and isinstance(callee, ast.Name))
        return _log(module, node) if likely and _plain(module, node, "log") else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        inner = node.left
        if isinstance(inner, ast.Call) and _is_one(node.right) and _plain(module, inner, "exp"):
            return _expm1(module, node, inner)
    return None


def _log(module: Module, node: ast.Call) -> Rewrite | None:
    operand = node.args[0]
    inner = origin(module, operand)
    direct = inner is operand
    if isinstance(inner, ast.Call) and inner.args:
        name = family(module, inner)
        if name == "softmax" or (name == "sigmoid" and len(inner.args) == 1):
            return _log_of(module, node, inner, name, direct)
        if name == "sum" or (not name and _is_method(inner, "sum")):
            return _logsumexp(module, node, inner, direct)
    if isinstance(inner, ast.Call) and _is_method(inner, "sum"):
        return _logsumexp(module, node, inner, direct)
    if isinstance(operand, ast.BinOp) and isinstance(operand.op, ast.Add | ast.Sub):
        return _log1p(module, node, operand)
    return None


def _log_of(
    module: Module, node: ast.Call, inner: ast.Call, name: str, direct: bool
) -> Rewrite | None:
    text = f"log_{name}"
    plain = {k.arg for k in inner.keywords} <= {"axis"} and len(inner.args) <= 2
    fix = None
    if direct and plain and isinstance(inner.func, ast.Attribute):
        arguments = _between(module, inner)
        fix = _replace(module, node, f"{module.text(inner.func.value)}.{text}({arguments})")
    return Rewrite(
        f"log({name}(x)) is -inf where {name} rounds to 0, 88 below the largest logit in "
        f"float32, and its gradient NaN; jax.nn.{text} gives -88 there.",
        fix,
    )


def _logsumexp(module: Module, node: ast.Call, inner: ast.Call, direct: bool) -> Rewrite | None:
    method = isinstance(inner.func, ast.Attribute) and not family(module, inner)
    summed = inner.func.value if method and isinstance(inner.func, ast.Attribute) else inner.args[0]
    exponential = origin(module, summed)
    if not isinstance(exponential, ast.Call) or not _plain(module, exponential, "exp"):
        return None
    exponent = exponential.args[0]
    if is_shifted(module, exponent) or range_of(module, exponent).high <= 0:
        return None
    rest = inner.args if method else inner.args[1:]
    keywords = inner.keywords
    fix = None
    plain = {k.arg for k in keywords} <= {"axis", "keepdims"} and len(rest) <= 1
    if direct and exponential is summed and plain and _names_jax(module, node):
        arguments = [module.text(exponent), *(f"axis={module.text(a)}" for a in rest)]
        arguments += [f"{k.arg}={module.text(k.value)}" for k in keywords]
        fix = _replace(module, node, f"jax.nn.logsumexp({', '.join(arguments)})")
    return Rewrite(
        "log(sum(exp(x))) is inf as soon as one x is above 88.7 in float32, and -inf where all "
        "are below -88; jax.nn.logsumexp subtracts the largest first and is right for all.",
        fix,
    )


def _log1p(module: Module, node: ast.Call, operand: ast.BinOp) -> Rewrite | None:
    minus = isinstance(operand.op, ast.Sub)
    if _is_one(operand.left):
        other = operand.right
    elif _is_one(operand.right) and not minus:
        other = operand.left
    else:
        return None
    given = range_of(module, other)
    if given.kind != "array" or given.integer:
        return None
    inside = module.text(other)
    base = node.func.value if isinstance(node.func, ast.Attribute) else None
    if isinstance(other, ast.Call) and not minus and _plain(module, other, "exp"):
        text = f"jax.nn.softplus({module.text(other.args[0])})"
        return Rewrite(
            "log(1 + exp(x)) is inf for x above 88.7 in float32, where it should be x, and 0 for "
            f"x below -17; {text} is right for all x.",
            _replace(module, node, text) if _names_jax(module, node) else None,
        )
    if minus:
        atom = isinstance(other, ast.Name | ast.Call | ast.Attribute | ast.Subscript)
        inside = f"-{inside}" if atom else f"-({inside})"
    fix = _replace(module, node, f"{module.text(base)}.log1p({inside})") if base else None
    return Rewrite(
        f"{module.text(node)} is 0 for every x below 6e-8 in float32, because 1 + x rounds to 1: "
        f"write jnp.log1p({inside}), which keeps all digits.",
        fix,
    )


def _expm1(module: Module, node: ast.BinOp, inner: ast.Call) -> Rewrite | None:
    given = range_of(module, inner.args[0])
    if given.kind != "array":
        return None
    argument = module.text(inner.args[0])
    base = inner.func.value if isinstance(inner.func, ast.Attribute) else None
    return Rewrite(
        f"{module.text(node)} is 0 for every {argument} below 6e-8 in float32, because its "
        f"exponential rounds to 1: write jnp.expm1({argument}), which keeps all digits.",
        _replace(module, node, f"{module.text(base)}.expm1({argument})") if base else None,
    )


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value == 1


def _plain(module: Module, node: ast.Call, name: str) -> bool:
    """Whether a call is of a JAX function by that name with one argument and no options."""
    return len(node.args) == 1 and not node.keywords and family(module, node) == name


def _is_method(node: ast.Call, name: str) -> bool:
    return isinstance(node.func, ast.Attribute) and node.func.attr == name


def _between(module: Module, call: ast.Call) -> str:
    parts = [module.text(a) for a in call.args]
    return ", ".join([*parts, *(f"{k.arg}={module.text(k.value)}" for k in call.keywords)])


def _names_jax(module: Module, node: ast.AST) -> bool:
    scope = module.index.scopes.get(node)
    return scope is not None and module.resolve_name("jax", scope) == "jax"


def _replace(module: Module, node: ast.expr, text: str) -> Fix:
    place = module.place(node)
    edit = Edit(place.line, place.column, place.end_line, place.end_column, text)
    return Fix(f"Write {text}", (edit,), safe=True)
