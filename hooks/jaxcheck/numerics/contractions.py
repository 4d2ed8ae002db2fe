"""Products of arrays that are written without einsum."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch

from ..arrays.roles import is_layer
from ..findings import Confidence, Edit, Fix
from ..project import Project
from ..source.bindings import reaching
from ..source.declared import declared
from ..source.module import Module
from ..transforms.tracing import traced
from .rank_arithmetic import Rank
from .ranks import annotated_rank, rank_of

_PRODUCTS = {
    "jax.numpy.matmul": "jnp.matmul", "jax.numpy.dot": "jnp.dot", "jax.lax.dot": "lax.dot"
}  # fmt: skip
_GENERAL = {
    "jax.numpy.tensordot": "jnp.tensordot", "jax.numpy.inner": "jnp.inner",
    "jax.lax.dot_general": "lax.dot_general", "jax.lax.batch_matmul": "lax.batch_matmul",
}  # fmt: skip
_TURNS = ("swapaxes", "transpose", "moveaxis", "matrix_transpose")


@dataclass(frozen=True, slots=True)
class Product:
    """A product that einsum would spell out.

    Attributes:
        node: The expression.
        how: What it is written with, such as `@` or `jnp.tensordot`.
        confidence: How sure it is that it has three axes or more.
        wide: The operand that shows it; None if nothing does.
        rank: How many axes that one has at least.
        spec: An einsum that computes the same; "" where the ranks are not all known.
        fix: The edit that writes it.
    """

    node: ast.expr
    how: str
    confidence: Confidence
    wide: ast.expr | None
    rank: int
    spec: str = ""
    fix: Fix | None = None


def may_contract(module: Module, project: Project) -> bool:
    """Whether settings let a module contract without einsum, as kernels do."""
    return any(fnmatch(module.relative, each) for each in project.settings.contraction_modules)


def products(module: Module, project: Project) -> list[Product]:
    """Returns the products of `@`, `matmul`, `dot`, `tensordot` and the like to be spelled out.

    A product of matrices and vectors is none, and one of arrays of unknown rank only where its
    operands are transposed for it.
    """
    key = ("products", id(module))
    found: list[Product] | None = project.facts.get(key)
    if found is None:
        found = project.facts[key] = []
        if not may_contract(module, project):
            for node, how, left, right in _written(module):
                product = _judged(module, project, node, how, left, right)
                if product is not None:
                    found.append(product)
    return found


def _written(module: Module) -> Iterator[tuple[ast.expr, str, ast.expr, ast.expr]]:
    for node in module.nodes(ast.BinOp):
        if isinstance(node.op, ast.MatMult):
            yield node, "@", node.left, node.right
    if not any(word in module.source for word in ("matmul", "dot", "inner")):
        return
    for call in module.nodes(ast.Call):
        function = call.func
        name = module.resolve(function) or ""
        how = _PRODUCTS.get(name) or _GENERAL.get(name)
        given = [each for each in call.args[:2] if not isinstance(each, ast.Starred)]
        method = isinstance(function, ast.Attribute) and function.attr == "dot" and not name
        if how and len(given) == 2:
            yield call, how, given[0], given[1]
        elif method and isinstance(function, ast.Attribute) and len(given) == len(call.args) == 1:
            yield call, ".dot", function.value, given[0]


def _judged(
    module: Module, project: Project, node: ast.expr, how: str, left: ast.expr, right: ast.expr
) -> Product | None:
    if any(_is_no_array(module, project, each) for each in (left, right)):
        return None
    ranks = first, second = rank_of(module, left), rank_of(module, right)
    wide = max((0, 1), key=lambda side: each.low if (each := ranks[side]) else 0)
    known, operand = ranks[wide], (left, right)[wide]
    if known is None or known.low < 3:
        return _doubted(module, node, how, (left, right), ranks)
    if known.jax:
        confidence = Confidence.PROVEN if first and second else Confidence.LIKELY
    else:
        sure = _in_jax(module, project, node)
        confidence = Confidence.LIKELY if sure else Confidence.HEURISTIC
    spec, arguments = "", ""
    if how in ("@", *_PRODUCTS.values(), ".dot") and first and second:
        spec, arguments = _einsum(module, left, right, first, second, how)
    fix = _fix(module, node, spec, arguments) if spec else None
    return Product(node, how, confidence, operand, known.low, spec, fix)


def _doubted(
    module: Module,
    node: ast.expr,
    how: str,
    operands: tuple[ast.expr, ast.expr],
    ranks: tuple[Rank | None, Rank | None],
) -> Product | None:
    """Judges a product of which no operand is known to have three axes."""
    statement = module.parent(node)
    around = module.enclosing_function(node)
    said = annotated_rank(module, around.returns) if around else None
    if isinstance(statement, ast.Return) and said and said.low >= 3 and None in ranks:
        return Product(node, how, Confidence.LIKELY, None, said.low)
    for each in operands:
        flattened = _flattened(module, each)
        if flattened is not None:
            return Product(node, how, Confidence.LIKELY, flattened, 3)
    if all(rank is not None and rank.exact for rank in ranks):
        return None
    if how == "lax.dot_general":
        several = _several_dimensions(module, node)
        confidence = Confidence.LIKELY if several else Confidence.HEURISTIC
        return Product(node, how, confidence, None, 0)
    if how in _GENERAL.values():
        return Product(node, how, Confidence.HEURISTIC, None, 0)
    if any(_is_transposed(module, each) for each in operands):
        return Product(node, how, Confidence.HEURISTIC, None, 0)
    return None


def _is_no_array(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether an operand is declared to be something else, such as a sparse matrix."""
    if not isinstance(node, ast.Name | ast.Attribute | ast.Call):
        return False
    if isinstance(node, ast.Call):
        name = module.resolve(node.func) or ""
    else:
        found = declared(module, node)
        name = (found.name or "") if found else ""
        if not name and isinstance(node, ast.Name):
            bound = reaching(module, node)
            value = bound[0].value if len(bound) == 1 else None
            name = (module.resolve(value.func) or "") if isinstance(value, ast.Call) else ""
    if name.startswith(("jax.experimental.sparse", "numpy.", "scipy.")):
        return True
    return project.class_(name) is not None


