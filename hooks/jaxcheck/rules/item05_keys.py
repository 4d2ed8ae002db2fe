"""Item 5: a key is consumed once."""

import ast
from collections.abc import Iterator

from ..catalogue import rule, subjects
from ..findings import Confidence, Finding
from ..flow.engine import Engine
from ..flow.summary import KeyEvent
from ..flow.tokens import Site
from ..project import Project
from ..source.attributes import is_called_in_a_loop, stored_in
from ..source.module import Module
from ..source.scopes import Function
from ..transforms.abstract import for_shapes_only

_BOTH = (Confidence.PROVEN, Confidence.LIKELY)
_SAME_BITS = "both draw from the same bits, so their numbers are equal or correlated"


def _events(module: Module, project: Project, code: str) -> Iterator[KeyEvent]:
    engine = Engine.of(project)
    for summary in (*engine.summaries(module), engine.module_summary(module)):
        if summary is not None:
            for event in summary.key_events:
                if event.code == code and not _is_meant(module, event):
                    yield event


def _is_meant(module: Module, event: KeyEvent) -> bool:
    """Whether equal bits do no harm: they are compared, or nobody sees one of the two."""
    nodes = [event.node, *([event.first.node] if event.first is not None else [])]
    return _is_comparison(module, event) or any(for_shapes_only(module, each) for each in nodes)


def _is_comparison(module: Module, event: KeyEvent) -> bool:
    """Whether a test makes the same call twice, which is how it shows that draws are repeatable."""
    if not module.is_test or event.first is None or event.first.node is event.node:
        return False
    return module.text(event.first.node) == module.text(event.node)


def _name(event: KeyEvent) -> str:
    return f"`{event.name}`" if event.name else "this key"


def _first(module: Module, event: KeyEvent) -> tuple:
    if event.first is None:
        return ()
    return (module.place(event.first.node, f"first consumed here, by {event.first.what}"),)


@rule(
    "JX501",
    "key-reused",
    "A key is consumed twice.",
    profile="bugs",
    confidences=_BOTH,
    in_tests=Confidence.PROVEN,
    tiers=("static", "trace"),
)
def key_reused(module: Module, project: Project) -> Iterator[Finding]:
    """Finds keys that two calls consume on one path through a function."""
    for event in _events(module, project, "JX501"):
        first = event.first
        line = module.spoken(first.node) if first else ""
        yield module.finding(
            "JX501",
            event.node,
            f"{_name(event)} was consumed by {first.what if first else ''} on "
            f"{line} and is consumed again by {event.again.what}: {_SAME_BITS}. Split it "
            f"first: `key, subkey = jax.random.split(key)`.",
            confidence=event.confidence,
            related=_first(module, event),
        )
    yield from _global_keys(module, project)


def _global_keys(module: Module, project: Project) -> Iterator[Finding]:
    """Finds keys of the module that two functions consume."""
    seen: dict[str, Site] = {}
    for summary in Engine.of(project).summaries(module):
        mine: set[str] = set()
        for name, site in summary.global_keys:
            if name in seen and name not in mine:
                line = module.spoken(seen[name].node)
                yield module.finding(
                    "JX501",
                    site.node,
                    f"`{name.rpartition('.')[2]}` is a key of the module that another function "
                    f"consumes on {line}: {_SAME_BITS}. Pass each function a key of its own.",
                    confidence=Confidence.LIKELY,
                    related=(module.place(seen[name].node, "consumed here, too"),),
                )
            mine.add(name)
            seen.setdefault(name, site)


@rule(
    "JX502",
    "key-reused-in-loop",
    "A key is consumed in every iteration of a loop without being renewed.",
    profile="bugs",
    confidences=_BOTH,
    in_tests=Confidence.PROVEN,
    tiers=("static", "trace"),
)
def key_reused_in_loop(module: Module, project: Project) -> Iterator[Finding]:
    """Finds keys that each iteration of a loop, or each call of its body, consumes again."""
    for event in _events(module, project, "JX502"):
        yield module.finding(
            "JX502",
            event.node,
            f"{_name(event)} is consumed again in every iteration: all of them "
            f"draw the same bits. Renew it inside (`key, subkey = jax.random.split(key)`), fold "
            f"the index in (`jax.random.fold_in(key, i)`), or loop over `split(key, n)`.",
            confidence=event.confidence,
            related=_first(module, event) if event.first and event.first.node is not event.node
            else (),
        )  # fmt: skip


@rule(
    "JX503",
    "consumed-key-escapes",
    "A consumed key is returned or stored, for others to consume again.",
    profile="bugs",
    confidences=_BOTH,
    in_tests=Confidence.PROVEN,
)
def consumed_key_escapes(module: Module, project: Project) -> Iterator[Finding]:
    """Finds consumed keys that leave a function in what it returns or stores."""
    for event in _events(module, project, "JX503"):
        if event.again.what == "returned" and "defvjp" in module.source:
            continue  # kept for the backward pass, which draws the same numbers again
        by = event.first.what if event.first else "a call"
        yield module.finding(
            "JX503",
            event.node,
            f"A key that {by} consumed is {event.again.what}: whoever draws from it next gets the "
            f"same bits again. Hand on the new key of `key, subkey = jax.random.split(key)`.",
            confidence=event.confidence,
            related=_first(module, event),
        )


