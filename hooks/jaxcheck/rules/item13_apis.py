"""Item 13: older interfaces that the conventions replace: Linen, and raw keys."""

import ast
from collections.abc import Iterator

from ..catalogue import rule
from ..findings import Confidence, Edit, Finding, Fix, Severity
from ..project import Project
from ..source.module import Module
from ..transforms.legacy_keys import stays_a_key

LINEN = "flax.linen"
LEGACY = "jax.random.PRNGKey"


@rule(
    "JX1301",
    "linen",
    "Flax Linen is used instead of Flax NNX.",
    confidences=(Confidence.PROVEN,),
    severity=Severity.WARNING,
)
def linen(module: Module, project: Project) -> Iterator[Finding]:
    """Finds imports of Linen, and the first use of it where only flax is imported."""
    if "linen" not in module.source or _bridges(module):
        return
    message = (
        "Linen is Flax's former interface: its parameters, its state and its keys live outside of "
        "the model, in dictionaries addressed by strings. Write `from flax import nnx` and an "
        "`nnx.Module`."
    )
    found: list[ast.AST] = [n for n in module.nodes(ast.Import) if _imports_linen(n)]
    found += [n for n in module.nodes(ast.ImportFrom) if _imports_from_linen(n)]
    if not found:
        found += [n for n in module.nodes(ast.Attribute) if module.resolve(n) == LINEN][:1]
    for node in found:
        yield module.finding("JX1301", node, message)


def _imports_linen(node: ast.Import) -> bool:
    return any(f"{alias.name}.".startswith(f"{LINEN}.") for alias in node.names)


def _imports_from_linen(node: ast.ImportFrom) -> bool:
    source = node.module or ""
    if node.level:
        return False
    if source == "flax":
        return any(alias.name == "linen" for alias in node.names)
    return f"{source}.".startswith(f"{LINEN}.")


def _bridges(module: Module) -> bool:
    """Whether a module wraps Linen's modules for NNX, for which it has to import them."""
    return "bridge" in module.source and any(
        (module.resolve(node) or "").startswith("flax.nnx.bridge")
        for node in module.nodes(ast.Attribute)
    )


@rule(
    "JX1302",
    "legacy-prng-key",
    "A key is made by `jax.random.PRNGKey` instead of `jax.random.key`.",
    confidences=(Confidence.PROVEN,),
    severity=Severity.WARNING,
    fix="safe",
)
def legacy_prng_key(module: Module, project: Project) -> Iterator[Finding]:
    """Finds calls of `PRNGKey`, and mentions of it as a function."""
    if "PRNGKey" not in module.source:
        return
    for node in (*module.nodes(ast.Attribute), *module.nodes(ast.Name)):
        last = node.attr if isinstance(node, ast.Attribute) else node.id
        if not isinstance(node.ctx, ast.Load) or module.resolve(node) != LEGACY:
            continue
        if last != "PRNGKey" or _annotates(module, node):
            continue
        message = (
            f"`{module.text(node)}` makes a raw uint32 array of two words, which JAX takes for "
            f"data: its reuse checker is blind to it, and arithmetic on it passes in silence. "
            f"`jax.random.key` gives the same random bits with a key's type."
        )
        yield module.finding("JX1302", node, message, fix=_renamed(module, node))


def _annotates(module: Module, node: ast.expr) -> bool:
    """Whether an expression stands in an annotation, where it is taken for a type."""
    inner: ast.AST = node
    for up in module.ancestors(node):
        if isinstance(up, ast.arg | ast.AnnAssign):
            return up.annotation is inner
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef):
            return up.returns is inner
        if isinstance(up, ast.stmt | ast.Call):
            return False
        inner = up
    return False


def _renamed(module: Module, node: ast.Attribute | ast.Name) -> Fix | None:
    """Returns the edit to `key`; a safe one where nothing sees that the key's type changes."""
    call = module.parent(node)
    if isinstance(node, ast.Name):
        new = "jax.random.key" if _has_jax(module, node) else None
    else:
        base = module.text(node.value)
        new = f"{base}.random.key" if module.resolve(node.value) == "jax" else f"{base}.key"
    if new is None or node.lineno != node.end_lineno:
        return None
    place = module.place(node)
    edit = Edit(place.line, place.column, place.end_line, place.end_column, new)
    safe = isinstance(call, ast.Call) and call.func is node and stays_a_key(module, call)
    return Fix(f"Replace `{module.text(node)}` by `{new}`", (edit,), safe)


def _has_jax(module: Module, node: ast.Name) -> bool:
    return module.resolve_name("jax", module.index.scopes[node]) == "jax"
