"""Item 4: sums in half precision, doubles, and master weights that are lost."""

import ast
from collections.abc import Iterator

from ..arrays.evidence import array_function
from ..catalogue import rule
from ..findings import Confidence, Finding, Severity
from ..numerics.dtypes import HALF, dtype_of, given_dtype, mentions_half
from ..numerics.half_trees import half_tree
from ..project import Project
from ..source.module import Module

_SOFT = frozenset({"softmax", "log_softmax", "logsumexp"})
_SPREAD = frozenset({"var", "std", "norm", "cumsum", "cumprod", "prod", "standardize"})
_MEANS = frozenset({"mean", "sum", "average", "nanmean", "nansum"})
_WIDE = ("float64", "complex128")
_TAKING = ("jax.numpy.", "jax.random.", "jax.nn.", "jax.lax.", "flax.", "optax.")
_CHECKPOINTS = ("orbax.checkpoint.args.", "flax.training.checkpoints.save_checkpoint")


@rule(
    "JX405",
    "reduction-in-half",
    "A softmax, a norm, a loss or a sum is computed of a half-precision array.",
    confidences=(Confidence.LIKELY, Confidence.HEURISTIC),
    severity=Severity.WARNING,
)
def reduction_in_half(module: Module, project: Project) -> Iterator[Finding]:
    """Sensitive functions of arrays whose dtype is known to be bfloat16 or float16."""
    if not mentions_half(project):
        return
    for call in module.nodes(ast.Call):
        last, operand = _reduced(module, call)
        if not last or operand is None or any(k.arg == "dtype" for k in call.keywords):
            continue
        dtype = dtype_of(module, operand)
        if dtype not in HALF:
            continue
        axis = len(call.args) > (1 if operand in call.args else 0) or bool(call.keywords)
        sure = not (last in _MEANS and axis)
        yield module.finding(
            "JX405",
            call,
            f"{_short(module.text(operand))} is {dtype} and {last} of it {_harm(last, dtype)}. "
            "Cast the operand to float32 first, and the result back if need be.",
            confidence=Confidence.LIKELY if sure else Confidence.HEURISTIC,
        )


def _reduced(module: Module, call: ast.Call) -> tuple[str, ast.expr | None]:
    """The name of a sensitive function and its operand."""
    function = call.func
    last = array_function(module.resolve(function))
    if last:
        wanted = last in _SOFT or last in _SPREAD or last in _MEANS
        loss = (module.resolve(function) or "").startswith("optax.")
        return (last, call.args[0]) if call.args and (wanted or loss) else ("", None)
    if isinstance(function, ast.Attribute) and function.attr in _SPREAD | _MEANS:
        return function.attr, function.value
    return "", None


def _harm(last: str, dtype: str) -> str:
    bits = 8 if dtype == "bfloat16" else 11
    if last in _SOFT:
        return f"keeps {bits} significant bits, so probabilities are off by up to several percent"
    if last in ("cumsum", "cumprod", "prod"):
        return f"rounds every intermediate result to {bits} bits"
    if last in _MEANS:
        return f"is rounded to {bits} significant bits" + (
            ": a loss of 2.3026 becomes 2.296875, and smaller changes than 1/128 do not show"
            if dtype == "bfloat16"
            else ""
        )
    return f"keeps {bits} significant bits"


@rule(
    "JX406",
    "double-precision",
    "Arrays are asked to be float64, or jax_enable_x64 is set.",
    confidences=(Confidence.PROVEN,),
)
def double_precision(module: Module, project: Project) -> Iterator[Finding]:
    """Mentions of float64 in calls of JAX, and the switches that make them count."""
    if "64" not in module.source and "complex128" not in module.source:
        return
    for call in module.nodes(ast.Call):
        name = module.resolve(call.func) or ""
        if _switches_on(module, call, name):
            yield module.finding(
                "JX406",
                call,
                "This makes float64 the default of the whole program: every array that says no "
                "dtype takes twice the memory, and accelerators compute float64 at 1/2 to 1/64 of "
                "the speed of float32, or not at all. Compute in float32, and on the host where "
                "digits matter.",
            )
        elif name in ("jax.numpy.float64", "jax.numpy.complex128"):
            yield module.finding("JX406", call, _wide(module.text(call)))
        elif name.startswith(_TAKING) or _is_astype(module, call):
            for given in (given_dtype(module, call), *_dtype_keywords(call)):
                if given is not None and _is_wide(module, given):
                    yield module.finding("JX406", given, _wide(module.text(given)))


