"""Item 1: every array in a signature or a field has a dtype and a shape."""

import ast
from collections.abc import Iterator

from ..arrays.annotations import Kind, dtype_class
from ..arrays.array_uses import uses
from ..arrays.signatures import Missing, Signature, annotates_numpy, bare, signatures
from ..catalogue import rule, subjects
from ..findings import Confidence, Finding, Place
from ..project import Project
from ..source.module import Module


@subjects(1, "array functions annotated")
def array_functions(module: Module, project: Project) -> Iterator[ast.AST]:
    """Functions that take or return arrays."""
    if not module.is_test:
        yield from (signature.function.node for signature in signatures(module, project))


@rule(
    "JX101",
    "unannotated-array-parameter",
    "A parameter that is used as an array has no annotation.",
    confidences=(Confidence.LIKELY,),
)
def unannotated_array_parameter(module: Module, project: Project) -> Iterator[Finding]:
    """Parameters without annotation, or annotated `Any`, that the body takes for arrays."""
    for signature, missing in _missing(module, project, "parameter", "key"):
        if missing.written is not None:
            continue
        wanted = "PRNGKeyArray" if missing.kind == "key" else 'Float[Array, "batch d_model"]'
        what = "a PRNG key" if missing.kind == "key" else "an array"
        yield module.finding(
            "JX101",
            missing.node,
            f"{signature.function.name}() uses {missing.name!r} as {what}, and nothing says so: "
            "neither the reader nor the import hook learns its dtype and shape. Annotate it, such "
            f"as `{missing.name}: {wanted}`.",
            related=_reason(module, missing, "used here"),
        )
    yield from _lambdas(module, project)


def _lambdas(module: Module, project: Project) -> Iterator[Finding]:
    """Lambdas bound to names of a module, which cannot be annotated."""
    numpy = annotates_numpy(module, project)
    for name, value in module.index.module_scope.aliases.items():
        if not isinstance(value, ast.Lambda):
            continue
        function = module.function(value)
        for parameter in function.parameters:
            used = uses(module, function, parameter, numpy)
            if used.array is not None and not used.other:
                yield module.finding(
                    "JX101",
                    value,
                    f"The lambda {name!r} uses {parameter.name!r} as an array, and a lambda cannot "
                    "say with which dtype and shape. Write a def with annotations.",
                )
                break


@rule(
    "JX102",
    "unannotated-array-return",
    "A function that returns an array has no return annotation.",
    confidences=(Confidence.LIKELY,),
)
def unannotated_array_return(module: Module, project: Project) -> Iterator[Finding]:
    """Functions without return annotation, of which some return gives an array."""
    for signature, missing in _missing(module, project, "return"):
        yield module.finding(
            "JX102",
            missing.node,
            f"{signature.function.name}() returns an array, and its signature says neither dtype "
            "nor shape, so a transposed or promoted result passes unnoticed. Annotate it, such as "
            '`-> Float[Array, "batch d_model"]`.',
            related=_reason(module, missing, "returned here"),
        )


@rule(
    "JX103",
    "array-without-shape",
    "An annotation says array, and neither dtype nor shape.",
    confidences=(Confidence.PROVEN, Confidence.LIKELY, Confidence.HEURISTIC),
)
def array_without_shape(module: Module, project: Project) -> Iterator[Finding]:
    """Bare `jax.Array` and the like in signatures and in the fields of classes."""
    for _, missing in _missing(module, project, "shape"):
        written = missing.written
        if written is None:
            continue
        whose = f"the parameter {missing.name!r}" if missing.name else "what is returned"
        if written.kind is Kind.TREE:
            yield module.finding(
                "JX103",
                missing.node,
                f"The annotation of {whose} says tree, and the function takes entries of it by "
                'name. Say what they are, such as `dict[str, Float[Array, "..."]]`.',
                confidence=missing.confidence,
            )
        else:
            yield _bare(module, missing.node, whose, missing.confidence)
    numpy = annotates_numpy(module, project)
    for found in module.classes:
        for name, field in found.fields.items():
            array = bare(module, field.annotation, numpy)
            if array is not None:
                yield _bare(module, array.node, f"the field {name!r}", Confidence.PROVEN)


def _bare(module: Module, node: ast.AST, whose: str, confidence: Confidence) -> Finding:
    return module.finding(
        "JX103",
        node,
        f"The annotation `{module.text(node)}` of {whose} names an array without dtype and shape: "
        "any array of any rank passes. Say both, such as "
        '`Float[Array, "batch d_model"]`, or `Float[Array, "..."]` where any shape is meant.',
        confidence=confidence,
    )


@rule(
    "JX104",
    "array-type-without-shape-string",
    "An array type is subscripted with something else than an array type and a shape string.",
    confidences=(Confidence.PROVEN,),
    in_tests=Confidence.PROVEN,
)
def array_type_without_shape_string(module: Module, project: Project) -> Iterator[Finding]:
    """`Float[Array]`, `Float["batch"]` and `Float[Array, batch]`."""
    for node in module.nodes(ast.Subscript):
        dtype = dtype_class(module, node.value)
        if dtype is None or not isinstance(node.ctx, ast.Load):
            continue
        inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if len(inside) == 2 and not _is_no_string(module, inside[1]):
            continue
        if len(inside) == 1 and isinstance(inside[0], ast.Starred):
            continue
        yield module.finding(
            "JX104",
            node,
            f"`{module.text(node)}` has no shape string: jaxtyping raises when the annotation is "
            "evaluated, and never checks it where it is not. Write the array type and the "
            f'dimensions, such as `{dtype}[Array, "batch d_model"]`.',
        )


def _is_no_string(module: Module, node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        value = module.literal(node)
        bound = module.resolve(node) is not None or _is_bound(module, node)
        return not bound or (value is not None and not isinstance(value, str))
    if isinstance(node, ast.Constant):
        return not isinstance(node.value, str)
    return isinstance(node, ast.Tuple | ast.List | ast.Slice)


def _is_bound(module: Module, node: ast.Name) -> bool:
    scope = module.index.scopes.get(node)
    while scope is not None:
        if node.id in scope.bound:
            return True
        scope = scope.parent
    return False


@rule(
    "JX105",
    "key-typed-as-array",
    "A PRNG key is annotated as an array of numbers.",
    confidences=(Confidence.PROVEN,),
)
def key_typed_as_array(module: Module, project: Project) -> Iterator[Finding]:
    """Parameters given to `jax.random`, and returned keys, that are annotated otherwise."""
    for signature, missing in _missing(module, project, "key"):
        if missing.written is None:
            continue
        what = f"the parameter {missing.name!r}" if missing.name else "what is returned"
        yield module.finding(
            "JX105",
            missing.node,
            f"In {signature.function.name}() {what} is a PRNG key and is annotated "
            f"`{module.text(missing.node)}`. A key of jax.random.key() has its own dtype and no "
            'axis of words: write `PRNGKeyArray`, or `Key[Array, "batch"]` for an array of keys.',
            related=_reason(module, missing, "a key here"),
        )


def _missing(module: Module, project: Project, *kinds: str) -> Iterator[tuple[Signature, Missing]]:
    for signature in signatures(module, project):
        for missing in signature.missing:
            if missing.kind in kinds:
                yield signature, missing


def _reason(module: Module, missing: Missing, message: str) -> tuple[Place, ...]:
    reason = missing.reason
    if reason is None or reason in module.index.functions:
        return ()
    return (module.place(reason, message),)
