"""Whether a raw key could be a typed one: everything that it reaches takes both alike."""

import ast
from dataclasses import dataclass, field

from ..source.mentions import mentions
from ..source.module import Module
from ..source.scopes import Scope
from .tracing import target_of

# What gives keys from a key, and whether they are several.
_DERIVED = {"jax.random.split": True, "jax.random.fold_in": False, "jax.random.clone": False}
# Functions of `jax.random` that take a key's words, or give them.
_RAW = {"key_data", "wrap_key_data", "key_impl", "PRNGKey", "key"}
_SINKS = {"flax.nnx.Rngs", "builtins.print", "builtins.repr", "builtins.str"}


def stays_a_key(module: Module, call: ast.Call) -> bool:
    """Whether the key that a call makes only ever goes where raw and typed keys do the same.

    That is: to `jax.random`, to `flax.nnx.Rngs`, and through local names and through functions of
    the project that do no more with it. A key that is returned, stored, indexed or given to
    anything else may meet code that expects an array of two words.
    """
    return _Walk().accepts(module, call, several=False)


@dataclass
class _Walk:
    """Follows keys along expressions and names.

    Attributes:
        seen: Every name that was followed, by its scope, and whether it holds several keys.
    """

    seen: dict[tuple[int, str], bool] = field(default_factory=dict)

    def accepts(self, module: Module, node: ast.expr, several: bool) -> bool:
        """Whether the place of an expression takes keys of both kinds.

        Args:
            module: The module of the expression.
            node: An expression that gives a key, or an array of keys.
            several: Whether it is an array of keys.
        """
        around = module.parent(node)
        if isinstance(around, ast.Expr):
            return True
        if isinstance(around, ast.keyword):
            call = module.parent(around)
            return isinstance(call, ast.Call) and self._argument(
                module, call, around.arg, None, several
            )
        if isinstance(around, ast.Call) and node in around.args:
            position = around.args.index(node)
            return self._argument(module, around, None, position, several)
        if isinstance(around, ast.Assign) and len(around.targets) == 1:
            return self._target(module, around.targets[0], several)
        if isinstance(around, ast.For) and around.iter is node and several:
            return self._target(module, around.target, several=False)
        if isinstance(around, ast.Subscript) and around.value is node and several:
            index = around.slice
            plain = isinstance(index, ast.Name) or isinstance(module.literal(index), int)
            return plain and self.accepts(module, around, several=False)
        return False

    def _target(self, module: Module, target: ast.expr, several: bool) -> bool:
        if isinstance(target, ast.Name):
            return self._name(module, target.id, module.index.scopes[target], several)
        if isinstance(target, ast.Tuple | ast.List) and several:
            return all(
                isinstance(e, ast.Name)
                and self._name(module, e.id, module.index.scopes[e], several=False)
                for e in target.elts
            )
        return False

    def _name(self, module: Module, name: str, scope: Scope, several: bool) -> bool:
        if not isinstance(scope.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return False  # other modules may read it
        if name in scope.declared:
            return False
        if (id(scope), name) in self.seen:
            return self.seen[id(scope), name] is several
        self.seen[id(scope), name] = several
        return all(
            self.accepts(module, use, several)
            for use in mentions(module, name, scope)
            if isinstance(use.ctx, ast.Load)
        )

    def _argument(
        self, module: Module, call: ast.Call, name: str | None, position: int | None, several: bool
    ) -> bool:
        callee = module.resolve(call.func)
        if callee in _SINKS:
            return not several
        if callee is not None and callee.startswith("jax.random."):
            last = callee.removeprefix("jax.random.")
            if last in _RAW or several or not (position == 0 or name == "key"):
                return False
            return callee not in _DERIVED or self.accepts(module, call, _DERIVED[callee])
        target = target_of(module, call.func)
        if target is None or any(isinstance(a, ast.Starred) for a in call.args):
            return False
        if not isinstance(target.function.node, ast.FunctionDef) or target.function.decorators:
            return False  # what a wrapper does with its arguments is not known
        free = target.free
        if position is not None and position < len(free):
            name = free[position]
        if name is None or target.function.parameter(name) is None:
            return False
        return self._name(target.module, name, target.function.scope, several)