def _in_jax(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether an expression stands where all arrays are JAX's: in a layer or a traced function."""
    around = module.enclosing_function(node)
    while around is not None:
        if around.node in traced(project) or is_layer(module, project, around):
            return True
        around = around.parent
    return False


def _flattened(module: Module, node: ast.expr) -> ast.expr | None:
    """The array of three axes or more that is reshaped to a matrix for a product."""
    if isinstance(node, ast.Name):
        bound = reaching(module, node)
        value = bound[0].value if len(bound) == 1 and not bound[0].path else None
        return _flattened(module, value) if isinstance(value, ast.Call) else None
    if not isinstance(node, ast.Call):
        return None
    rank = rank_of(module, node)
    if rank is None or not rank.exact or rank.low != 2:
        return None
    if module.resolve(node.func) == "jax.numpy.reshape" and node.args:
        inside = node.args[0]
    elif isinstance(node.func, ast.Attribute) and node.func.attr == "reshape":
        inside = node.func.value
    else:
        return None
    before = rank_of(module, inside)
    return inside if before is not None and before.low >= 3 and before.jax else None


def _is_transposed(module: Module, node: ast.expr) -> bool:
    """Whether axes are swapped or added in an operand; `.T` alone is usual for matrices."""
    if isinstance(node, ast.Attribute):
        return node.attr == "mT"
    if isinstance(node, ast.Call):
        last = (module.resolve(node.func) or "").rpartition(".")[2]
        if isinstance(node.func, ast.Attribute):
            last = node.func.attr
        return last in _TURNS and bool(node.args)
    return False


def _several_dimensions(module: Module, node: ast.expr) -> bool:
    """Whether the dimension numbers of a `dot_general` name a batch axis or several axes."""
    assert isinstance(node, ast.Call)
    numbers = next((k.value for k in node.keywords if k.arg == "dimension_numbers"), None)
    if numbers is None and len(node.args) > 2:
        numbers = node.args[2]
    value = module.literal(numbers)
    if not isinstance(value, tuple) or len(value) != 2:
        return False
    contracted, batch = value
    sides = [*(contracted or ()), *(batch or ())]
    sizes = [len(each) for each in sides if isinstance(each, tuple)]
    return bool(batch and any(batch)) or any(size > 1 for size in sizes)


def _einsum(
    module: Module, left: ast.expr, right: ast.expr, first: Rank, second: Rank, how: str
) -> tuple[str, str]:
    """Spells a matrix product as an einsum; `dot` of a wide right operand means another one."""
    if not (first.exact and second.exact and 1 <= first.low <= 6 and 1 <= second.low <= 6):
        return "", ""
    if how in ("jnp.dot", ".dot", "lax.dot") and second.low > 2:
        return "", ""
    batch = "bhgnm"
    over = batch[: max(first.low, second.low) - 2]
    one = "d" if first.low == 1 else f"{over[len(over) - first.low + 2 :]}id"
    plain = "d" if second.low == 1 else f"{over[len(over) - second.low + 2 :]}dj"
    out = over + ("i" if first.low > 1 else "") + ("j" if second.low > 1 else "")
    base = _untransposed(module, right) if second.low > 1 else None
    other = f"{plain[:-2]}jd" if base is not None else plain
    texts = f"{module.text(left)}, {module.text(base if base is not None else right)}"
    return f"{one},{other}->{out}", texts


def _untransposed(module: Module, node: ast.expr) -> ast.expr | None:
    """The array whose last two axes an expression swaps."""
    if isinstance(node, ast.Attribute):
        return node.value if node.attr == "mT" else None
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    if node.func.attr != "swapaxes":
        return None
    function = module.resolve(node.func) == "jax.numpy.swapaxes"
    axes = tuple(module.literal(each) for each in node.args[1 if function else 0 :])
    if axes not in ((-1, -2), (-2, -1)):
        return None
    return node.args[0] if function else node.func.value


def _fix(module: Module, node: ast.expr, spec: str, arguments: str) -> Fix | None:
    name = _numpy(module, node)
    plain = not isinstance(node, ast.Call) or not node.keywords
    if name is None or not plain:
        return None
    place = module.place(node)
    text = f'{name}.einsum("{spec}", {arguments})'
    edit = Edit(place.line, place.column, place.end_line, place.end_column, text)
    return Fix(f"Write {text}", (edit,))


def _numpy(module: Module, node: ast.AST) -> str | None:
    """What `jax.numpy` is called at a place."""
    scope = module.index.scopes.get(node)
    while scope is not None:
        for name in scope.imports:
            if module.resolve_name(name, scope) == "jax.numpy":
                return name
        scope = scope.parent
    return None
