"""Item 12: shapes are asserted where they matter, by assertions that say something."""

import ast
from collections.abc import Iterator

from ..arrays.annotations import array_types
from ..arrays.critical import critical_functions
from ..arrays.shape_assertions import (
    CHEXIFY,
    SHAPE,
    VALUES,
    all_assertions,
    asserts_shapes,
)
from ..catalogue import rule, subjects
from ..findings import Confidence, Edit, Finding, Fix, Severity
from ..flow.engine import Engine
from ..project import Project
from ..source.module import Module
from ..source.scopes import Function, Scope

_LOOKS = frozenset({"shape", "ndim", "dtype", "size"})


@rule(
    "JX1201",
    "unasserted-shapes",
    "A critical function asserts no shape.",
    confidences=(Confidence.LIKELY,),
)
def unasserted_shapes(module: Module, project: Project) -> Iterator[Finding]:
    """Finds layers, losses, training steps and contractions that take any shape that broadcasts."""
    for critical in critical_functions(module, project):
        function = critical.function
        if asserts_shapes(module, project, function) or _annotated(module, project, function):
            continue
        yield module.finding(
            "JX1201",
            function.node,
            f"`{function.name}` asserts no shape, although {critical.role}: an array of another "
            f"rank broadcasts and trains on, to another number. Begin it with "
            f"`chex.assert_shape(…)`, `chex.assert_rank(…)` or `chex.assert_equal_shape([…])`.",
        )


def _annotated(module: Module, project: Project, function: Function) -> bool:
    """Whether jaxtyping fixes the rank of all its arrays, and the project lets that count."""
    if not project.settings.jaxtyping_satisfies_shapes:
        return False
    types = [t for p in function.parameters for t in array_types(module, p.annotation)]
    return bool(types) and all(t.is_key or t.rank is not None for t in types)


@rule(
    "JX1202",
    "late-shape-assertion",
    "A shape is asserted after it has been used.",
    confidences=(Confidence.LIKELY,),
)
def late_shape_assertion(module: Module, project: Project) -> Iterator[Finding]:
    """Finds assertions about parameters that come after the computation that they guard."""
    for function, assertion in all_assertions(module):
        if _is_within(module, function, assertion.call, (ast.If, ast.For, ast.While, ast.Try)):
            continue
        for name in assertion.about:
            if function.parameter(name.id) is None:
                continue
            used = _first_use(module, function, name)
            if used is not None and used.lineno < assertion.call.lineno:
                yield module.finding(
                    "JX1202",
                    assertion.call,
                    f"`{name.id}` is computed with on {module.spoken(used)} and asserted only "
                    f"here: a wrong shape fails there, or broadcasts, before anything is asserted. "
                    f"Put the assertion first.",
                    related=(module.place(used, "first used here"),),
                )
                break


def _first_use(module: Module, function: Function, name: ast.Name) -> ast.Name | None:
    """Returns where a parameter is first computed with; looking at its shape is no computation."""
    for node in module.nodes(ast.Name):
        if node.id != name.id or not _belongs(module, node, function):
            continue
        if not isinstance(node.ctx, ast.Load):
            return None  # rebound: what is asserted is another value
        parent = module.parent(node)
        while isinstance(parent, ast.Tuple | ast.List):
            parent = module.parent(parent)
        if isinstance(parent, ast.Attribute) and parent.attr in _LOOKS:
            continue
        if isinstance(parent, ast.Compare) or _in_assertion(module, node):
            continue
        if isinstance(parent, ast.Call | ast.BinOp | ast.Attribute | ast.Subscript):
            return node
    return None


def _belongs(module: Module, node: ast.Name, function: Function) -> bool:
    """Whether a name is the function's own, in its body or in a function inside."""
    scope: Scope | None = module.index.scopes[node]
    while scope is not None and scope is not function.scope:
        if node.id in scope.bound:
            return False
        scope = scope.parent
    return scope is function.scope


def _in_assertion(module: Module, node: ast.AST) -> bool:
    return any(
        isinstance(up, ast.Call) and (module.resolve(up.func) or "").startswith("chex.")
        for up in module.ancestors(node)
    )


@rule(
    "JX1203",
    "bare-shape-assertion",
    "A shape is asserted by a bare `assert`.",
    confidences=(Confidence.LIKELY, Confidence.HEURISTIC),
    severity=Severity.WARNING,
    fix="safe",
)
def bare_shape_assertion(module: Module, project: Project) -> Iterator[Finding]:
    """Finds `assert x.shape == …` in functions; a project without chex gets a hint only."""
    chex = _spelling(module)
    if not module.nodes(ast.Assert):
        return
    if "uses chex" not in project.facts:
        sources = (each.source for each in project.modules.values())
        project.facts["uses chex"] = any("chex" in source for source in sources)
    uses_chex = project.facts["uses chex"]
    kernels = "pallas" in module.source  # what chex asserts of a reference is not known
    for node in module.nodes(ast.Assert):
        found = _bare(module, node)
        if found is None:
            continue
        fix = None
        if chex is not None and node.msg is None and not kernels:
            place = module.place(node)
            text = f"{chex}.{found}"
            edit = Edit(place.line, place.column, place.end_line, place.end_column, text)
            fix = Fix(f"assert with `{chex}`", (edit,), safe=True)
        yield module.finding(
            "JX1203",
            node,
            f"`python -O` drops this assertion, and when it fails it shows no shapes. Write "
            f"`chex.{found}`.",
            confidence=Confidence.LIKELY if uses_chex and not kernels else Confidence.HEURISTIC,
            fix=fix,
        )


