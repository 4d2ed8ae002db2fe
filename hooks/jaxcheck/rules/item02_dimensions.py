"""Item 2: the names in shape strings, and their order."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from ..arrays.annotations import array_types
from ..arrays.shapes import Written, project_names, signature_names, written_shapes
from ..arrays.vocabulary import (
    CHANNELS,
    GROUPS,
    HEIGHT,
    SYNONYMS,
    UNSURE,
    WIDTH,
    group,
    meant,
)
from ..catalogue import rule, subjects
from ..findings import Confidence, Finding, Fix
from ..project import Project
from ..source.module import Module
from ..source.scopes import Function

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
