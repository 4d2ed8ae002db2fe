"""Item 6: static arguments are declared by name, exist, and can be hashed."""

import ast
from collections.abc import Iterator

from ..catalogue import rule, subjects
from ..findings import Confidence, Edit, Finding, Fix
from ..project import Project
from ..source.module import Module
from ..source.scopes import Parameter
from ..transforms.hashing import unhashable_annotation, unhashable_value
from ..transforms.jitted import jitted_calls, named_jits
from ..transforms.tables import TRANSFORMS
from ..transforms.tracing import JitSite

# Decorators that keep the signature of what they wrap, besides JAX's own transformations.
_KEEP_SIGNATURES = ("jaxtyping.jaxtyped", "functools.wraps", "beartype.beartype", "typeguard.")


@subjects(6, "jit functions with static arguments by name")
def _jitted(module: Module, project: Project) -> Iterator[ast.AST]:
    for site in named_jits(module):
        if site.decorator and site.target is not None:
            yield site.target.function.node
        else:
            yield site.node


@rule(
    "JX601",
    "static-argnums",
    "Static arguments are declared by position instead of by name.",
    confidences=(Confidence.PROVEN, Confidence.HEURISTIC),
    fix="safe",
)
def static_argnums(module: Module, project: Project) -> Iterator[Finding]:
    """Finds `static_argnums` where `static_argnames` would do."""
    for site in named_jits(module):
        keyword = _keyword(site, "static_argnums")
        if keyword is None:
            continue
        value = module.literal(keyword.value)
        indices = value if isinstance(value, tuple) else (value,)
        if not indices or not all(type(index) is int for index in indices):
            continue  # nothing static, or passed through from a caller
        if site.target is None:
            yield module.finding(
                "JX601",
                keyword,
                f"Static arguments by position ({module.text(keyword.value)}) change their meaning "
                f"when a parameter is inserted before them. Name them: "
                f"`static_argnames=(...)`.",
                confidence=Confidence.HEURISTIC,
            )
            continue
        names = _names(site, indices)
        if names is None:
            continue  # `*args`, positional-only or out of range: no name would do
        quoted = ", ".join(f'"{name}"' for name in names)
        written = f"static_argnames=({quoted}{',' if len(names) == 1 else ''})"
        yield module.finding(
            "JX601",
            keyword,
            f"`{_called(site)}` declares {_listed(names)} static by position; a parameter "
            f"inserted before makes another one static without a word. "
            f"{_advice(site, names, written)}",
            fix=_fix(module, site, keyword, written),
        )


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _called(site: JitSite) -> str:
    return site.target.function.name if site.target else ""


def _advice(site: JitSite, names: list[str], written: str) -> str:
    assert site.target is not None
    function = site.target.function
    if function.is_method and names[0] == function.parameters[0].name:
        return (
            "A static instance is hashed by identity, so changes to its attributes go unseen: "
            "jit a function of what it needs."
        )
    if "static_argnames" in site.keywords:
        return f"Move {_listed(names)} to `static_argnames`."
    return f"Write `{written}`."


def _keyword(site: JitSite, name: str) -> ast.keyword | None:
    """Returns a keyword of the call or decorator that applies a transformation."""
    call = site.node
    if not isinstance(call, ast.Call):
        return None
    return next((k for k in call.keywords if k.arg == name), None)


def _names(site: JitSite, indices: tuple[int, ...]) -> list[str] | None:
    """Returns the parameters at those positions, or None where one of them cannot be named."""
    assert site.target is not None
    free = site.target.free
    unnameable = {a.arg for a in site.target.function.node.args.posonlyargs}
    names = [free[index] for index in indices if -len(free) <= index < len(free)]
    if len(names) < len(indices) or unnameable.intersection(names):
        return None
    return list(dict.fromkeys(names))


def _fix(module: Module, site: JitSite, keyword: ast.keyword, written: str) -> Fix | None:
    """Replaces positions by names; no fix where both are given, which changes the meaning."""
    literal = isinstance(keyword.value, ast.Constant | ast.Tuple | ast.List | ast.UnaryOp)
    if not literal or "static_argnames" in site.keywords or not _signature_known(site):
        return None
    place = module.place(keyword)
    edit = Edit(place.line, place.column, place.end_line, place.end_column, written)
    return Fix("Name the static arguments", (edit,), safe=True)


