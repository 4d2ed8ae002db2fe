"""Side effects of a function: what happens once, when it is traced, instead of at every call."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from ..source.calls import calls_of
from ..source.module import Module
from ..source.scopes import Function, FunctionNode, Scope


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that happens once, at trace time, when the function is traced.

    Attributes:
        harmless: Whether it may be meant, where no tracer takes part: a message about the trace
            itself, or something static that is kept.
        owner: For a change of a variable of a function around this one: that function.
    """

    node: ast.AST
    what: str
    advice: str
    harmless: bool = False
    owner: FunctionNode | None = None


_CALLS = {
    "builtins.print": ("prints", "use `jax.debug.print`"),
    "builtins.open": ("opens a file", "do it outside, or with `jax.experimental.io_callback`"),
    "builtins.input": ("reads input", "do it outside"),
    "time.time": ("reads the clock", "measure around the call, after `jax.block_until_ready`"),
    "time.perf_counter": (
        "reads the clock",
        "measure around the call, after `jax.block_until_ready`",
    ),
    "time.monotonic": ("reads the clock", "measure around the call"),
    "time.sleep": ("sleeps", "do it outside"),
    "datetime.datetime.now": ("reads the clock", "pass the time in as an argument"),
}
_ROOTS = {
    "logging": ("logs", "use `jax.debug.print` or `jax.debug.callback`"),
    "absl.logging": ("logs", "use `jax.debug.print` or `jax.debug.callback`"),
    "wandb": ("logs to Weights & Biases", "return the value and log it outside"),
    "mlflow": ("logs to MLflow", "return the value and log it outside"),
}
_LOG_METHODS = frozenset({"debug", "info", "warning", "error", "critical", "exception"})
_MUTATIONS = frozenset(
    {
        "append", "extend", "insert", "remove", "clear", "add", "discard", "setdefault",
        "popitem", "appendleft",
    }
)  # fmt: skip
_CONTAINERS = frozenset(
    {
        "builtins.list", "builtins.dict", "builtins.set", "collections.defaultdict",
        "collections.deque", "collections.OrderedDict", "collections.Counter",
    }
)  # fmt: skip
_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def effects_of(module: Module, function: Function) -> list[Effect]:
    """Returns the side effects in the body of a function, those of nested functions excluded."""
    found = [
        effect
        for call in calls_of(module).get(function.node, ())
        for effect in _call_effects(module, function, call)
    ]
    for target in _targets(module).get(function.node, ()):
        found += _assignment_effects(module, function, target)
    # What is put together for an error, nobody sees unless the run ends.
    return [each for each in found if not _is_raised(module, each.node)]


def _targets(module: Module) -> dict[FunctionNode | None, list[ast.expr]]:
    """Returns what the assignments in each function's own body assign to."""
    assert module.project is not None
    key = ("assigned", id(module))
    found: dict[FunctionNode | None, list[ast.expr]] | None = module.project.facts.get(key)
    if found is None:
        found = module.project.facts[key] = defaultdict(list)
        for kind in (ast.Assign, ast.AugAssign):
            for node in module.nodes(kind):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                # A local variable that is bound is no effect, and most assignments bind one.
                scope = module.index.scopes[node]
                if not scope.declared and all(isinstance(each, ast.Name) for each in targets):
                    continue
                function = module.enclosing_function(node)
                found[function.node if function else None] += targets
    return found


def _is_raised(module: Module, node: ast.AST) -> bool:
    around = module.ancestors(node)
    return isinstance(next((up for up in around if isinstance(up, ast.stmt)), None), ast.Raise)


def _call_effects(module: Module, function: Function, node: ast.Call) -> Iterator[Effect]:
    func = node.func
    name = module.resolve(func)
    if name is not None:
        known = _CALLS.get(name)
        if known is None:
            root = name.split(".")[0]
            known = _ROOTS.get(root) or _ROOTS.get(".".join(name.split(".")[:2]))
        if known is not None:
            yield Effect(node, *known, harmless=known[0] in ("prints", "logs"))
            return
    if not isinstance(func, ast.Attribute) or not isinstance(func.value, ast.Name):
        return
    receiver = func.value.id
    owner = _owner(module, function.scope, receiver) if func.attr in _MUTATIONS else None
    if owner is not None:
        yield _change(node, receiver, owner)
    elif func.attr in _LOG_METHODS and _is_logger(module, func.value):
        yield Effect(node, *_ROOTS["logging"], harmless=True)


def _assignment_effects(module: Module, function: Function, target: ast.expr) -> Iterator[Effect]:
    if isinstance(target, ast.Name) and target.id in function.scope.declared:
        yield Effect(
            target,
            f"assigns `{target.id}`, which lives outside",
            "return the value instead; it is assigned at trace time only, and leaks a tracer",
            harmless=_counts(module, target),
        )
    elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
        owner = _owner(module, function.scope, target.value.id)
        if owner is not None:
            yield _change(target, target.value.id, owner)
    elif isinstance(target, ast.Attribute) and _is_plain_instance(module, function, target):
        yield _change(target, f"self.{target.attr}", None)


def _counts(module: Module, target: ast.expr) -> bool:
    """Whether a number of Python is added: a count of traces."""
    statement = module.parent(target)
    return isinstance(statement, ast.AugAssign) and isinstance(statement.value, ast.Constant)


def _change(node: ast.AST, what: str, owner: Scope | None) -> Effect:
    function = owner.node if owner is not None and isinstance(owner.node, FunctionNode) else None
    return Effect(
        node,
        f"changes `{what}`, which lives outside",
        "return the value instead; what is stored here are tracers that outlive their trace",
        harmless=True,
        owner=function,
    )


def _is_plain_instance(module: Module, function: Function, target: ast.Attribute) -> bool:
    """Whether an attribute of a method's instance is assigned, where no framework tracks it."""
    if function.owner is None or function.owner.node.bases or function.owner.node.decorator_list:
        return False
    if not function.is_method or function.name == "__init__" or not function.parameters:
        return False
    return isinstance(target.value, ast.Name) and target.value.id == function.parameters[0].name


def _owner(module: Module, scope: Scope, name: str) -> Scope | None:
    """Returns the scope outside of this one that binds a name to a list, dict or set."""
    if name in scope.bound and name not in scope.declared:
        return None
    here = scope.parent
    while here is not None:
        if name in here.bound and not here.is_class:
            value = here.aliases.get(name)
            if isinstance(value, ast.Call):
                return here if module.resolve(value.func) in _CONTAINERS else None
            return here if isinstance(value, _DISPLAYS) else None
        here = here.parent
    return None


def _is_logger(module: Module, node: ast.Name) -> bool:
    scope = module.index.scopes[node]
    while scope is not None:
        value = scope.aliases.get(node.id)
        if value is not None:
            called = value.func if isinstance(value, ast.Call) else value
            return (module.resolve(called) or "").startswith("logging.")
        scope = scope.parent
    return False
