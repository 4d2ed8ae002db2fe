"""Follows gradients through a training step: from where they are taken to the optimizer."""

import ast

from ..numerics.finite import is_check, named
from ..project import Project
from ..source.declared import function_of
from ..source.module import Module
from ..transforms.tables import PARTIAL, TRANSFORMS
from ..transforms.tracing import Target
from .differentiated import is_gradient
from .gradient_values import NORMS, NOTHING, GradientOf, Mark, Norm, Value, both, several
from .gradient_walk import Walk

_NORM_FUNCTIONS = {
    "optax.global_norm", "optax.tree.norm", "optax.tree_utils.tree_l2_norm",
    "optax.tree_utils.tree_norm", "jax.numpy.linalg.norm", "optax.safe_norm", "jax.numpy.sqrt",
    "jax.numpy.max", "jax.lax.sqrt", "jax.numpy.linalg.vector_norm", "optax.tree.max",
    "jax.example_libraries.optimizers.l2_norm", "numpy.linalg.norm", "numpy.sqrt", "math.sqrt",
}  # fmt: skip
_REDUCTIONS = {"psum", "pmean", "pmax", "all_gather", "psum_scatter", "pmin"}
_KNOWN_HOMES = (
    "jax.", "optax.", "flax.", "numpy.", "math.", "builtins.", "functools.", "chex.", "operator.",
    "itertools.", "typing.", "equinox.", "orbax.", "collections.", "jaxtyping.", "dataclasses.",
)  # fmt: skip
_GRADIENT_KEYWORDS = ("grads", "updates", "gradients")
_SOLVER_KEYWORDS = {"value_fn", "grad"}