def _signature_known(site: JitSite) -> bool:
    """Whether what is jitted has the signature that the source shows."""
    assert site.target is not None
    decorators = site.target.function.decorators
    inner = decorators[decorators.index(site.node) + 1 :] if site.decorator else decorators
    for node in inner:
        name = site.target.module.resolve(node.func if isinstance(node, ast.Call) else node)
        if name is None or (name not in TRANSFORMS and not name.startswith(_KEEP_SIGNATURES)):
            return False
    return True


@rule(
    "JX603",
    "unknown-static-name",
    "A static argument is no parameter of the function.",
    profile="bugs",
)
def unknown_static_name(module: Module, project: Project) -> Iterator[Finding]:
    """Finds names and positions of static arguments that the function does not have."""
    for site in named_jits(module):
        if site.target is None or not _signature_known(site):
            continue
        function = site.target.function
        kinds = {p.kind for p in function.parameters}
        node = site.keywords.get("static_argnames")
        if node is not None and "kwargs" not in kinds:
            allowed = _nameable(site)
            for element, name in _elements(module, node):
                if isinstance(name, str) and name not in allowed:
                    yield module.finding(
                        "JX603",
                        element,
                        f"`{function.name}` has no parameter `{name}`{_close(name, allowed)}; "
                        f"JAX raises a ValueError as soon as the function is jitted.",
                    )
        node = site.keywords.get("static_argnums")
        if node is not None and "args" not in kinds:
            count = len(site.target.free)
            for element, index in _elements(module, node):
                if type(index) is int and not -count <= index < count:
                    yield module.finding(
                        "JX603",
                        element,
                        f"`{function.name}` takes {count} positional arguments, so there is none "
                        f"at {index}; JAX raises a ValueError as soon as the function is jitted.",
                    )


def _nameable(site: JitSite) -> list[str]:
    assert site.target is not None
    keyword_only = [p.name for p in site.target.function.parameters if p.kind == "keyword"]
    return [*site.target.free, *keyword_only, *site.target.names]


def _elements(module: Module, node: ast.expr) -> Iterator[tuple[ast.expr, object]]:
    """Yields the literals of an option, each with the node to point at."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        for element in node.elts:
            yield element, module.literal(element)
        return
    value = module.literal(node)
    for each in value if isinstance(value, tuple) else (value,):
        yield node, each


def _close(name: str, allowed: list[str]) -> str:
    from difflib import get_close_matches  # only here: it takes longer to import than to run

    close = get_close_matches(name, allowed, 1)
    return f" (did you mean `{close[0]}`?)" if close else ""


@rule(
    "JX604",
    "unhashable-static-argument",
    "A static argument cannot be hashed, or is hashed by identity.",
    profile="bugs",
    confidences=(Confidence.LIKELY, Confidence.PROVEN, Confidence.HEURISTIC),
)
def unhashable_static_argument(module: Module, project: Project) -> Iterator[Finding]:
    """Finds static parameters, and values given for them, that make no key for jit's cache."""
    seen: set[ast.AST] = set()
    for site in named_jits(module):
        for parameter in _static_parameters(site):
            if parameter.node in seen or site.target is None or site.target.module is not module:
                continue
            seen.add(parameter.node)
            found = unhashable_annotation(module, parameter.annotation)
            if found is not None:
                what, confidence = found
                yield module.finding(
                    "JX604",
                    parameter.node,
                    f"The static parameter `{parameter.name}` of `{_called(site)}` is {what}",
                    confidence=confidence,
                )
            elif what := unhashable_value(module, parameter.default):
                yield module.finding(
                    "JX604",
                    parameter.node,
                    f"The static parameter `{parameter.name}` of `{_called(site)}` is {what} by "
                    f"default; passing one raises a ValueError, as jit hashes static arguments. "
                    f"Use a tuple or a frozen dataclass.",
                )
    for call in jitted_calls(module):
        for name, argument in call.static.items():
            if what := unhashable_value(module, argument):
                yield module.finding(
                    "JX604",
                    argument,
                    f"`{name}` of `{_called(call.site)}` is static, and {what} cannot be hashed: "
                    f"JAX raises a ValueError here. Pass a tuple or a frozen dataclass.",
                    confidence=Confidence.PROVEN,
                )


def _static_parameters(site: JitSite) -> list[Parameter]:
    names = site.static
    if not names or site.target is None:
        return []
    return [p for p in site.target.function.parameters if p.name in names]
