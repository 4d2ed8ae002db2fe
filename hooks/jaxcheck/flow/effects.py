"""Side effects of a function: what happens once, when it is traced, instead of at every call."""

import ast
from collections.abc import Iterator

from ..source.module import Module
from ..source.scopes import Function, Scope
from .summary import Effect

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
    "numpy.random": ("draws from NumPy's global generator", "use `jax.random` with a key"),
    "random": ("draws from Python's global generator", "use `jax.random` with a key"),
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
    body = function.body if not isinstance(function.node, ast.Lambda) else [function.node.body]
    return [effect for node in _own_nodes(body) for effect in _effects(module, function, node)]


def _own_nodes(body: list) -> Iterator[ast.AST]:
    todo = list(body)
    while todo:
        node = todo.pop()
        yield node
        if isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | ast.Raise
        ):
            continue
        todo.extend(ast.iter_child_nodes(node))


def _effects(module: Module, function: Function, node: ast.AST) -> Iterator[Effect]:
    kind = type(node)
    if kind is ast.Call:
        yield from _call_effects(module, function, node)  # pyright: ignore[reportArgumentType]
    elif kind is ast.Assign or kind is ast.AugAssign:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]  # pyright: ignore[reportAttributeAccessIssue]
        for target in targets:
            yield from _assignment_effects(module, function, target)


def _call_effects(module: Module, function: Function, node: ast.Call) -> Iterator[Effect]:
    func = node.func
    name = module.resolve(func)
    if name is not None:
        known = _CALLS.get(name)
        if known is None:
            root = name.split(".")[0]
            known = _ROOTS.get(root) or _ROOTS.get(".".join(name.split(".")[:2]))
            if root == "random" and name.split(".")[-1] in ("Random", "SystemRandom"):
                known = None
        if known is not None:
            yield Effect(node, *known)
            return
    if not isinstance(func, ast.Attribute) or not isinstance(func.value, ast.Name):
        return
    receiver = func.value.id
    if func.attr in _MUTATIONS and _is_captured_container(module, function.scope, receiver):
        yield Effect(
            node,
            f"changes `{receiver}`, which lives outside",
            "return the value instead; what is stored here are tracers that outlive their trace",
        )
    elif func.attr in _LOG_METHODS and _is_logger(module, func.value):
        yield Effect(node, *_ROOTS["logging"])


def _assignment_effects(module: Module, function: Function, target: ast.expr) -> Iterator[Effect]:
    if isinstance(target, ast.Name) and target.id in function.scope.declared:
        yield Effect(
            target,
            f"assigns `{target.id}`, which lives outside",
            "return the value instead; it is assigned at trace time only, and leaks a tracer",
        )
    elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
        receiver = target.value.id
        if _is_captured_container(module, function.scope, receiver):
            yield Effect(
                target,
                f"changes `{receiver}`, which lives outside",
                "return the value instead; what is stored here are tracers that outlive their trace",
            )


def _is_captured_container(module: Module, scope: Scope, name: str) -> bool:
    """Whether a name is a list, dict or set of a function around this one, or of the module."""
    if name in scope.bound and name not in scope.declared:
        return False
    here = scope.parent
    while here is not None:
        if name in here.bound and not here.is_class:
            value = here.aliases.get(name)
            if isinstance(value, ast.Call):
                return module.resolve(value.func) in _CONTAINERS
            return isinstance(value, _DISPLAYS)
        here = here.parent
    return False


def _is_logger(module: Module, node: ast.Name) -> bool:
    scope = module.index.scopes[node]
    while scope is not None:
        value = scope.aliases.get(node.id)
        if value is not None:
            called = value.func if isinstance(value, ast.Call) else value
            return (module.resolve(called) or "").startswith("logging.")
        scope = scope.parent
    return False
