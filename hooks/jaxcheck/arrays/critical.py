"""Critical functions: those whose shapes must be asserted, by the role that they have."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..project import Project
from ..source.calls import calls_of, inside
from ..source.module import Module
from ..source.scopes import Function
from ..training.training_steps import training_steps
from ..transforms.tracing import traced
from .annotations import Kind, array_types, parts
from .roles import is_layer

_SPEC = re.compile(r"[A-Za-z.]+(,[A-Za-z.]+)+->[A-Za-z.]*")
_CONTRACTIONS = frozenset(
    f"jax.{name}"
    for name in (
        "numpy.einsum", "numpy.matmul", "numpy.dot", "numpy.tensordot", "lax.dot_general",
        "lax.dot", "nn.dot_product_attention",
    )
)  # fmt: skip
_LOSSES = frozenset(
    f"optax.{name}"
    for name in (
        "softmax_cross_entropy", "softmax_cross_entropy_with_integer_labels",
        "sigmoid_binary_cross_entropy", "squared_error", "l2_loss", "huber_loss", "ctc_loss",
        "cosine_distance", "log_cosh", "kl_divergence", "hinge_loss",
    )
)  # fmt: skip
_CONVOLUTIONS = frozenset(
    f"jax.{name}"
    for name in (
        "lax.conv", "lax.conv_general_dilated", "lax.conv_transpose",
        "lax.conv_general_dilated_local",
        "lax.conv_with_general_padding", "scipy.signal.convolve", "scipy.signal.convolve2d",
    )
)  # fmt: skip
_MAPPINGS = frozenset({"builtins.dict", "typing.Mapping", "typing.Dict", "collections.abc.Mapping"})
_RESHAPES = frozenset({"jax.numpy.reshape", "jax.lax.reshape"})


@dataclass(frozen=True, slots=True)
class Critical:
    """A critical function.

    Attributes:
        role: What makes it critical, for the message.
    """

    function: Function
    role: str


def critical_functions(module: Module, project: Project) -> list[Critical]:
    """Returns the critical functions of a module: layers, losses, training steps, contractions."""
    key = ("critical", id(module))
    found: list[Critical] | None = project.facts.get(key)
    if found is None:
        found = project.facts[key] = list(_critical(module, project))
    return found


def _critical(module: Module, project: Project) -> Iterator[Critical]:
    steps = {step.function.node for step in training_steps(project)}
    named = set(project.settings.critical_functions)
    for function in module.functions:
        if isinstance(function.node, ast.Lambda) or function.name.startswith("__init"):
            continue
        if named and named & {
            function.name,
            function.qualname,
            f"{module.name}.{function.qualname}",
        }:
            yield Critical(function, "the project's settings name it")
            continue
        role = _role(module, project, function, steps)
        if role:
            yield Critical(function, role)


def _role(module: Module, project: Project, function: Function, steps: set) -> str:
    if function.node in steps:
        arrays = any(array_types(module, p.annotation) for p in function.parameters)
        return "it is a training step" if arrays else ""
    calls = calls_of(module)[function.node]
    if is_layer(module, project, function):
        if function.name != "__call__" or not _takes_data(function, 2):
            return ""
        shapes = any(
            _contracts(module, c, 1) or _reshapes(module, c) for c in inside(module, function)
        )
        return "it is a layer that contracts or reshapes what it is given" if shapes else ""
    if not _takes_data(function, 1):
        return ""
    if any(_is_loss(module.resolve(c.func) or "") for c in calls):
        return "it is a loss" if _takes_data(function, 2) else ""
    computes = any((module.resolve(c.func) or "").startswith("jax.numpy.") for c in calls)
    if computes and _is_differentiated(project, function) and _takes_data(function, 2):
        return "it is a loss"
    mapping = _mapping(module, function) if computes else ""
    if mapping:
        return f"it takes its arrays out of `{mapping}`, whose shapes no annotation states"
    if function.name.startswith("_") and not function.name.endswith("__"):
        return ""  # a private helper: who calls it asserts
    if any(_contracts(module, c, 3) for c in calls):
        return "it contracts arrays of three and more dimensions"
    return ""


def _mapping(module: Module, function: Function) -> str:
    """Returns the parameter that is a mapping of arrays, of which several are taken by name."""
    for parameter in function.parameters:
        held = [p for p in parts(module, parameter.annotation) if p.container in _MAPPINGS]
        if not any(part.kind in (Kind.ARRAY, Kind.BARE) for part in held):
            continue
        taken = {
            node.slice.value
            for node in module.nodes(ast.Subscript)
            if isinstance(node.slice, ast.Constant)
            and isinstance(node.value, ast.Name)
            and node.value.id == parameter.name
            and module.index.scopes[node] is function.scope
        }
        if len(taken) > 1:
            return parameter.name
    return ""


def _is_loss(name: str) -> bool:
    return name in _LOSSES or (name.startswith("optax.losses.") and name.count(".") == 2)


def _is_differentiated(project: Project, function: Function) -> bool:
    tracing = traced(project).get(function.node)
    return tracing is not None and any(s.transform.kind == "grad" for s in tracing.sites)


def _takes_data(function: Function, least: int) -> bool:
    return len(function.parameters) >= least


def _contracts(module: Module, call: ast.Call, least: int) -> bool:
    """Whether a call contracts two operands that each have so many dimensions."""
    spec = call.args[0] if call.args else None
    if isinstance(spec, ast.Constant) and isinstance(spec.value, str):
        text = spec.value.replace(" ", "")
        if not _SPEC.fullmatch(text):
            return False
        operands = text.partition("->")[0].split(",")
        return sum(len(operand.replace("...", "")) >= least for operand in operands) >= 2
    name = module.resolve(call.func)
    return name in _CONVOLUTIONS or (least == 1 and name in _CONTRACTIONS)


def _reshapes(module: Module, call: ast.Call) -> bool:
    """Whether a call gives an array another number of dimensions, as in splitting heads."""
    if module.resolve(call.func) in _RESHAPES:
        shape = call.args[1:]
    elif isinstance(call.func, ast.Attribute) and call.func.attr == "reshape":
        shape = call.args
    else:
        return False
    if len(shape) == 1 and isinstance(shape[0], ast.Tuple):
        shape = shape[0].elts
    return len(shape) > 2
