"""Item 6: the instance of a jitted method is an argument like any other."""

from collections.abc import Iterator

from ..catalogue import rule
from ..findings import Confidence, Finding
from ..project import Project
from ..source.module import Module
from ..transforms.jitted import named_jits
from ..transforms.pytrees import is_registered


@rule(
    "JX608",
    "jit-on-method",
    "A method is jitted whose instance is neither static nor a pytree.",
    profile="bugs",
    confidences=(Confidence.PROVEN,),
    in_tests=Confidence.PROVEN,
)
def jit_on_method(module: Module, project: Project) -> Iterator[Finding]:
    """Finds decorated methods of classes that JAX does not know."""
    for site in named_jits(module):
        if not site.decorator or site.target is None or site.name.startswith("flax.nnx."):
            continue
        function, static = site.target.function, site.static
        cls = function.owner
        if cls is None or not function.is_method or not function.parameters or static is None:
            continue
        if list(project.bases(module, cls)) or cls.node.bases or cls.node.decorator_list:
            continue  # any of them may make it a pytree
        if cls.node.keywords or is_registered(project, module, cls):
            continue
        instance = function.parameters[0].name
        if instance in static or len(function.decorators) > 1:
            continue
        yield module.finding(
            "JX608",
            site.node,
            f"`{instance}` of `{cls.qualname}.{function.name}` is a traced argument, but no array "
            f"and no pytree: calling it raises TypeError. Jit a function of the arrays that it "
            f"needs, register the class (`jax.tree_util.register_dataclass`), or, where instances "
            f"never change, say `static_argnames=({instance!r},)` and give it `__hash__` and "
            f"`__eq__`.",
        )
