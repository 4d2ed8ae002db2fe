"""Item 8: contractions of three or more dimensions are einsums."""

import ast
from collections.abc import Iterator

from ..arrays.dimensions_of import dimensions_of, einsum
from ..catalogue import rule, subjects
from ..findings import Confidence, Finding, Severity
from ..numerics.contractions import Product, may_contract, products
from ..numerics.dtypes import HALF, dtype_of, mentions_half, promoted
from ..numerics.masked_sums import introduced_sums
from ..numerics.ranks import rank_of
from ..project import Project
from ..source.module import Module

_OPERATORS = ("@", "jnp.matmul", "jnp.dot", ".dot", "lax.dot")
_DOTS = frozenset({"jax.numpy.dot", "jax.numpy.matmul", "jax.numpy.vdot", "jax.numpy.inner"})
_AXES = "Which axes are summed depends on the order of the operands' axes"


@subjects(8, "contractions of three or more dimensions written as einsum")
def contractions(module: Module, project: Project) -> Iterator[ast.AST]:
    """Einsums, and products that should be some, with an operand of three axes or more."""
    if module.is_test or may_contract(module, project):
        return
    if "->" in module.source:
        for call in module.nodes(ast.Call):
            found = einsum(module, call)
            if found is not None and max(map(len, found.terms)) >= 3:
                yield call
    for product in products(module, project):
        if product.confidence is not Confidence.HEURISTIC:
            yield product.node


@rule(
    "JX801",
    "matmul-of-many-axes",
    "A product of arrays of three or more axes is written as `@`, `matmul` or `dot`.",
    confidences=(Confidence.PROVEN, Confidence.LIKELY, Confidence.HEURISTIC),
    fix="unsafe",
)
def matmul_of_many_axes(module: Module, project: Project) -> Iterator[Finding]:
    """Matrix products with an operand that is known to be no matrix."""
    for product in products(module, project):
        if product.how in _OPERATORS:
            yield module.finding(
                "JX801",
                product.node,
                f"{_reason(module, product)} {_AXES}, and nothing in `{product.how}` names them: "
                "a transposed operand of equal sizes goes unnoticed. "
                f"{_instead(module, product)}",
                confidence=product.confidence,
                fix=product.fix,
            )


def _reason(module: Module, product: Product) -> str:
    if product.wide is not None:
        text = _short(module.text(product.wide))
        if product.rank and product.confidence is not Confidence.HEURISTIC:
            return f"{text} has {product.rank} axes or more in this contraction."
        return f"{text} has {product.rank} axes or more, if it is an array of JAX."
    if product.rank:
        return f"This contraction gives {product.rank} axes or more."
    return "Axes are transposed for this contraction."


def _instead(module: Module, product: Product) -> str:
    if product.fix is not None:
        return f"{product.fix.description}."
    if product.spec:
        return f'Write an einsum, with "{product.spec}".'
    return 'Write an einsum such as jnp.einsum("bsi,io->bso", x, w).'


@rule(
    "JX802",
    "contraction-by-numbers",
    "A contraction is written as `tensordot`, `inner` or `dot_general`.",
    confidences=(Confidence.LIKELY, Confidence.HEURISTIC),
    severity=Severity.WARNING,
)
def contraction_by_numbers(module: Module, project: Project) -> Iterator[Finding]:
    """Contractions whose axes are given by their numbers."""
    for product in products(module, project):
        if product.how not in _OPERATORS:
            sure = product.confidence is not Confidence.HEURISTIC
            yield module.finding(
                "JX802",
                product.node,
                f"{product.how} says by numbers which axes are summed, so an axis more or in "
                "another place changes the result and not the code. Write jnp.einsum, whose "
                "letters name every axis and which raises where the number of axes is wrong.",
                confidence=Confidence.LIKELY if sure else Confidence.HEURISTIC,
            )


@rule(
    "JX803",
    "multiplied-and-summed",
    "A contraction is written as a product of broadcast arrays that is summed.",
    confidences=(Confidence.LIKELY, Confidence.HEURISTIC),
    severity=Severity.WARNING,
)
def multiplied_and_summed(module: Module, project: Project) -> Iterator[Finding]:
    """`jnp.sum(a[..., None] * b, axis=-2)` and its relatives."""
    if "sum(" not in module.source or may_contract(module, project):
        return
    for call, rank in introduced_sums(module):
        sure = rank is not None and rank.low >= 3 and rank.jax
        yield module.finding(
            "JX803",
            call,
            f"{_short(module.text(call))} is a contraction, written as a product of all pairs "
            "that is then summed: it does not run on matrix units, and where XLA does not fuse "
            "it, the product is kept in memory. Write jnp.einsum.",
            confidence=Confidence.LIKELY if sure else Confidence.HEURISTIC,
        )


