"""Item 11: a training step watches the norm of its gradients."""

import ast
from collections.abc import Iterator

from ..catalogue import rule, subjects
from ..findings import Confidence, Finding, Severity
from ..numerics.finite import named
from ..project import Project
from ..source.module import Module
from ..training.gradient_values import Mark, Norm
from ..training.training_steps import TrainingStep, training_steps

_CLIPS = (
    "clip_by_global_norm", "adaptive_grad_clip", "optax.clip", "clip_by_block_rms", "clip_grad",
    "global_norm_clip",
)  # fmt: skip
_OPTIMIZERS = (
    "optax.adam", "optax.sgd", "optax.chain", "optax.lion", "optax.rmsprop", "optax.adafactor",
    "optax.lamb", "optax.adagrad", "optax.radam", "optax.nadam", "optax.novograd", "optax.sophia",
    "optax.contrib.muon",
)  # fmt: skip


@subjects(11, "training steps with a checked gradient norm")
def steps(module: Module, project: Project) -> Iterator[ast.AST]:
    """The functions that take gradients and apply updates."""
    yield from (step.function.node for step in training_steps(project) if step.module is module)


def _mine(module: Module, project: Project) -> Iterator[TrainingStep]:
    yield from (step for step in training_steps(project) if step.module is module)


def _unwatched(step: TrainingStep) -> Iterator[tuple[ast.AST, Mark]]:
    """Yields the updates by gradients of which no norm is taken, and that code in view keeps."""
    watched = {m.origin for n in step.flow.norms for m in n.marks if m.kind == "grad"}
    seen = set()
    for update, marks in step.flow.updates:
        for mark in marks:
            known = mark.origin in watched | seen | step.flow.escaped
            if mark.kind in ("grad", "clipped") and not known:
                seen.add(mark.origin)
                yield update, mark


def _norms_of(step: TrainingStep, *kinds: str) -> list[Norm]:
    return [n for n in step.flow.norms if any(m.kind in kinds for m in n.marks)]


@rule(
    "JX1101",
    "gradient-norm-missing",
    "A training step applies gradients whose norm nothing looks at.",
    confidences=(Confidence.LIKELY,),
)
def gradient_norm_missing(module: Module, project: Project) -> Iterator[Finding]:
    """Training steps that take no norm of the gradients that they apply."""
    for step in _mine(module, project):
        if step.flow.misnamed or _norms_of(step, "update", "params"):
            continue  # JX1105
        for update, mark in _unwatched(step):
            if not any(m.origin is mark.origin for n in step.flow.norms for m in n.marks):
                yield module.finding(
                    "JX1101",
                    update,
                    f"{step.function.name} applies gradients without computing their norm: an "
                    "exploding or vanishing gradient shows only when the loss is already lost. "
                    'Return "grad_norm": optax.global_norm(grads) with the metrics, or skip '
                    "updates above a threshold.",
                )


@rule(
    "JX1102",
    "gradient-norm-unused",
    "A gradient norm is computed, and nothing reads it.",
    confidences=(Confidence.PROVEN,),
)
def gradient_norm_unused(module: Module, project: Project) -> Iterator[Finding]:
    """Norms that are neither returned, logged, compared nor used to clip."""
    helpers = project.settings.gradient_norm_helpers
    for step in _mine(module, project):
        for norm in _norms_of(step, "grad", "clipped"):
            if isinstance(norm.node, ast.Call) and named(norm.module, norm.node, helpers):
                continue
            name = _dead(norm.module, norm.node)
            if name is None and norm.site is not norm.node:
                name = _dead(module, norm.site) or None  # a bare call may log it itself
            if name is not None:
                here = module.text(norm.site)
                bound = f", bound to {name}," if name else ""
                yield module.finding(
                    "JX1102",
                    norm.site,
                    f"{here}{bound} is read nowhere: under jit XLA removes it, and the step is as "
                    "blind as without. Return it with the metrics, log it or compare it.",
                )


