"""Item 4: parameters start in float32, and the program computes in bfloat16 somewhere."""

import ast
from collections.abc import Iterator

from ..catalogue import rule, subjects
from ..findings import Confidence, Finding
from ..numerics.dtypes import (
    HALF,
    dtype_by_default,
    dtype_named,
    given_dtype,
    is_initializer_name,
    mentions_half,
)
from ..numerics.half_parameters import Start, exempt, half_start, parameters
from ..numerics.parameter_dtypes import LAYERS, deciding, layer_dtypes
from ..project import Project
from ..source.module import Module

_DRAWN = "a normal draw in bfloat16 takes 128 distinct values, none beyond 2.9 standard deviations"
_DRAWN_16 = (
    "a normal draw in float16 takes 1024 distinct values, none beyond 3.5 standard deviations"
)


@subjects(4, "parameters initialised in float32")
def made_parameters(module: Module, project: Project) -> Iterator[ast.AST]:
    """Calls of `nnx.Param`, of functions that return one or hand on its value, and of layers."""
    if module.is_test or exempt(module, project):
        return
    found = {call for call, _ in parameters(module, project)}
    makers = _makers(project)
    for call in module.nodes(ast.Call):
        name = module.resolve(call.func)
        if call in found or name in makers or name in LAYERS:
            yield call


def _makers(project: Project) -> set[str]:
    """The functions that say they return an `nnx.Param`."""
    return {
        f"{module.name}.{function.qualname}"
        for module in project.modules.values()
        if "nnx" in module.source
        for function in module.functions
        if function.returns is not None and module.resolve(function.returns) == "flax.nnx.Param"
    }


@rule(
    "JX401",
    "half-param-dtype",
    "A layer initialises its parameters in half precision.",
    confidences=(Confidence.PROVEN, Confidence.LIKELY, Confidence.HEURISTIC),
    tiers=("static", "trace"),
)
def half_param_dtype(module: Module, project: Project) -> Iterator[Finding]:
    """Half-precision values for `param_dtype`, given or by default."""
    if not mentions_half(project) or exempt(module, project):
        return
    seen: set[ast.expr] = set()
    for call, given in layer_dtypes(module, project):
        if given in seen:
            continue
        seen.add(given)
        dtype = dtype_named(module, given)
        if dtype in HALF:
            yield module.finding("JX401", given, _layer(module.text(call.func), dtype))
        elif dtype is None and (usual := dtype_by_default(module, given)) in HALF:
            yield module.finding(
                "JX401",
                given,
                f"{module.text(given)} is {usual} unless it is configured, and "
                f"{module.text(call.func)} draws its parameters in it: {_why(usual or '')}. Draw "
                "them in float32 and cast them where they are used.",
                confidence=Confidence.HEURISTIC,
            )
    for each in deciding(project).values():
        if module.index.functions.get(each.function.node) is None:
            continue
        for name, place in each.places.items():
            parameter = each.function.parameter(name)
            dtype = dtype_named(module, parameter.default) if parameter else None
            if parameter and parameter.default and dtype in HALF:
                yield module.finding(
                    "JX401",
                    parameter.default,
                    f"{name} is {dtype} unless the caller says otherwise, and parameters are "
                    f"drawn in it: {_why(dtype)}. Make float32 the default and cast where the "
                    "parameters are used.",
                    confidence=Confidence.LIKELY,
                    related=(module.place(place, "decides the dtype here"),),
                )
    yield from _fields(module, project)


def _fields(module: Module, project: Project) -> Iterator[Finding]:
    """Fields named `param_dtype` of modules that are declared like dataclasses."""
    if "param_dtype" not in module.source:
        return
    for each in module.classes:
        field = each.fields.get("param_dtype")
        dtype = dtype_named(module, field.value) if field else None
        if field is None or field.value is None or dtype not in HALF:
            continue
        if project.is_nnx_module(module, each) or "flax.linen.Module" in project.bases(
            module, each
        ):
            yield module.finding(
                "JX401", field.value, _layer(each.name, dtype), confidence=Confidence.LIKELY
            )


def _layer(name: str, dtype: str) -> str:
    return (
        f"{name} draws its parameters in {dtype}: {_why(dtype)}, and an update below 1/256 of a "
        "weight is lost. Write param_dtype=jnp.float32, and dtype=jnp.bfloat16 to compute in "
        "bfloat16."
    )


def _why(dtype: str) -> str:
    return _DRAWN if dtype == "bfloat16" else _DRAWN_16