def _dtype_keywords(call: ast.Call) -> Iterator[ast.expr]:
    for keyword in call.keywords:
        name = keyword.arg or ""
        if name != "dtype" and (name.endswith("_dtype") or name == "preferred_element_type"):
            yield keyword.value


def _wide(text: str) -> str:
    return (
        f"{text} is float32 unless jax_enable_x64 is set, with a warning at most: the digits that "
        "it asks for are not there. Write float32, or use NumPy on the host."
    )


def _is_wide(module: Module, node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return node.value in _WIDE and isinstance(node.value, str)
    home, _, last = (module.resolve(node) or "").rpartition(".")
    return last in _WIDE and home in ("jax.numpy", "numpy")


def _is_astype(module: Module, call: ast.Call) -> bool:
    """Whether a call casts an array of JAX; NumPy's may be float64 on the host."""
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr != "astype":
        return False
    if any("numpy" in (module.resolve(arg) or "").partition(".")[0] for arg in call.args):
        return False
    return any((module.resolve(arg) or "").startswith("jax.numpy.") for arg in call.args)


def _switches_on(module: Module, call: ast.Call, name: str) -> bool:
    if name == "jax.config.update" and len(call.args) == 2:
        return module.literal(call.args[0]) == "jax_enable_x64" and _is_true(module, call.args[1])
    if name in ("jax.experimental.enable_x64", "jax.enable_x64"):
        return not call.args or _is_true(module, call.args[0])
    return False


def _is_true(module: Module, node: ast.expr) -> bool:
    return module.literal(node) is True


@rule(
    "JX407",
    "half-master-weights",
    "Parameters are cast to half precision and then updated or saved.",
    confidences=(Confidence.LIKELY,),
)
def half_master_weights(module: Module, project: Project) -> Iterator[Finding]:
    """Trees cast to half precision that an optimizer or a checkpoint is given."""
    if not mentions_half(project):
        return
    for call in module.nodes(ast.Call):
        given, what = _kept(module, call)
        cast = half_tree(module, given) if given is not None else None
        if given is not None and cast is not None:
            yield module.finding(
                "JX407",
                given,
                f"{_short(module.text(given))} is cast to half precision, and {what}: in bfloat16 "
                "an update below 1/256 of a weight rounds to nothing, so training stops early. "
                "Keep the float32 parameters here, and cast a copy for the forward pass.",
                related=(module.place(cast, "cast here"),),
            )


def _kept(module: Module, call: ast.Call) -> tuple[ast.expr | None, str]:
    """The tree that a call updates, or keeps."""
    function = call.func
    keywords = {k.arg: k.value for k in call.keywords}
    name = module.resolve(function) or ""
    if name == "optax.apply_updates":
        return (call.args[0] if call.args else keywords.get("params")), "the update is added to it"
    if name.startswith(_CHECKPOINTS):
        at = 1 if name.endswith("save_checkpoint") else 0
        return (call.args[at] if len(call.args) > at else None), "saved"
    if not isinstance(function, ast.Attribute):
        return None, ""
    if function.attr == "update" and len(call.args) + ("params" in keywords) == 3:
        given = call.args[2] if len(call.args) == 3 else keywords["params"]
        return given, "the optimizer updates it"
    if function.attr == "init" and len(call.args) == 1 and not keywords:
        return call.args[0], "the optimizer keeps its moments in the same dtype"
    if function.attr == "create" and "tx" in keywords:
        return keywords.get("params"), "the optimizer updates it"
    return None, ""


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"
