"""Training steps: functions that take gradients and hand them to an optimizer."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ..numerics.finite import checked, is_check
from ..project import Project
from ..source.calls import calls_of, chain, inside
from ..source.declared import function_of
from ..source.module import Module
from ..source.scopes import Function, FunctionNode
from ..transforms.tracing import Target
from .differentiated import differentiated, is_gradient, is_gradient_word
from .gradient_flow import GradientFlow
from .gradient_values import Flow

_GUARDED_EVERYWHERE = ("apply_if_finite", "jax_debug_nans", "JAX_DEBUG_NANS")


@dataclass(eq=False, slots=True)
class TrainingStep:
    """One training step.

    Attributes:
        module: Where it stands.
        function: The function.
        flow: What happens to its gradients.
        update: The first call by which gradients become an update, or that leads there.
        finite: Whether loss or gradients are checked for NaN and infinity.
    """

    module: Module
    function: Function
    flow: Flow
    update: ast.AST
    finite: bool


def training_steps(project: Project) -> list[TrainingStep]:
    """Returns the training steps of a project, tests left out.

    The innermost function counts in which gradients are taken and applied, itself or by what it
    calls: a loop over steps is none. Neither is a step that is differentiated itself, as the
    inner loop of meta-learning.
    """
    found: list[TrainingStep] | None = project.facts.get("training_steps")
    if found is None:
        found = project.facts["training_steps"] = list(_find(project))
    return found


def _find(project: Project) -> Iterator[TrainingStep]:
    modules = [m for m in project.modules.values() if m.uses_jax and not m.is_test]
    if not any("grad" in module.source for module in modules):
        return
    search = _StepSearch(_names_in_play(modules))
    for module in modules:
        for node in calls_of(module):
            if node is None or isinstance(node, ast.Lambda) or node.name not in search.names:
                continue
            target = Target(module, module.function(node))
            if search.both(target) and not search.both_inside(target):
                step = _step(project, target)
                if step is not None:
                    yield step


def _step(project: Project, target: Target) -> TrainingStep | None:
    module, function = target.module, target.function
    inner_loop = function
    while inner_loop is not None:
        if inner_loop.node in differentiated(project):
            return None
        inner_loop = inner_loop.parent
    flow = GradientFlow(project, target).flow
    if not flow.updates:
        return None
    finite = flow.finite or _finite_around(project, target)
    return TrainingStep(module, function, flow, flow.updates[0][0], finite)


class _StepSearch:
    """What functions do, by themselves or by the functions that they call."""

    def __init__(self, names: set[str]) -> None:
        self.names = names
        self._known: dict[FunctionNode, tuple[bool, bool]] = {}
        self._callees: dict[FunctionNode, list[Target]] = {}

    def both(self, target: Target) -> bool:
        """Whether a function takes gradients and applies updates."""
        return all(self._of(target, 5))

    def both_inside(self, target: Target) -> bool:
        """Whether a function that it calls, or that is defined in it, does both."""
        node = target.function.node
        nested = [
            Target(target.module, other)
            for other in target.module.functions
            if other.parent is target.function and not isinstance(other.node, ast.Lambda)
        ]
        others = [t for t in [*self._called(target), *nested] if t.function.node is not node]
        return any(self.both(other) for other in others)

    def _of(self, target: Target, depth: int) -> tuple[bool, bool]:
        node = target.function.node
        known = self._known.get(node)
        if known is not None:
            return known
        self._known[node] = (False, False)
        takes = updates = False
        module = target.module
        for call in inside(module, target.function):
            takes = takes or is_gradient(module.resolve(call.func))
            updates = updates or _may_update(module, call)
        if not (takes and updates) and depth > 0:
            for other in self._called(target):
                more = self._of(other, depth - 1)
                takes, updates = takes or more[0], updates or more[1]
        self._known[node] = (takes, updates)
        return takes, updates

    def _called(self, target: Target) -> list[Target]:
        node = target.function.node
        found = self._callees.get(node)
        if found is None:
            module = target.module
            calls = [c for c in inside(module, target.function) if _last(c.func) in self.names]
            found = [t for call in calls if (t := function_of(module, call.func)) is not None]
            for each in [*found]:
                if any(is_gradient(each.module.resolve(d)) for d in each.function.decorators):
                    self._known[each.function.node] = (True, False)
            self._callees[node] = found
        return found


def _names_in_play(modules: list[Module]) -> set[str]:
    """The names of functions that take gradients or apply updates, or mention one that does.

    Names only, so there may be too many: it is what is worth a closer look.
    """
    mentions: list[tuple[set[str], set[str]]] = []
    names: set[str] = set()
    for module in modules:
        for node, calls in calls_of(module).items():
            mine = {f.name for f in chain(module.function(node))} if node else set()
            said: set[str] = set()
            for call in calls:
                words = {_last(each) for each in (call.func, *call.args)}
                said |= words
                statement = module.parent(call)
                if isinstance(statement, ast.Assign):
                    names_it = {_last(target) for target in statement.targets}
                    mentions.append((names_it, words))
                if is_gradient_word(_last(call.func)) or _may_update(module, call):
                    names |= mine
            if isinstance(node, ast.FunctionDef):
                decorators = {_last(d) for d in node.decorator_list}
                names |= mine if any(map(is_gradient_word, decorators)) else set()
            mentions.append((mine, said))
    while True:
        more = {name for mine, said in mentions if said & names for name in mine}
        if more <= names:
            return names - {""}
        names |= more


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _may_update(module: Module, call: ast.Call) -> bool:
    callee = call.func
    if isinstance(callee, ast.Attribute):
        if callee.attr in ("update", "apply_gradients"):
            return bool(call.args or call.keywords)
        if callee.attr != "apply_updates":
            return False
    return module.resolve(callee) == "optax.apply_updates"


def _finite_around(project: Project, target: Target) -> bool:
    """Whether the optimizer, the configuration or a caller looks for NaN."""
    sources = [m.source for m in project.modules.values() if m.uses_jax and not m.is_test]
    if any(word in source for source in sources for word in _GUARDED_EVERYWHERE):
        return True
    if checked(target.module, target.function, project):
        return True
    wanted = {target.function.node}
    if target.function.parent is not None:
        wanted.add(target.function.parent.node)
    names = {getattr(node, "name", "") for node in wanted}
    for module in project.modules.values():
        if module.uses_jax and not module.is_test and any(name in module.source for name in names):
            for calls, called in _mentioned(module):
                if wanted & called and any(is_check(module, call, project) for call in calls):
                    return True
    return False


def _mentioned(module: Module) -> list[tuple[list[ast.Call], set[FunctionNode]]]:
    """The calls of each function, with the functions that they call or are given."""
    assert module.project is not None
    key = ("mentioned", id(module))
    found: list[tuple[list[ast.Call], set[FunctionNode]]] | None = module.project.facts.get(key)
    if found is None:
        found = module.project.facts[key] = []
        for calls in calls_of(module).values():
            nodes = [node for call in calls for node in (call.func, *call.args)]
            named = [node for node in nodes if isinstance(node, ast.Name | ast.Attribute)]
            targets = [function_of(module, node) for node in named]
            found.append((calls, {t.function.node for t in targets if t is not None}))
    return found
