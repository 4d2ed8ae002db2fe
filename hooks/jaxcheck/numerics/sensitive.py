"""Numerically sensitive operations: where they are, and what their operand must be."""

import ast
from dataclasses import dataclass
from fnmatch import fnmatch

from ..project import Project
from ..source.bindings import reaching
from ..source.module import Module
from .guards import family, range_of
from .ranges import Range

# What the first operand of a function must be.
_FUNCTIONS = {
    "log": "positive", "log2": "positive", "log10": "positive", "rsqrt": "positive",
    "sqrt": "not negative", "reciprocal": "nonzero", "arccos": "unit", "arcsin": "unit",
    "acos": "unit", "asin": "unit", "arctanh": "open unit", "atanh": "open unit",
    "inv": "regular", "cholesky": "definite", "solve": "regular", "exp": "bounded",
}  # fmt: skip
_SECOND = {"divide": "nonzero", "true_divide": "nonzero", "div": "nonzero"}
_NAMES = {*_FUNCTIONS, *_SECOND, "power", "pow"}
_LARGEST_EXPONENT = 88.0  # exp(88.8) is infinite in float32 and bfloat16


@dataclass(frozen=True, slots=True)
class Sensitive:
    """One operation that makes NaN or infinity of some operand.

    Attributes:
        node: The operation.
        operand: The operand that decides.
        name: `division`, `power` or the function's name.
        needs: What the operand must be.
        range: What is known of the operand.
    """

    node: ast.expr
    operand: ast.expr
    name: str
    needs: str
    range: Range

    @property
    def guarded(self) -> bool:
        """Whether the operand is known to be what it must be, or is no array at all."""
        given, needs = self.range, self.needs
        if given.assumed or given.kind == "static":
            return True
        if needs == "positive":
            return given.low > 0
        if needs == "not negative":
            return given.low >= 0
        if needs == "nonzero":
            return given.is_nonzero
        if needs == "unit":
            return given.low >= -1 and given.high <= 1
        if needs == "open unit":
            return given.low > -1 and given.high < 1
        if needs == "bounded":
            return given.high < _LARGEST_EXPONENT
        return False


def sensitive(module: Module) -> list[Sensitive]:
    """Returns the sensitive operations of a module in which an array may be the operand."""
    assert module.project is not None
    key = ("sensitive", id(module))
    found: list[Sensitive] | None = module.project.facts.get(key)
    if found is None:
        found = [*_calls(module), *_operators(module)]
        module.project.facts[key] = found
    return found


def in_scope(module: Module, project: Project) -> bool:
    """Whether every sensitive operation of a module must be guarded or checked.

    The settings name such modules; where they name none, it is those with annotated arrays.
    """
    patterns = project.settings.numerics_modules
    if patterns:
        return any(fnmatch(module.relative, pattern) for pattern in patterns)
    return "jaxtyping" in module.source


def _calls(module: Module) -> list[Sensitive]:
    found = []
    for call in module.nodes(ast.Call):
        callee = call.func
        last = callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", "")
        if last not in _NAMES and not isinstance(callee, ast.Name):
            continue
        name = family(module, call)
        if name in _FUNCTIONS and call.args:
            needs, operand = _FUNCTIONS[name], call.args[0]
            if needs in ("definite", "regular") and _has_jitter(module, operand):
                continue
            found.append(Sensitive(call, operand, name, needs, range_of(module, operand)))
        elif name in _SECOND and len(call.args) > 1:
            operand = call.args[1]
            found.append(Sensitive(call, operand, "division", "nonzero", range_of(module, operand)))
        elif name in ("power", "pow") and len(call.args) > 1:
            found += _power(module, call, call.args[0], call.args[1])
    return found


def _operators(module: Module) -> list[Sensitive]:
    found = []
    for node in module.nodes(ast.BinOp):
        if isinstance(node.op, ast.Div) and not isinstance(node.right, ast.Constant):
            given = range_of(module, node.right)
            if given.kind == "array":
                found.append(Sensitive(node, node.right, "division", "nonzero", given))
        elif isinstance(node.op, ast.Pow):
            found += _power(module, node, node.left, node.right)
    return found


def _power(module: Module, node: ast.expr, base: ast.expr, exponent: ast.expr) -> list[Sensitive]:
    value = module.literal(exponent)
    if not isinstance(value, int | float) or (value > 0 and float(value).is_integer()):
        return []
    given = range_of(module, base)
    if given.kind != "array" or value == 0:
        return []
    needs = "not negative" if value > 0 else "nonzero"
    if value < 0 and not float(value).is_integer():
        needs = "positive"
    return [Sensitive(node, base, "power", needs, given)]


def _has_jitter(module: Module, operand: ast.expr, depth: int = 3) -> bool:
    """Whether a matrix is a sum with a multiple of the identity."""
    for node in ast.walk(operand):
        if isinstance(node, ast.Call) and family(module, node) in ("eye", "identity", "diag"):
            return True
        if isinstance(node, ast.Name) and depth > 0:
            for bound in reaching(module, node):
                value = bound.value if bound.value is not operand else None
                if value is not None and _has_jitter(module, value, depth - 1):
                    return True
    return False
