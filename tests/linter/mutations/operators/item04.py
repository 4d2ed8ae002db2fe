"""Item 4: parameters initialised in half precision."""

import ast
from collections.abc import Iterator

from ..mutants import Change, Source, operator

HALF = {"jnp.float32": "jnp.bfloat16", '"float32"': '"bfloat16"'}
POLICY = "a policy's storage dtype may be bfloat16: what the weights are drawn in is float32"


@operator(4, "half-param-dtype")
def param_dtype(source: Source) -> Iterator[Change]:
    """``param_dtype=jnp.float32`` becomes ``param_dtype=jnp.bfloat16``."""
    module = source.module
    assert module.project is not None
    for call in module.nodes(ast.Call):
        for keyword in call.keywords:
            half = HALF.get(source.text(keyword.value))
            if keyword.arg == "param_dtype" and half:
                found = module.project.class_(module.resolve(call.func))
                layer = found is None or module.project.is_nnx_module(*found)
                yield source.replaced(keyword.value, half, "" if layer else POLICY)


@operator(4, "half-default")
def default(source: Source) -> Iterator[Change]:
    """The default of a layer's parameter ``param_dtype`` becomes bfloat16."""
    for function in source.module.functions:
        for each in function.parameters:
            half = HALF.get(source.text(each.default)) if each.default else None
            if each.name == "param_dtype" and half and each.default:
                yield source.replaced(each.default, half)


@operator(4, "half-initial-value")
def initial(source: Source) -> Iterator[Change]:
    """What a parameter is made of is drawn in bfloat16."""
    module = source.module
    for node in module.nodes(ast.Attribute):
        if source.text(node) != "jnp.float32" or not isinstance(module.parent(node), ast.Call):
            continue
        around = module.enclosing_function(node)
        if around is None:
            continue
        calls = [up for up in module.ancestors(node) if isinstance(up, ast.Call)]
        names = [module.resolve(call.func) or "" for call in calls]
        makes = source.text(around.returns) if around.returns else ""
        drawn = names[0].startswith("jax.random.")
        for_parameter = "Param" in makes or (around.owner and around.name == "__init__")
        inside = any(name == "flax.nnx.Param" or name.endswith(".declare") for name in names)
        if inside or (drawn and for_parameter):
            yield source.replaced(node, "jnp.bfloat16")
