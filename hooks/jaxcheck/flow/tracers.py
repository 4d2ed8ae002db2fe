"""Where tracers get to: from the functions that are transformed along the calls."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..source.scopes import FunctionNode
from ..transforms.tracing import Tracing, traced
from .annotated import annotated
from .values import MADE

if TYPE_CHECKING:
    from .engine import Engine
    from .summary import Edge


@dataclass(eq=False, slots=True)
class Live:
    """Which inputs of a function are tracers.

    Attributes:
        taint: The inputs that are tracers for certain; the bit `MADE` where even constants are.
        raw: The inputs that are tracers or containers of them.
        staged: Whether it runs under a transformation that has no concrete values to test.
            Under `grad` alone there are; under `jit`, `vmap` or in a loop's body there are none.
        assumed: Whether only what it is says that it is traced: the call of a model.
    """

    taint: int = 0
    raw: int = 0
    staged: bool = True
    assumed: bool = False

    def certain(self, taint: int, raw: int) -> bool:
        """Whether a value is a tracer for certain, not perhaps a container of tracers."""
        if taint & (self.taint | self.raw):
            return True
        return raw != 0 and not raw & MADE and not raw & ~self.taint

    def possible(self, raw: int) -> bool:
        """Whether a value may be a tracer or hold some."""
        return raw & (self.taint | self.raw) != 0


def live_inputs(engine: "Engine") -> dict[FunctionNode, Live]:
    """Returns which inputs are tracers, for every function that is ever traced."""
    live = {
        node: root
        for node, tracing in traced(engine.project).items()
        if (root := _root(engine, node, tracing)) is not None
    }
    live.update((node, model) for node, model in _models(engine) if node not in live)
    todo = list(live)
    while todo:
        node = todo.pop()
        summary = engine.summary_of(node)
        todo += [
            edge.callee
            for edge in (summary.edges if summary is not None else ())
            if edge.callee not in engine.on_host and _hand_on(live, live[node], edge)
        ]
    return live


def _root(engine: "Engine", node: FunctionNode, tracing: Tracing) -> Live | None:
    """Returns the tracers of a function that is transformed itself."""
    summary = engine.summary_of(node)
    if summary is None or node in engine.on_host:
        return None
    kinds = {site.transform.kind for site in tracing.sites}
    live = Live(MADE if tracing.staged else 0, staged=kinds - {"grad", "all"} != set())
    decorated = any(site.decorator for site in tracing.sites)
    passed = engine.passed.get(node, set())
    for number, name in enumerate(summary.inputs[: summary.parameters]):
        if name not in tracing.traced or name in tracing.static:
            continue
        parameter = tracing.function.parameter(name)
        if parameter and parameter.default and not decorated and name not in passed:
            continue  # keeps its default, which is no tracer
        says = annotated(summary.module, parameter.annotation if parameter else None)
        if says.array or says.key:
            live.taint |= 2 << number
        elif tracing.certain:
            live.raw |= 2 << number
    return live


def _models(engine: "Engine") -> Iterator[tuple[FunctionNode, Live]]:
    """Yields the calls of models, which some training step traces."""
    for module in engine.project.modules.values():
        for cls in module.classes if module.uses_jax else ():
            method = cls.methods.get("__call__")
            if method is None or engine.summary_of(method.node) is None:
                continue
            if not engine.project.is_nnx_module(module, cls):
                continue
            live = Live(MADE, assumed=True)
            for number, parameter in enumerate(method.parameters):
                says = annotated(module, parameter.annotation)
                if says.array or says.key:
                    live.taint |= 2 << number
            yield method.node, live


def _hand_on(live: dict[FunctionNode, Live], caller: Live, edge: "Edge") -> bool:
    """Hands the tracers of a function on to one that it calls; returns whether that is news."""
    taint = caller.taint & MADE
    raw = 0
    for number, sure, maybe in edge.inputs:
        if caller.certain(sure, maybe):
            taint |= 2 << number
        elif caller.possible(maybe):
            raw |= 2 << number
    known = live.get(edge.callee)
    if known is None:
        if taint or raw:
            live[edge.callee] = Live(taint, raw, caller.staged, caller.assumed)
        return bool(taint or raw)
    before = (known.taint, known.raw, known.staged, known.assumed)
    known.taint |= taint
    known.raw |= raw
    known.staged |= caller.staged
    known.assumed &= caller.assumed
    return before != (known.taint, known.raw, known.staged, known.assumed)