def _spelling(module: Module) -> str | None:
    """Returns the name under which a module imports chex."""
    imports = module.index.module_scope.imports
    return next((name for name, target in imports.items() if target == "chex"), None)


def _bare(module: Module, node: ast.Assert) -> str | None:
    """Returns the chex assertion that a bare one stands for."""
    test = node.test
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    left, right = test.left, test.comparators[0]
    function = module.enclosing_function(node)
    if function is None or not isinstance(test.ops[0], ast.Eq):
        return None
    if not isinstance(left, ast.Attribute) or not isinstance(left.value, ast.Name | ast.Attribute):
        return None
    array = module.text(left.value)
    if left.attr == "ndim":
        return f"assert_rank({array}, {module.text(right)})"
    if left.attr != "shape":
        return None
    if isinstance(right, ast.Attribute) and right.attr == "shape":
        return f"assert_equal_shape([{array}, {module.text(right.value)}])"
    if isinstance(right, ast.Tuple):
        return f"assert_shape({array}, {module.text(right)})"
    return None


@rule(
    "JX1205",
    "value-assertion-in-traced-code",
    "Traced code asserts values with chex, without chexify.",
    confidences=(Confidence.LIKELY,),
)
def value_assertion(module: Module, project: Project) -> Iterator[Finding]:
    """Finds assertions about values in functions where values do not exist yet."""
    calls = [c for c in module.nodes(ast.Call) if module.resolve(c.func) in VALUES]
    if not calls or _uses_chexify(project):
        return
    live = Engine.of(project).live()
    for call in calls:
        function = module.enclosing_function(call)
        if function is not None and function.node in live and live[function.node].staged:
            yield module.finding(
                "JX1205",
                call,
                f"`{module.text(call.func)}` needs values, and traced arrays have none: it fails "
                f"while tracing. Assert outside of the traced function, or wrap that in "
                f"`chex.chexify`.",
            )


def _uses_chexify(project: Project) -> bool:
    return any("chexify" in module.source for module in project.modules.values())


@rule(
    "JX1206",
    "vacuous-shape-assertion",
    "A shape assertion says nothing about any dimension.",
    confidences=(Confidence.PROVEN, Confidence.LIKELY),
    in_tests=Confidence.PROVEN,
)
def vacuous(module: Module, project: Project) -> Iterator[Finding]:
    """Finds assertions that every array passes, or every array of the same rank."""
    for call in module.nodes(ast.Call):
        if module.resolve(call.func) != SHAPE or len(call.args) != 2:
            continue
        array, claim = call.args
        if isinstance(claim, ast.Attribute) and claim.attr == "shape":
            if module.text(claim.value) == module.text(array):
                yield module.finding(
                    "JX1206",
                    call,
                    f"`{module.text(array)}` is compared with its own shape, which always holds. "
                    f"State the shape that it must have.",
                    confidence=Confidence.PROVEN,
                )
        elif _is_open(claim):
            yield module.finding(
                "JX1206",
                call,
                f"This fixes no dimension of `{module.text(array)}`. Name the ones that must "
                f"agree, or say `chex.assert_rank` if the rank is all you mean.",
                confidence=Confidence.LIKELY,
            )


def _is_open(claim: ast.expr) -> bool:
    """Whether a claimed shape leaves every dimension open."""
    if not isinstance(claim, ast.Tuple | ast.List) or not claim.elts:
        return False
    return all(isinstance(e, ast.Constant) and e.value in (None, ...) for e in claim.elts)


@rule(
    "JX1207",
    "chexify-never-awaited",
    "Assertions by chexify run in the background, and nothing waits for them.",
    confidences=(Confidence.LIKELY,),
)
def never_awaited(module: Module, project: Project) -> Iterator[Finding]:
    """Finds chexified functions in projects that never wait for their assertions."""
    if "chexify" not in module.source:
        return
    waits = ("block_until_chexify_assertions_complete", "wait_checks", "async_check=False")
    if any(wait in each.source for each in project.modules.values() for wait in waits):
        return
    for kind in (ast.Name, ast.Attribute):
        for node in module.nodes(kind):
            if module.resolve(node) == CHEXIFY and isinstance(node.ctx, ast.Load):
                yield module.finding(
                    "JX1207",
                    node,
                    "Assertions of a chexified function fail in the background: a program that "
                    "ends first never shows them. Call "
                    "`chex.block_until_chexify_assertions_complete()` before it ends.",
                )


@subjects(12, "critical functions assert their shapes")
def critical(module: Module, project: Project) -> Iterator[ast.AST]:
    """Yields the critical functions."""
    if not module.is_test:
        for each in critical_functions(module, project):
            yield each.function.node


def _is_within(
    module: Module, function: Function, node: ast.AST, kinds: tuple[type[ast.AST], ...]
) -> bool:
    for up in module.ancestors(node):
        if up is function.node:
            return False
        if isinstance(up, kinds):
            return True
    return False