@rule(
    "JX504",
    "key-attribute-not-renewed",
    "A method consumes a key in an attribute and leaves the same key there.",
    profile="bugs",
    confidences=(Confidence.LIKELY, Confidence.HEURISTIC),
)
def key_attribute_not_renewed(module: Module, project: Project) -> Iterator[Finding]:
    """Finds methods whose next call draws the same bits again."""
    for event in _events(module, project, "JX504"):
        path = event.again.what
        method = module.enclosing_function(event.node)
        stored = method is not None and stored_in(module, project, method, path)
        if method is None or not stored or _is_wrapper(module, method, event.node):
            continue  # a property, or an attribute that another class sets
        again = stored == "renewed" or is_called_in_a_loop(project, method.name)
        yield module.finding(
            "JX504",
            event.node,
            f"`{path}` is consumed here and still the same key when the method ends: each call "
            f"draws the same bits. Renew it: `{path}, subkey = jax.random.split({path})`.",
            confidence=event.confidence if again else Confidence.HEURISTIC,
        )


def _is_wrapper(module: Module, method: Function, node: ast.AST) -> bool:
    """Whether a method splits the key into another instance, as that of a wrapper around a key."""
    statement = next(up for up in module.ancestors(node) if isinstance(up, ast.stmt))
    made = statement.value if isinstance(statement, ast.Return) else None
    if not isinstance(made, ast.Call) or method.owner is None:
        return False
    return module.text(made.func) in (method.owner.node.name, "type(self)", "self.__class__")


@rule(
    "JX508",
    "key-parameter-overwritten",
    "A parameter that takes a key is replaced by a key with a constant seed.",
    profile="bugs",
    confidences=(Confidence.LIKELY,),
)
def key_parameter_overwritten(module: Module, project: Project) -> Iterator[Finding]:
    """Finds parameters whose key is thrown away for a constant one."""
    for event in _events(module, project, "JX508"):
        yield module.finding(
            "JX508",
            event.node,
            f"The caller's `{event.again.what}` is thrown away for a key with a constant seed: "
            f"every call draws the same bits, whatever is passed. Use the parameter, or drop it.",
            confidence=event.confidence,
        )


@rule(
    "JX509",
    "key-broadcast-by-vmap",
    "A mapped function consumes a key that is the same for all elements.",
    profile="bugs",
    confidences=_BOTH,
    in_tests=Confidence.PROVEN,
)
def key_broadcast_by_vmap(module: Module, project: Project) -> Iterator[Finding]:
    """Finds keys that `vmap` does not map over, but the mapped function consumes."""
    for event in _events(module, project, "JX509"):
        yield module.finding(
            "JX509",
            event.node,
            f"{event.again.what} consumes a key that `vmap` does not map over: every element "
            f"draws the same bits. Map over `jax.random.split(key, n)` as well.",
            confidence=event.confidence,
        )


@rule(
    "JX510",
    "duplicate-fold-in",
    "The same data is folded into a key twice, and both results are consumed.",
    profile="bugs",
    confidences=_BOTH,
    in_tests=Confidence.PROVEN,
)
def duplicate_fold_in(module: Module, project: Project) -> Iterator[Finding]:
    """Finds two consumptions of one folded key."""
    for event in _events(module, project, "JX510"):
        yield module.finding(
            "JX510",
            event.node,
            f"The same number was folded into the same key before: {_SAME_BITS}. Fold in another "
            f"number, one for each purpose.",
            confidence=event.confidence,
            related=_first(module, event),
        )


@rule(
    "JX513",
    "rngs-built-twice-from-one-key",
    "Two `nnx.Rngs` are built from one key.",
    profile="bugs",
    confidences=(Confidence.LIKELY,),
)
def rngs_built_twice(module: Module, project: Project) -> Iterator[Finding]:
    """Finds pairs of `nnx.Rngs` whose streams are the same."""
    for event in _events(module, project, "JX513"):
        yield module.finding(
            "JX513",
            event.node,
            "A second `nnx.Rngs` from the same key: its streams repeat those of the first one, "
            "so two modules get equal weights or equal dropout. Split the key first.",
            confidence=Confidence.LIKELY,
            related=_first(module, event),
        )


@subjects(5, "functions consume each key once")
def functions_with_keys(module: Module, project: Project) -> Iterator[ast.AST]:
    """Yields the functions that draw from keys or split them."""
    found: set[ast.AST] = set()
    for call in module.nodes(ast.Call):
        if (module.resolve(call.func) or "").startswith("jax.random."):
            function = module.enclosing_function(call)
            if function is not None and function.node not in found:
                found.add(function.node)
                yield function.node
