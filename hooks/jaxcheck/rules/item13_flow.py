"""Beyond the checklist: side effects in traced code, waiting for the device, donated buffers."""

from collections.abc import Iterator

from ..catalogue import rule
from ..findings import Confidence, Finding
from ..flow.effects import effects_of
from ..flow.engine import Engine
from ..flow.values import MADE
from ..project import Project
from ..source.module import Module
from ..transforms.tracing import traced

_BOTH = (Confidence.PROVEN, Confidence.LIKELY)


@rule(
    "JX1303",
    "side-effect-in-traced-code",
    "Traced code prints, logs, reads the clock or changes what lives outside.",
    profile="bugs",
    confidences=(*_BOTH, Confidence.HEURISTIC),
    tiers=("static", "trace"),
)
def side_effect(module: Module, project: Project) -> Iterator[Finding]:
    """Finds what happens at trace time only, though it is written to happen at every call."""
    engine = Engine.of(project)
    live, direct = engine.live(), traced(project)
    for summary in engine.summaries(module):
        assert summary.function is not None
        node = summary.function.node
        if node not in live or not live[node].taint & MADE:
            continue
        for effect in effects_of(module, summary.function):
            if effect.owner in live and node not in direct:
                continue  # called within the same trace: an accumulator, not a leak
            certain = Confidence.PROVEN if node in direct else Confidence.LIKELY
            if effect.harmless and not summary.stored.get(effect.node, 0):
                certain = (
                    Confidence.HEURISTIC
                )  # nothing traced takes part: perhaps that is what is wanted
            yield module.finding(
                "JX1303",
                effect.node,
                f"`{summary.function.name}` is traced and {effect.what}: that happens once, while "
                f"tracing, not at each call. To do it at each call, {effect.advice}.",
                confidence=certain,
            )


@rule(
    "JX1304",
    "host-sync-in-hot-loop",
    "A loop waits in each iteration for what its compiled step returns.",
    profile="bugs",
    confidences=(Confidence.LIKELY,),
)
def host_sync(module: Module, project: Project) -> Iterator[Finding]:
    """Finds conversions of a compiled step's results in the loop that calls it."""
    engine = Engine.of(project)
    for summary in (*engine.summaries(module), engine.module_summary(module)):
        for node, text in summary.syncs if summary else ():
            yield module.finding(
                "JX1304",
                node,
                f"`{text}` waits for the device in every iteration, so the next step is not "
                f"dispatched while this one runs. Read results one step late, or only every n "
                f"steps.",
            )


@rule(
    "JX1305",
    "use-after-donation",
    "A buffer is used after it was donated.",
    profile="bugs",
    confidences=_BOTH,
)
def use_after_donation(module: Module, project: Project) -> Iterator[Finding]:
    """Finds uses of arguments that a compiled call has taken over."""
    engine = Engine.of(project)
    seen: set[object] = set()
    for summary in (*engine.summaries(module), engine.module_summary(module)):
        for node, site in summary.donations if summary else ():
            if node in seen:
                continue
            seen.add(node)
            yield module.finding(
                "JX1305",
                node,
                f"`{module.text(node)}` was donated: its buffer now belongs to the result, and "
                f"reading it raises RuntimeError. Rebind the name to the result, or do not donate.",
                confidence=Confidence.PROVEN if not site.guards else Confidence.LIKELY,
                related=(module.place(site.node, "donated here"),),
            )
