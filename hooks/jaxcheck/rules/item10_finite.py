"""Item 10: numerically sensitive operations are guarded, or what comes of them is checked."""

import ast
from collections.abc import Iterator

from ..catalogue import rule, subjects
from ..findings import Confidence, Finding, Severity
from ..numerics.finite import checked
from ..numerics.guards import family, origin, range_of
from ..numerics.rewrites import stable_form
from ..numerics.sensitive import Sensitive, in_scope, sensitive
from ..project import Project
from ..source.module import Module
from ..training.differentiated import is_differentiated
from ..training.training_steps import training_steps

_BROKEN = {
    "log": "is -inf where {0} is 0, and NaN below",
    "log2": "is -inf where {0} is 0, and NaN below",
    "log10": "is -inf where {0} is 0, and NaN below",
    "rsqrt": "is inf where {0} is 0, and NaN below",
    "sqrt": "is NaN where {0} is negative, if only by rounding",
    "reciprocal": "is inf where {0} is 0",
    "division": "is inf or NaN where {0} is 0",
    "power": "is inf where {0} is 0, and NaN below if the exponent is a fraction",
    "arccos": "is NaN where rounding puts {0} outside [-1, 1], such as at 1.0000001",
    "arcsin": "is NaN where rounding puts {0} outside [-1, 1], such as at 1.0000001",
    "arctanh": "is inf where {0} is 1 or -1, and NaN beyond",
    "inv": "is inf or NaN where {0} is singular",
    "solve": "is inf or NaN where {0} is singular",
    "cholesky": "is NaN where rounding makes {0} indefinite",
    "exp": "is inf where {0} is above 88.7 in float32",
}
_WAYS = {
    "positive": "add an epsilon, or take jnp.maximum({0}, eps)",
    "not negative": "take jnp.maximum({0}, 0), or add an epsilon",
    "nonzero": "divide by jnp.where({0} != 0, {0}, 1), or add an epsilon",
    "unit": "take jnp.clip({0}, -1, 1)",
    "open unit": "take jnp.clip({0}, -1 + eps, 1 - eps)",
    "regular": "add a small multiple of the identity to it",
    "definite": "add a small multiple of the identity to it",
    "bounded": "subtract the maximum, or bound it with jnp.minimum",
}
_ALIASES = {"acos": "arccos", "asin": "arcsin", "atanh": "arctanh"}


@subjects(10, "sensitive operations and training steps guarded or checked")
def sensitive_operations(module: Module, project: Project) -> Iterator[ast.AST]:
    """Sensitive operations on arrays where they must be guarded, and training steps."""
    if in_scope(module, project) and not module.is_test:
        yield from (each.node for each in sensitive(module) if each.range.kind == "array")
    yield from (step.function.node for step in training_steps(project) if step.module is module)


@rule(
    "JX1001",
    "unguarded-operation",
    "A sensitive operation, such as log or a division, is neither guarded nor checked.",
    confidences=(Confidence.LIKELY, Confidence.HEURISTIC),
    severity=Severity.WARNING,
)
def unguarded_operation(module: Module, project: Project) -> Iterator[Finding]:
    """Operations on arrays that may leave their domain, in modules of numerics."""
    if not in_scope(module, project):
        return
    for each in sensitive(module):
        if each.guarded or each.range.kind != "array" or _decays(each):
            continue
        if _in_where(module, each) is not None or stable_form(module, each.node) is not None:
            continue  # JX1002 and JX1003 say more
        if checked(module, module.enclosing_function(each.node), project):
            continue
        name = "sqrt" if each.needs == "not negative" else _ALIASES.get(each.name, each.name)
        operand = _short(module.text(each.operand))
        yield module.finding(
            "JX1001",
            each.node,
            f"{_short(module.text(each.node))} {_BROKEN[name].format(operand)}, and nothing "
            f"guards or checks it. {_sentence(_WAYS[each.needs].format(operand))}, or check the "
            "result with jnp.isfinite.",
            confidence=Confidence.HEURISTIC if each.needs == "bounded" else Confidence.LIKELY,
        )


@rule(
    "JX1002",
    "nan-gradient-of-where",
    "jnp.where selects away a value whose gradient is still NaN.",
    confidences=(Confidence.LIKELY, Confidence.HEURISTIC),
    severity=Severity.WARNING,
)
def nan_gradient_of_where(module: Module, project: Project) -> Iterator[Finding]:
    """Sensitive operations in a branch of `where` whose condition protects the value only."""
    if "where(" not in module.source and "select(" not in module.source:
        return
    for each in sensitive(module):
        call = _in_where(module, each)
        root = each.needs == "not negative"  # its derivative is inf at 0
        safe = each.range.is_positive or each.range.integer if root else each.guarded
        if call is None or safe or each.range.kind == "static" or each.needs == "bounded":
            continue
        operand, name = _short(module.text(each.operand)), each.name
        sure = in_scope(module, project) or is_differentiated(module, call, project)
        yield module.finding(
            "JX1002",
            call,
            f"The value is safe, its gradient is not: where {operand} leaves the domain of "
            f"{name}, the derivative of {name} is inf or NaN, and the 0 that jnp.where passes "
            f"back times that is NaN. Put a second jnp.where inside, around {operand}, that gives "
            f"{name} a harmless value such as 1.",
            confidence=Confidence.LIKELY if sure else Confidence.HEURISTIC,
        )


