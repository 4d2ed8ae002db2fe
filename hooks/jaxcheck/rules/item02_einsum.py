"""Item 2: einsums whose letters contradict the annotated order of their operands."""

import ast
from collections.abc import Iterator

from ..arrays.annotations import array_type
from ..arrays.dimensions_of import Einsum, Names, dimensions_of, einsum, named, root_einsum
from ..arrays.vocabulary import BATCH, CHANNELS, HEIGHT, WIDTH, group
from ..catalogue import rule
from ..findings import Confidence, Finding
from ..project import Project
from ..source.module import Module

_IMAGE = {"b": BATCH, "h": HEIGHT, "w": WIDTH, "c": CHANNELS}


@rule(
    "JX208",
    "einsum-contradicts-annotation",
    "The letters of an einsum do not fit the annotated dimensions of its operands or its result.",
    confidences=(Confidence.PROVEN, Confidence.LIKELY, Confidence.HEURISTIC),
    in_tests=Confidence.PROVEN,
)
def einsum_contradicts_annotation(module: Module, project: Project) -> Iterator[Finding]:
    """One finding at most per einsum: in its operands, else in what the function returns of it."""
    if not _has_specs(module):
        return
    reported: set[ast.AST] = set()
    for call in module.nodes(ast.Call):
        found = einsum(module, call)
        if found is None:
            continue
        finding = _operands(module, found)
        if finding is not None:
            reported.add(call)
            yield finding
    for statement in module.nodes(ast.Return):
        found = root_einsum(module, statement.value) if statement.value is not None else None
        if found is not None and found.node not in reported and statement.value is not None:
            finding = _result(module, found, statement, statement.value)
            if finding is not None:
                yield finding


def _has_specs(module: Module) -> bool:
    """Whether a module names einsum, or holds a string like those that einsum takes."""
    return "einsum" in module.source or any(
        isinstance(node.value, str) and "->" in node.value and "," in node.value
        for node in module.nodes(ast.Constant)
    )


def _operands(module: Module, found: Einsum) -> Finding | None:
    letters: dict[str, tuple[str, ast.expr]] = {}
    doubt: Finding | None = None
    for term, operand in zip(found.terms, found.operands, strict=True):
        if "." in term:
            continue
        names = dimensions_of(module, operand)
        if names is None:
            if term.endswith("chw") and len(term) == 4:
                doubt = _channels_first(module, found, term)
            continue
        if len(names) != len(term):
            return module.finding(
                "JX208",
                found.spec,
                f"{term!r} has {len(term)} letters, and {module.text(operand)} is annotated with "
                f"{len(names)} axes ({_spelt(names)}): einsum raises when this is traced. Make the "
                "letters and the annotation agree.",
            )
        transposed = _transposed_image(term, names)
        if transposed:
            return module.finding(
                "JX208",
                found.spec,
                f"{term!r} reads {module.text(operand)} as if its axes were in another order than "
                f"annotated ({_spelt(names)}): the letter "
                f"{transposed[0]!r} stands at {transposed[1]!r}. "
                "Write the letters in the order of the annotation.",
                confidence=Confidence.LIKELY,
            )
        for letter, name in zip(term, names, strict=True):
            if name is None:
                continue
            earlier, where = letters.setdefault(letter, (name, operand))
            if group(earlier) != group(name):
                return module.finding(
                    "JX208",
                    found.spec,
                    f"The letter {letter!r} is {earlier!r} of {module.text(where)} and {name!r} of "
                    f"{module.text(operand)}: einsum ties two dimensions that the "
                    "annotations tell apart, and only equal sizes hide it. Correct the letters "
                    "or the annotations.",
                    confidence=Confidence.LIKELY,
                )
    return doubt


def _channels_first(module: Module, found: Einsum, term: str) -> Finding:
    return module.finding(
        "JX208",
        found.spec,
        f"{term!r} reads like an image with its channels first. The conventions keep images as "
        "(batch, height, width, channels): write 'bhwc', or other letters if this is no image.",
        confidence=Confidence.HEURISTIC,
    )


def _transposed_image(term: str, names: Names) -> tuple[str, str] | None:
    """Returns a letter of an image, and the other image dimension that it stands at."""
    groups = [group(name) if name else () for name in names]
    if not {HEIGHT, WIDTH} <= set(groups):
        return None
    for letter, name, here in zip(term, names, groups, strict=True):
        said = _IMAGE.get(letter)
        if said is not None and name and here in _IMAGE.values() and here != said:
            return letter, name
    return None


def _result(
    module: Module, found: Einsum, statement: ast.Return, value: ast.expr
) -> Finding | None:
    around = module.enclosing_function(statement)
    annotation = around.returns if around is not None else None
    claimed = named(array_type(module, annotation))
    names = dimensions_of(module, value)
    if around is None or annotation is None or claimed is None or names is None:
        return None
    related = (module.place(annotation, "annotated here"),)
    if len(names) != len(claimed):
        return module.finding(
            "JX208",
            found.spec,
            f"The einsum gives {len(names)} axes ({found.out!r}), and {around.name}() is annotated "
            f"to return {len(claimed)} ({_spelt(claimed)}). Correct the letters or the annotation.",
            related=related,
        )
    for letter, name, claim in zip(found.out, names, claimed, strict=False):
        if name and claim and group(name) != group(claim):
            return module.finding(
                "JX208",
                found.spec,
                f"The letter {letter!r} of the result is {name!r} by its operands, "
                f"and {around.name}() is annotated to return {claim!r} there ({_spelt(claimed)}): "
                "the axes are swapped or misnamed. Correct the letters or the annotation.",
                confidence=Confidence.LIKELY,
                related=related,
            )
    return None


def _spelt(names: Names) -> str:
    return " ".join(name or "_" for name in names)