@rule(
    "JX804",
    "mapped-product",
    "A contraction is written as a `vmap` of a product.",
    confidences=(Confidence.LIKELY,),
    severity=Severity.WARNING,
)
def mapped_product(module: Module, project: Project) -> Iterator[Finding]:
    """`vmap(jnp.dot)`, nested or not, and of lambdas that are nothing but a product."""
    if "vmap" not in module.source or may_contract(module, project):
        return
    inner: set[ast.expr] = set()
    for call in module.nodes(ast.Call):
        if module.resolve(call.func) == "jax.vmap" and call not in inner and _maps(module, call):
            inside = call.args[0]
            while isinstance(inside, ast.Call):
                inner.add(inside)
                inside = inside.args[0]
            yield module.finding(
                "JX804",
                call,
                f"{_short(module.text(call))} is a contraction: which axes are mapped and which "
                "are summed is spread over in_axes. Write one jnp.einsum, whose letters say both.",
            )


def _maps(module: Module, call: ast.Call) -> bool:
    """Whether a call of `vmap` maps a product, directly or through another `vmap`."""
    inside = call.args[0] if call.args else None
    if isinstance(inside, ast.Call):
        return module.resolve(inside.func) == "jax.vmap" and _maps(module, inside)
    if isinstance(inside, ast.Lambda):
        body = inside.body
        names = [p.arg for p in inside.args.args]
        if isinstance(body, ast.BinOp) and isinstance(body.op, ast.MatMult):
            sides = [body.left, body.right]
        elif isinstance(body, ast.Call) and module.resolve(body.func) in _DOTS:
            sides = body.args
        else:
            return False
        return [s.id for s in sides if isinstance(s, ast.Name)] == names and len(names) == 2
    return module.resolve(inside) in _DOTS


@rule(
    "JX805",
    "impossible-einsum",
    "The letters of an einsum do not fit its operands or each other.",
    in_tests=Confidence.PROVEN,
)
def impossible_einsum(module: Module, project: Project) -> Iterator[Finding]:
    """Einsums that raise as soon as they run, as far as ranks are known without annotations."""
    if "einsum" not in module.source:
        return
    for call in module.nodes(ast.Call):
        if module.resolve(call.func) != "jax.numpy.einsum" or len(call.args) < 2:
            continue
        spec = module.literal(call.args[0])
        if not isinstance(spec, str) or any(isinstance(a, ast.Starred) for a in call.args):
            continue
        wrong = _wrong(module, spec.replace(" ", ""), call.args[1:])
        if wrong:
            yield module.finding(
                "JX805", call.args[0], f"{wrong}: this raises when it is traced. Correct the spec."
            )


def _wrong(module: Module, spec: str, operands: list[ast.expr]) -> str:
    inputs, arrow, out = spec.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(operands):
        return f"{spec!r} has {len(terms)} terms, and {len(operands)} operands follow"
    letters = set(inputs)
    unknown = [each for each in out if each.isalpha() and each not in letters]
    if arrow and unknown:
        return f"The letter {unknown[0]!r} of the result stands in no operand of {spec!r}"
    twice = [each for each in out if each.isalpha() and out.count(each) > 1]
    if twice:
        return f"The letter {twice[0]!r} stands twice in the result of {spec!r}"
    for term, operand in zip(terms, operands, strict=True):
        rank = rank_of(module, operand) if "." not in term else None
        if rank is None or not rank.exact or dimensions_of(module, operand) is not None:
            continue  # what annotations say is for JX208
        if rank.low != len(term):
            return f"{term!r} has {len(term)} letters, and {module.text(operand)} {rank.low} axes"
    return ""


@rule(
    "JX806",
    "einsum-rounds-to-half",
    "An einsum of half-precision arrays does not ask for a float32 result.",
    confidences=(Confidence.LIKELY,),
    severity=Severity.WARNING,
)
def einsum_rounds_to_half(module: Module, project: Project) -> Iterator[Finding]:
    """Einsums of bfloat16 without `preferred_element_type`."""
    if not mentions_half(project) or "einsum" not in module.source:
        return
    for call in module.nodes(ast.Call):
        if module.resolve(call.func) != "jax.numpy.einsum" or len(call.args) < 2:
            continue
        if any(k.arg == "preferred_element_type" for k in call.keywords):
            continue
        dtype = promoted(dtype_of(module, each) for each in call.args[1:])
        if dtype in HALF:
            yield module.finding(
                "JX806",
                call,
                f"The operands are {dtype}, and so is the result: sums that are split over blocks "
                "or devices are rounded in each part. Write preferred_element_type=jnp.float32, "
                "and cast the result.",
            )


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"