def _dead(module: Module, node: ast.AST) -> str | None:
    """The name that a value is bound to in vain; "" if it is bound to none; None if it is used."""
    parent = module.parent(node)
    if isinstance(parent, ast.Expr):
        return ""
    target: ast.expr | None = None
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        target = parent.targets[0]
    elif isinstance(parent, ast.Tuple):
        outer = module.parent(parent)
        into = outer.targets[0] if isinstance(outer, ast.Assign) else None
        if isinstance(into, ast.Tuple) and len(into.elts) == len(parent.elts):
            target = into.elts[parent.elts.index(node)]  # pyright: ignore[reportArgumentType]
    if not isinstance(target, ast.Name):
        return None
    around = module.enclosing_function(node)
    if around is None or target.id in around.scope.declared:
        return None
    for name in module.nodes(ast.Name):
        read = name.id == target.id and isinstance(name.ctx, ast.Load)
        if read and around.node in module.ancestors(name):
            return None
    return target.id


@rule(
    "JX1103",
    "gradients-unclipped",
    "Gradients are neither clipped by the optimizer nor compared with a threshold.",
    confidences=(Confidence.LIKELY,),
    severity=Severity.WARNING,
)
def gradients_unclipped(module: Module, project: Project) -> Iterator[Finding]:
    """Training steps of projects that build an optimizer without any clipping."""
    mine = [step for step in _mine(module, project) if not step.flow.compared]
    if not mine:
        return
    sources = [m.source for m in project.modules.values() if m.uses_jax and not m.is_test]
    if any(clip in source for source in sources for clip in _CLIPS):
        return
    if not any(optimizer in source for source in sources for optimizer in _OPTIMIZERS):
        return
    for step in mine:
        clipped = any(m.kind == "clipped" for _, marks in step.flow.updates for m in marks)
        if not clipped and not step.flow.escaped & {
            m.origin for _, marks in step.flow.updates for m in marks
        }:
            yield module.finding(
                "JX1103",
                step.update,
                f"{step.function.name} applies gradients of any size: nothing clips them and no "
                "threshold is compared with their norm, so one batch with a norm of 1e6 undoes "
                "the training before it. Put optax.clip_by_global_norm(1.0) first in "
                "optax.chain.",
            )


@rule(
    "JX1104",
    "norm-after-clipping",
    "The only gradient norm is taken after clipping.",
    confidences=(Confidence.LIKELY,),
)
def norm_after_clipping(module: Module, project: Project) -> Iterator[Finding]:
    """Steps whose norms are all of clipped gradients."""
    for step in _mine(module, project):
        for _, mark in _unwatched(step):
            for norm in _norms_of(step, "clipped"):
                if any(m.origin is mark.origin for m in norm.marks):
                    yield module.finding(
                        "JX1104",
                        norm.site,
                        "This norm is taken after clipping, so it never exceeds the clip: a "
                        "gradient of norm 1e6 and one at the limit read the same. Take the norm "
                        "of the gradients before they are clipped.",
                    )


@rule(
    "JX1105",
    "norm-of-something-else",
    "What is watched as gradient norm is the norm of updates or parameters.",
    confidences=(Confidence.LIKELY,),
)
def norm_of_something_else(module: Module, project: Project) -> Iterator[Finding]:
    """Norms called gradient norms that are none, and steps that have no other norm."""
    for step in _mine(module, project):
        reported = False
        for node, marks in step.flow.misnamed:
            reported = True
            yield _something_else(module, step, node, marks)
        if reported:
            continue
        for _ in _unwatched(step):
            for norm in _norms_of(step, "update", "params"):
                if not any(m.kind in ("grad", "clipped") for m in norm.marks):
                    yield _something_else(module, step, norm.site, norm.marks)
            break


def _something_else(
    module: Module, step: TrainingStep, node: ast.AST, marks: frozenset[Mark]
) -> Finding:
    updates = any(m.kind.startswith("update") for m in marks)
    what = "updates" if updates else "parameters"
    why = (
        "Adam divides by the gradient's own size, so the updates of a gradient of 1e-6 and of 1e6 "
        "have the same norm"
        if updates
        else "the weights move by a fraction of a per cent per step, whatever the gradient does"
    )
    return module.finding(
        "JX1105",
        node,
        f"This is the norm of the {what}, not of the gradients, in {step.function.name}: {why}. "
        "Take optax.global_norm of the gradients themselves.",
    )