class GradientFlow(Walk):
    """What calls do to gradients: take them, reduce them, clip them, measure them, apply them."""

    def __init__(self, project: Project, target: Target) -> None:
        self._project = project
        super().__init__(target)

    def _made(self, node: ast.Call) -> Value:
        name = self._frame.module.resolve(node.func) or ""
        if is_gradient(name) or name.startswith(("optax.", "jax.")):
            return Value(does=self._transform(name, node, []).does)
        return NOTHING

    def _call(self, node: ast.Call) -> Value:
        module = self._frame.module
        name = module.resolve(node.func) or ""
        arguments = [self._value(_inner(argument)) for argument in node.args]
        keywords = {k.arg or "**": self._value(k.value) for k in node.keywords}
        everything = both(*(v.flat for v in [*arguments, *keywords.values()]))
        for keyword, value in keywords.items():
            self._name_it(node, keyword, value)
        if everything.marks and not self.flow.finite and is_check(module, node, self._project):
            self.flow.finite = True
        if name:
            transformed = self._transform(name, node, arguments)
            if transformed.does is not None:
                return transformed
        callee = self._value(node.func) if not name or isinstance(node.func, ast.Name) else NOTHING
        if isinstance(callee.does, GradientOf):
            return callee.does.result(self._site(node))
        if named(module, node, self._project.settings.gradient_norm_helpers):
            return self._norm(node, everything)
        return self._apply(node, name, arguments, keywords, everything)

    def _transform(self, name: str, node: ast.Call, arguments: list[Value]) -> Value:
        """What a call makes that is called in turn: a gradient function, a clip."""
        if is_gradient(name) and name.rpartition(".")[2].endswith("grad"):
            return Value(does=_gradient(self._frame.module, node, name))
        last = name.rpartition(".")[2]
        if name.startswith("optax.") and "clip" in last and not last.startswith("per_example"):
            return Value(does="clip")
        transform = TRANSFORMS.get(name)
        if (transform and transform.wraps) or name in PARTIAL:
            if arguments and arguments[0].does is not None:
                return arguments[0]
            made = self._value(node.args[0]) if node.args and not arguments else NOTHING
            return Value(does=made.does)
        return NOTHING

    def _apply(
        self,
        node: ast.Call,
        name: str,
        arguments: list[Value],
        keywords: dict[str, Value],
        everything: Value,
    ) -> Value:
        last = name.rpartition(".")[2]
        if name in _NORM_FUNCTIONS:
            return self._norm(node, everything)
        if name == "optax.apply_updates":
            if len(arguments) > 1 and arguments[1].has("grad", "clipped"):
                self.flow.updates.append((self._site(node), arguments[1].marks))
            return Value(frozenset({Mark("params")}))
        if name == "jax.numpy.clip" or (name.startswith("optax.") and "clip" in last):
            return everything.with_kinds({"grad": "clipped", "clipped": "clipped"})
        if name == "jax.numpy.minimum":
            self._compare(everything)
        if last in _REDUCTIONS and name.startswith("jax.lax."):
            return both(*arguments[:1])
        if name in ("jax.tree.map", "flax.nnx.map_state") and node.args:
            return self._mapped(node.args[0], arguments[1:], node)
        if name.startswith(("jax.lax.", "flax.nnx.")) and name in TRANSFORMS:
            return self._control(last, node, arguments, everything)
        if isinstance(node.func, ast.Attribute):
            method = self._method(node, node.func, arguments, keywords, everything)
            if method is not None:
                return method
        target = function_of(self._frame.module, node.func)
        if target is not None:
            if any(is_gradient(_decorator(target.module, d)) for d in target.function.decorators):
                made = target.function.decorators[0]
                gradient = _gradient(target.module, made, _decorator(target.module, made) or "")
                return gradient.result(self._site(node))
            return self._enter(target, arguments, keywords, node)
        return self._unseen(node, name, everything)

    def _unseen(self, node: ast.Call, name: str, everything: Value) -> Value:
        receiver = NOTHING
        if isinstance(node.func, ast.Attribute) and not name.startswith(_KNOWN_HOMES):
            receiver = self._value(node.func.value).flat
            self._add(node.func.value, everything)
        if not name.startswith(_KNOWN_HOMES) and not receiver.marks:
            self.flow.escaped |= {
                m.origin for m in everything.marks if m.kind in ("grad", "clipped")
            }
        return both(receiver, everything).flat

    def _method(
        self,
        node: ast.Call,
        callee: ast.Attribute,
        arguments: list[Value],
        keywords: dict[str, Value],
        everything: Value,
    ) -> Value | None:
        """The methods that hand gradients to an optimizer; None for any other method."""
        if not everything.has("grad", "clipped"):
            return None
        if callee.attr == "apply_gradients":
            self.flow.updates.append((self._site(node), everything.marks))
            return Value(frozenset({Mark("params")}))
        named_ = arguments or "model" in keywords  # else it is a dictionary that is updated
        handed = [
            *arguments,
            *(keywords[k] for k in _GRADIENT_KEYWORDS if named_ and k in keywords),
        ]
        if callee.attr != "update" or not both(*(v.flat for v in handed)).has("grad", "clipped"):
            return None
        if self._value(callee.value).does == "clip":
            clipped = both(*arguments[:1]).with_kinds({"grad": "clipped", "clipped": "clipped"})
            return several(clipped, NOTHING)
        if not _SOLVER_KEYWORDS & keywords.keys():
            marks = frozenset(m for m in everything.marks if m.kind in ("grad", "clipped"))
            self.flow.updates.append((self._site(node), marks))
        made = everything.with_kinds({"grad": "update", "clipped": "update"})
        return several(made, NOTHING)

    def _norm(self, node: ast.Call, of: Value) -> Value:
        marks = frozenset(m for m in of.marks if m.kind in NORMS)
        if marks:
            self.flow.norms.append(Norm(self._frame.module, node, self._site(node), marks))
        kept = {kind: kind for kind in (*NORMS.values(), "loss")}
        return of.with_kinds({**NORMS, **kept})

    def _over(self, function: ast.expr, values: list[Value], node: ast.Call) -> Value:
        """What a function expression gives for values."""
        target = function_of(self._frame.module, function)
        if target is not None:
            return self._enter(target, values, {}, node)
        name = self._frame.module.resolve(function) or ""
        everything = both(*(v.flat for v in values))
        return self._norm(node, everything) if name in _NORM_FUNCTIONS else everything

    def _mapped(self, function: ast.expr, trees: list[Value], node: ast.Call) -> Value:
        """What mapping a function over trees gives: a tuple stays one, its elements apart."""
        size = next((len(tree.parts) for tree in trees if tree.parts is not None), 0)
        if not size:
            return self._over(function, [tree.flat for tree in trees], node).flat
        columns = [[tree.part(position) for tree in trees] for position in range(size)]
        return several(*(self._mapped(function, column, node) for column in columns))

    def _control(
        self, name: str, node: ast.Call, arguments: list[Value], everything: Value
    ) -> Value:
        args = node.args
        if name == "scan" and len(args) >= 2:
            xs = arguments[2].flat if len(arguments) > 2 else NOTHING
            carry = both(arguments[1], self._over(args[0], [arguments[1], xs], node).part(0))
            made = self._over(args[0], [carry, xs], node)
            return several(both(carry, made.part(0)), made.part(1))
        if name == "fori_loop" and len(args) >= 4:
            return both(arguments[3], self._over(args[2], [NOTHING, arguments[3]], node))
        if name == "while_loop" and len(args) >= 3:
            self._over(args[0], [arguments[2]], node)
            return both(arguments[2], self._over(args[1], [arguments[2]], node))
        if name == "cond" and len(args) >= 3:
            self._compare(arguments[0])
            given = arguments[3:]
            return both(*(self._over(branch, given, node) for branch in args[1:3]))
        return everything


def _gradient(module: Module, node: ast.expr, name: str) -> GradientOf:
    keywords = {k.arg: k.value for k in node.keywords} if isinstance(node, ast.Call) else {}
    aux = keywords.get("has_aux")
    known = module.literal(aux) if aux is not None else False
    return GradientOf("value" in name, known if isinstance(known, bool) else None)


def _decorator(module: Module, node: ast.expr) -> str | None:
    if isinstance(node, ast.Call):
        if module.resolve(node.func) in PARTIAL and node.args:
            return module.resolve(node.args[0])
        return module.resolve(node.func)
    return module.resolve(node)


def _inner(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Starred) else node