@rule(
    "JX402",
    "half-initial-value",
    "A parameter is made of a value that starts in half precision.",
    confidences=(Confidence.PROVEN, Confidence.LIKELY),
    tiers=("static", "trace"),
)
def half_initial_value(module: Module, project: Project) -> Iterator[Finding]:
    """Values of `nnx.Param` that are drawn or made in half precision, and such initialisers."""
    if not mentions_half(project) or exempt(module, project):
        return
    for _, value in parameters(module, project):
        start = half_start(module, value)
        if start is not None:
            yield _started(module, value, start)
    for call in module.nodes(ast.Call):
        if is_initializer_name(module.resolve(call.func)):
            dtype = dtype_named(module, given_dtype(module, call))
            if dtype in HALF and not _called_in_param(module, call, project):
                yield module.finding(
                    "JX402",
                    call,
                    f"This initialiser draws in {dtype}: {_why(dtype)}. Leave its dtype out, draw "
                    "in float32, and cast where the parameter is used.",
                    confidence=Confidence.LIKELY,
                )
        elif dtype := _linen_param(module, project, call):
            yield module.finding(
                "JX402",
                call,
                f"This parameter is drawn in {dtype}: {_why(dtype)}. Draw it in float32 and cast "
                "it where it is used.",
                confidence=Confidence.LIKELY,
            )


def _started(module: Module, value: ast.expr, start: Start) -> Finding:
    if start.how == "drawn":
        what = f"This parameter is drawn in {start.dtype}: {_why(start.dtype)}"
        todo = "Draw it in float32, and cast it to bfloat16 afterwards if it is to be stored so."
    elif start.how == "cast":
        what = (
            "This parameter is cast to float16, whose largest number is 65504 and in which "
            "updates below 6e-8 become 0"
        )
        todo = "Keep it in float32, or cast it to bfloat16."
    else:
        what = (
            f"This parameter is made in {start.dtype}, so it and every update of it keep "
            f"{8 if start.dtype == 'bfloat16' else 11} significant bits"
        )
        todo = "Make it in float32, and cast it to bfloat16 where it is used."
    elsewhere = start.module is not module or start.node.lineno != value.lineno
    related = (start.module.place(start.node, f"{start.how} here"),) if elsewhere else ()
    return module.finding("JX402", value, f"{what}. {todo}", related=related)


def _called_in_param(module: Module, call: ast.Call, project: Project) -> bool:
    """Whether an initialiser is called on the spot for a parameter, which is judged already."""
    values = {value for _, value in parameters(module, project)}
    return any(up in values for up in module.ancestors(call))


def _linen_param(module: Module, project: Project, call: ast.Call) -> str | None:
    """The half-precision dtype of `self.param(name, init, shape, dtype)` in a Linen module."""
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr != "param" or len(call.args) < 3:
        return None
    owner = module.enclosing_class(call)
    if owner is None or "flax.linen.Module" not in project.bases(module, owner):
        return None
    dtypes = (dtype_named(module, each) for each in call.args[3:])
    return next((dtype for dtype in dtypes if dtype in HALF), None)


@rule(
    "JX403",
    "parameter-without-dtype",
    "A parameter is drawn without saying its dtype.",
    confidences=(Confidence.LIKELY,),
)
def parameter_without_dtype(module: Module, project: Project) -> Iterator[Finding]:
    """Values of `nnx.Param` whose dtype depends on `jax_enable_x64`."""
    if exempt(module, project):
        return
    for _, value in parameters(module, project):
        made = _made(module, value)
        if made is not None and given_dtype(module, made) is None:
            yield module.finding(
                "JX403",
                made,
                f"{module.text(made.func)} says no dtype: it is float32 today and float64 "
                "wherever jax_enable_x64 is set, which doubles the memory of the parameters. "
                "Write jnp.float32.",
            )


def _made(module: Module, node: ast.expr) -> ast.Call | None:
    """The call that draws or fills an array, which an expression is computed of."""
    if isinstance(node, ast.BinOp):
        return _made(module, node.left) or _made(module, node.right)
    if isinstance(node, ast.Call):
        name = module.resolve(node.func) or ""
        drawn = name.startswith("jax.random.") and name.rpartition(".")[2] in _DRAWS
        return node if drawn or name in ("jax.numpy.zeros", "jax.numpy.ones") else None
    return None


_DRAWS = frozenset({"normal", "uniform", "truncated_normal", "orthogonal"})