@rule(
    "JX1003",
    "unstable-composition",
    "A composition, such as log of softmax, for which JAX has a function that loses no digits.",
    confidences=(Confidence.PROVEN,),
    severity=Severity.WARNING,
    fix="safe",
)
def unstable_composition(module: Module, project: Project) -> Iterator[Finding]:
    """`log(softmax(x))`, `log(sum(exp(x)))`, `log(1 + x)` and `exp(x) - 1`."""
    for kind in (ast.Call, ast.BinOp):
        for node in module.nodes(kind):
            found = stable_form(module, node)
            if found is not None:
                yield module.finding("JX1003", node, found.message, fix=found.fix)


@rule(
    "JX1004",
    "gradient-at-zero",
    "A norm or square root is differentiated where it may be 0.",
    confidences=(Confidence.LIKELY,),
    severity=Severity.WARNING,
)
def gradient_at_zero(module: Module, project: Project) -> Iterator[Finding]:
    """Norms, standard deviations and roots of what may be 0, in differentiated code."""
    for call in module.nodes(ast.Call):
        name = family(module, call)
        if name not in ("norm", "std", "sqrt") or not call.args:
            continue
        given = range_of(module, call.args[0])
        if given.kind != "array" or given.integer or given.assumed:
            continue
        if name == "sqrt" and not (given.low == 0 and given.high > 0):
            continue
        if name == "norm" and given.is_nonzero:
            continue
        if not is_differentiated(module, call, project) or _stopped(module, call):
            continue
        if name == "sqrt" and any(
            s.node is call and _in_where(module, s) for s in sensitive(module)
        ):
            continue  # JX1002 says more
        operand = _short(module.text(call.args[0]))
        inside = "sqrt(sum(x**2) + eps)" if name == "norm" else "sqrt(… + eps)"
        yield module.finding(
            "JX1004",
            call,
            f"The gradient of {_short(module.text(call))} is NaN where {_zero(name, operand)}, "
            "and one NaN in a batch makes every weight NaN. An epsilon outside does not help; "
            f"write {inside}" + (", or optax.safe_norm." if name == "norm" else "."),
        )


@rule(
    "JX1005",
    "unchecked-training-step",
    "A training step applies its update without checking loss or gradients for NaN and infinity.",
    confidences=(Confidence.LIKELY,),
)
def unchecked_training_step(module: Module, project: Project) -> Iterator[Finding]:
    """Training steps that neither check, nor are called by what checks."""
    for step in training_steps(project):
        if step.module is module and not step.finite and not module.is_test:
            yield module.finding(
                "JX1005",
                step.update,
                f"{step.function.name} applies its update whatever the loss is: after one NaN "
                "gradient every weight and optimizer moment is NaN, for good. Skip the update "
                "unless jnp.isfinite(loss) and the gradient norm is finite, or wrap the "
                "optimizer in optax.apply_if_finite.",
            )


def _in_where(module: Module, each: Sensitive) -> ast.Call | None:
    """The `where` in whose branch an operation stands, if its condition is about the operand."""
    node: ast.AST = each.node
    for up in module.ancestors(node):
        if isinstance(up, ast.stmt | ast.Lambda):
            return None
        call = up if isinstance(up, ast.Call) and node in up.args[1:3] else None
        if call and len(call.args) >= 3 and family(module, call) in ("where", "select"):
            condition = _names(origin(module, call.args[0])) | _names(call.args[0])
            return call if condition & _names(each.operand) else None
        node = up
    return None


def _names(node: ast.expr) -> set[str]:
    found = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            found.add(each.id)
        elif isinstance(each, ast.Attribute):
            found.add(f".{each.attr}")
    return found - {"jnp", "jax", "self", ".shape", ".dtype", "np", "lax", ".numpy", ".lax"}


def _decays(each: Sensitive) -> bool:
    """Whether an exponential is one of a negated value, such as a decay over time."""
    minus = isinstance(each.operand, ast.UnaryOp) and isinstance(each.operand.op, ast.USub)
    return each.needs == "bounded" and minus


def _stopped(module: Module, call: ast.Call) -> bool:
    """Whether the gradient is stopped around a call, in its own statement."""
    for up in module.ancestors(call):
        if isinstance(up, ast.stmt):
            return False
        if isinstance(up, ast.Call) and family(module, up) == "stop_gradient":
            return True
    return False


def _zero(name: str, operand: str) -> str:
    if name == "std":
        return f"all of {operand} is equal"
    return f"{operand} is {'all zeros' if name == 'norm' else '0'}"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
