"""Item 2: the names in shape strings, and their order."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from ..annotations import array_types
from ..catalogue import rule, subjects
from ..dimensions import Shape
from ..findings import Confidence, Finding, Fix
from ..project import Project
from ..shapes import Written, project_names, signature_names, written_shapes
from ..source.module import Module
from ..source.scopes import Function
from ..vocabulary import (
    BATCH,
    CHANNELS,
    CONTENT,
    DEVICES,
    GROUPS,
    HEIGHT,
    SEQUENCE,
    SYNONYMS,
    UNSURE,
    WIDTH,
    group,
    meant,
)

# Two names of these within one signature may be two sizes, such as an image before and after.
_SPATIAL = (HEIGHT, WIDTH, CHANNELS)


@subjects(2, "shapes written in the conventions' words and order")
def shape_strings(module: Module, project: Project) -> Iterator[ast.AST]:
    """Every shape string."""
    if not module.is_test:
        yield from (written.node for written in written_shapes(module, project))


@rule(
    "JX201",
    "unknown-dimension",
    "A shape string has a dimension name that neither the conventions nor the settings know.",
    confidences=(Confidence.PROVEN, Confidence.LIKELY),
    in_tests=Confidence.PROVEN,
    fix="safe",
)
def unknown_dimension(module: Module, project: Project) -> Iterator[Finding]:
    """Names outside the vocabulary; those that other projects use are renamed by `--fix`."""
    known = project.settings.vocabulary
    for written in written_shapes(module, project):
        for dimension in written.shape.dimensions:
            for name, offset in dimension.names:
                if name in known or (dimension.variadic and name not in SYNONYMS):
                    continue
                candidates = meant(name, known)
                finding = module.finding(
                    "JX201",
                    written.node,
                    f"{name!r} is no dimension name of the conventions or of this project, so "
                    "nothing ties it to the same size elsewhere: a second spelling of a dimension "
                    f"is a second dimension to jaxtyping. {_advice(name, candidates)}",
                    confidence=Confidence.PROVEN if name in SYNONYMS else Confidence.LIKELY,
                    fix=_renaming(module, project, written, name, offset, candidates),
                )
                yield replace(finding, place=written.place(offset, len(name)))


def _advice(name: str, candidates: tuple[str, ...]) -> str:
    configure = f'add "{name}" to dimensions under [tool.jaxcheck]'
    if not candidates:
        return f"Use a known name, or {configure}."
    return f"Did you mean {' or '.join(map(repr, candidates))}? Else {configure}."


def _renaming(
    module: Module,
    project: Project,
    written: Written,
    name: str,
    offset: int,
    candidates: tuple[str, ...],
) -> Fix | None:
    if len(candidates) != 1:
        return None
    edit = written.edit(offset, len(name), candidates[0])
    if edit is None:
        return None
    safe = name in SYNONYMS and name not in UNSURE
    safe = safe and not _collides(module, project, written.function, name, candidates[0])
    return Fix(f"Rename {name} to {candidates[0]}", (edit,), safe)


def _collides(
    module: Module, project: Project, function: Function | None, name: str, target: str
) -> bool:
    """Whether a name means another dimension already where it would be renamed to."""
    if function is None:
        return bool(
            {target, *_others(project_names(project), name, target)} & project_names(project)
        )
    names = signature_names(module, function)
    annotations = [*(p.annotation for p in function.parameters), function.returns]
    behind_aliases = {
        each
        for annotation in annotations
        for found in array_types(module, annotation)
        if found.node is not found.definition and found.shape
        for dimension in found.shape.dimensions
        for each, _ in dimension.names
    }
    return target in names or name in behind_aliases or bool(_others(names, name, target))


def _others(names: set[str], name: str, target: str) -> set[str]:
    """The other names that would become the same one."""
    return {each for each in names if each != name and SYNONYMS.get(each) == target}


@rule(
    "JX202",
    "batch-not-first",
    "The batch comes after a dimension of its examples.",
    confidences=(Confidence.PROVEN, Confidence.LIKELY, Confidence.HEURISTIC),
    in_tests=Confidence.PROVEN,
)
def batch_not_first(module: Module, project: Project) -> Iterator[Finding]:
    """`"d_model batch"`; what stacks whole batches, such as layers or devices, may come before."""
    for written in written_shapes(module, project):
        before = _before_batch(written.shape)
        content = next((name for name in before if name in CONTENT), None)
        if content and not set(before) & {*SEQUENCE, "max_seq_len"}:
            yield _late_batch(module, written, content, Confidence.PROVEN)
        elif before and not content:
            sure = _contradicted(module, project, written, before[-1])
            if sure is not None:
                yield _late_batch(module, written, before[-1], sure)


def _late_batch(module: Module, written: Written, before: str, confidence: Confidence) -> Finding:
    return module.finding(
        "JX202",
        written.node,
        f'"{written.spec}" has {before!r} before the batch. Code for (batch, ...) takes the wrong '
        "axis of it for the examples, silently where sizes agree. Put the batch first (after "
        "num_gpu, if there is one).",
        confidence=confidence,
    )


def _before_batch(shape: Shape) -> list[str]:
    """The names before the batch; none without a batch."""
    at = shape.index(*BATCH)
    if not at:
        return []
    return [name for each in shape.dimensions[:at] for name, _ in each.names if name not in DEVICES]


def _contradicted(
    module: Module, project: Project, written: Written, before: str
) -> Confidence | None:
    """Whether the rest of the project has a name of its own after the batch, not before."""
    if before == "num_layers":
        return None
    orders = _orders(project)
    if orders[module, "after", before]:
        return Confidence.LIKELY
    outlier = orders[None, "before", before] == 1 and orders[None, "after", before]
    return Confidence.HEURISTIC if outlier else None


def _orders(project: Project) -> Counter[tuple[Module | None, str, str]]:
    """How often each name stands right before and anywhere after the batch: by module, in all."""
    found: Counter[tuple[Module | None, str, str]] | None = project.facts.get("batch orders")
    if found is None:
        found = project.facts["batch orders"] = Counter()
        for module in list(project.modules.values()):
            for written in written_shapes(module, project):
                at = written.shape.index(*BATCH)
                if at is None:
                    continue
                names = written.shape.names
                counted = [("before", name) for name in names[:at][-1:]]
                counted += [("after", name) for name in names[at + 1 :]]
                for side, name in counted:
                    found[module, side, name] += 1
                    found[None, side, name] += 1
    return found


@rule(
    "JX203",
    "image-axes-out-of-order",
    "An image's channels come before its height or width, or its width before its height.",
    confidences=(Confidence.PROVEN,),
    in_tests=Confidence.PROVEN,
)
def image_axes_out_of_order(module: Module, project: Project) -> Iterator[Finding]:
    """`"batch channels height width"` and `"batch width height channels"`."""
    for written in written_shapes(module, project):
        shape = written.shape
        height, width = shape.index(*HEIGHT), shape.index(*WIDTH)
        channels = shape.index(*CHANNELS)
        places = [at for at in (height, width) if at is not None]
        first = bool(places) and channels is not None and channels < max(places)
        turned = height is not None and width is not None and width < height
        if first or turned:
            what = "channels before the image's axes" if first else "width before height"
            yield module.finding(
                "JX203",
                written.node,
                f'"{written.spec}" has {what}. The conventions and nnx.Conv read (batch, height, '
                "width, channels): a convolution of this array mixes pixels as if they were "
                "channels. Reorder the array and its annotation.",
            )


@rule(
    "JX204",
    "two-names-for-one-dimension",
    "A signature, or a module, spells one dimension in two ways.",
    confidences=(Confidence.LIKELY, Confidence.HEURISTIC),
)
def two_names_for_one_dimension(module: Module, project: Project) -> Iterator[Finding]:
    """`batch` and `b` in one signature; image axes twice may be two sizes and are doubtful."""
    mixed: set[tuple[str, ...]] = set()
    if "jaxtyping" not in module.source and "Array" not in module.source:
        return
    for function in module.functions:
        yield from _mixed(module, function, mixed)
    counts = Counter(
        name for written in written_shapes(module, project) for name in written.shape.names if name
    )
    for names in GROUPS:
        rarer = min(names, key=lambda name: counts[name])
        if names in _SPATIAL or names in mixed or not counts[rarer]:
            continue
        usual = next(name for name in names if name != rarer)
        for written in written_shapes(module, project):
            if rarer in written.shape.names:
                yield module.finding(
                    "JX204",
                    written.node,
                    f"This module says {usual!r} {counts[usual]} times and {rarer!r} "
                    f"{counts[rarer]} times for the same dimension. Keep to {usual!r}.",
                    confidence=Confidence.HEURISTIC,
                )
                break


def _mixed(module: Module, function: Function, mixed: set[tuple[str, ...]]) -> Iterator[Finding]:
    first: dict[tuple[str, ...], tuple[str, ast.AST]] = {}
    done: set[tuple[str, ...]] = set()
    for annotation in (*(p.annotation for p in function.parameters), function.returns):
        for found in array_types(module, annotation):
            for name in found.shape.names if found.shape else ():
                names = group(name)
                if len(names) == 1 or names in done:
                    continue
                earlier, where = first.setdefault(names, (name, found.node))
                if earlier == name:
                    continue
                done.add(names)
                mixed.add(names)
                doubtful = names in _SPATIAL and where is not found.node
                yield module.finding(
                    "JX204",
                    found.node,
                    f"{function.name}() says {earlier!r} and {name!r} for the same dimension: "
                    "jaxtyping takes them for two, and does not notice when their sizes differ. "
                    f"Write {earlier!r} in both places.",
                    confidence=Confidence.HEURISTIC if doubtful else Confidence.LIKELY,
                    related=(module.place(where, f"{earlier!r} here"),),
                )


@rule(
    "JX205",
    "sequence-before-batch",
    "The positions of a sequence come before the batch.",
    confidences=(Confidence.PROVEN,),
    in_tests=Confidence.PROVEN,
)
def sequence_before_batch(module: Module, project: Project) -> Iterator[Finding]:
    """`"seq_len batch d_model"`."""
    for written in written_shapes(module, project):
        before = _before_batch(written.shape)
        name = next((name for name in before if name in (*SEQUENCE, "max_seq_len")), None)
        if name is not None:
            yield module.finding(
                "JX205",
                written.node,
                f'"{written.spec}" is time-major: {name!r} stands before the batch. Attention and '
                "losses written for (batch, seq_len, ...) then mix the examples with each other. "
                "Put the batch first.",
            )


@rule(
    "JX207",
    "malformed-shape",
    "jaxtyping cannot read a shape string.",
    confidences=(Confidence.PROVEN,),
    in_tests=Confidence.PROVEN,
)
def malformed_shape(module: Module, project: Project) -> Iterator[Finding]:
    """Commas, doubled marks, several variadic words, and what is neither name nor size."""
    for written in written_shapes(module, project):
        if written.shape.error:
            yield module.finding(
                "JX207",
                written.node,
                f'jaxtyping refuses "{written.spec}": {written.shape.error}. The annotation raises '
                "as soon as it is evaluated or checked. Separate plain names with spaces, such as "
                '"batch seq_len".',
            )
