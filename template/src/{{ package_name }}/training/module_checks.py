"""Which module of a model is the first whose output, or whose gradient, is not finite."""

import contextlib
import functools
import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.experimental import checkify
from jaxtyping import Array, Bool, Float, Inexact, Int, PyTree

from ..numerics.shapes import Scalar


class Part(NamedTuple):
    """A loss that a step differentiates, and what it is a function of.

    Attributes:
        name: Which of the step's losses it is; empty where there is only one.
        graphdef: The structure of the model.
        params: What is trained, as the model computes with it, nested by module.
        rest: The model's other variables.
        inputs: What else the loss takes.
        loss: Of the model and the inputs.
    """

    name: str
    graphdef: nnx.GraphDef
    params: PyTree
    rest: PyTree
    inputs: PyTree
    loss: Callable[[Any, PyTree], Scalar]


class Examined(NamedTuple):
    """What was found out about a part.

    Attributes:
        name: Its name.
        loss: Its loss.
        output: The first module whose output is not finite, or that gave another what is not, and
            how much of it; None if all outputs are finite.
        gradient: The first module, going backwards, whose gradient is not finite; None if all are,
            or where outputs or the loss are not, from which all gradients follow.
        norms: The norm of the gradient of each module that has parameters of its own.
    """

    name: str
    loss: float
    output: str | None
    gradient: str | None
    norms: dict[str, float]


def examine(part: Part) -> Examined:
    """Compute a loss and its gradient, and look at each module on the way."""
    calls = ModuleCalls()

    def forward(params: PyTree, rest: PyTree, inputs: PyTree) -> Scalar:
        model = nnx.merge(part.graphdef, params, rest)
        with calls.checked(model):
            return part.loss(model, inputs)

    gradient = jax.grad(
        lambda params, rest, inputs: part.loss(nnx.merge(part.graphdef, params, rest), inputs)
    )
    backward = jax.jit(lambda *arrays: jax.tree.map(_measure, gradient(*arrays)))
    arrays = part.params, part.rest, part.inputs
    check = jax.jit(checkify.checkify(forward, errors=checkify.user_checks))
    jax.clear_caches()  # what was traced before, such as a function in the loss, has no checks,
    error, loss = check(*_same_keys(arrays))
    jax.clear_caches()  # and what is traced now has some
    norms, bad = _by_module(jax.device_get(backward(*_same_keys(arrays))))
    output = calls.describe(error.get_exception())
    sound = output is None and math.isfinite(loss)
    return Examined(part.name, float(loss), output, calls.last(bad) if sound else None, norms)


def _same_keys(tree: PyTree) -> PyTree:
    """The same arrays, whose random keys may be used once more: here the step's are on purpose."""

    def again(leaf: Any) -> Any:
        is_key = jnp.issubdtype(getattr(leaf, "dtype", type(leaf)), jax.dtypes.prng_key)
        return jax.random.clone(leaf) if is_key else leaf

    return jax.tree.map(again, tree)


class _Loop(NamedTuple):
    """A module that a loop over layers makes of the arrays of one layer at each turn."""

    path: str
    turns: object  # of which loop
    place: int  # among the modules of this path that one turn calls


class _Call(NamedTuple):
    """One call of a module."""

    module: Any
    path: str
    loop: _Loop | None
    above: "_Call | None"


class ModuleCalls:
    """The calls of a model's modules in one trace."""

    def __init__(self) -> None:
        self._paths: list[tuple[str, Any]] = []
        self._made: list[_Call] = []
        self._running: list[_Call] = []
        self._loops: list[tuple[object, Int[Array, ""]]] = []
        self._places: Counter[tuple[object, str]] = Counter()

    @contextlib.contextmanager
    def checked(self, model: nnx.Module) -> Iterator[None]:
        """Check the outputs of the modules of a model that are called inside, under `checkify`."""
        self._paths = _modules(model)
        with contextlib.ExitStack() as stack:
            for kind in {type(module) for _, module in self._paths}:
                if original := getattr(kind, "__call__", None):  # noqa: B004
                    stack.enter_context(_replaced(kind, "__call__", self._checking(original)))
            stack.enter_context(_replaced(jax.lax, "scan", self._counting(jax.lax.scan)))
            yield

    def describe(self, failed: Any) -> str | None:
        """What a check that failed is about, if one did."""
        if failed is None:
            return None
        number, turn, bad, size, given = (int(value) for value in failed.args)
        call = self._made[number]
        if not given:
            return f"{self._name(call, turn)}: {bad} of {size} numbers"
        above = "what calls it" if call.above is None else self._name(call.above, turn)
        return f"{above}: {given} of the numbers that it gives to {self._name(call, turn)}"

    def _name(self, call: _Call, turn: int) -> str:
        if call.loop is None:
            return _name(call, 0)
        in_turn = self._places[call.loop.turns, call.loop.path]
        return _name(call, turn * in_turn + call.loop.place)

    def last(self, bad: dict[str, list[int]]) -> str | None:
        """The module among some that was called last, and the last of its layers."""
        for call in reversed(self._made):
            if call.path in bad:
                return _name(call, bad[call.path][-1])
        return next(iter(bad), None)

    def _checking(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(module: Any, *arguments: Any, **options: Any) -> Any:
            if self._running and self._running[-1].module is module:  # it calls that of its base
                return original(module, *arguments, **options)
            number = len(self._made)
            made = self._place(module)
            self._made.append(made)
            self._running.append(made)
            try:
                output = original(module, *arguments, **options)
            finally:
                self._running.pop()
            turn = self._loops[-1][1] if self._loops else jnp.int32(0)
            bad, size = _count(output)
            given, _ = _count((arguments, options), masks=True)
            told = jnp.int32(number), turn, bad, size, given
            checkify.check(bad == 0, "{} {} {} {} {}", *told)
            return output

        return call

    def _place(self, module: Any) -> _Call:
        """Where in the model a module is that is called now."""
        above = self._running[-1] if self._running else None
        inside = [] if above is None else _modules(above.module, above.path)
        for path, node in (*self._paths, *inside):
            if node is module:
                return _Call(module, path, above and above.loop, above)
        # One that is made of arrays on the way is taken for the first of its kind below that.
        alike = [path for path, node in self._paths if type(node) is type(module)]
        below = [path for path in alike if above is None or path.startswith(above.path)]
        path = next(iter([*below, *alike]), type(module).__name__)
        if not self._loops:
            return _Call(module, path, None, above)
        turns = self._loops[-1][0]
        loop = _Loop(path, turns, self._places[turns, path])
        self._places[turns, path] += 1
        return _Call(module, path, loop, above)

    def _counting(self, scan: Callable[..., Any]) -> Callable[..., Any]:
        """A loop that knows which of its turns it makes."""

        def counted(f: Any, init: Any, xs: Any = None, length: Any = None, **more: Any) -> Any:
            leaves = jax.tree.leaves(xs)
            count = len(leaves[0]) if leaves else length

            def body(carry: Any, each: tuple[Int[Array, ""], Any]) -> tuple[Any, Any]:
                self._loops.append((object(), each[0]))
                try:
                    return f(carry, each[1])
                finally:
                    self._loops.pop()

            return scan(body, init, (jnp.arange(count, dtype=jnp.int32), xs), length, **more)

        return counted


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Give a class or a module another attribute for a while."""
    own = vars(owner).get(name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if own is None:
            delattr(owner, name)
        else:
            setattr(owner, name, own)


def _modules(model: Any, path: str = "") -> list[tuple[str, Any]]:
    """A model and the modules below it, by their dotted paths."""
    found = ((parts, node) for parts, node in nnx.iter_graph(model) if isinstance(node, nnx.Module))
    return [(".".join(map(str, (path, *parts) if path else parts)), node) for parts, node in found]


def _name(call: _Call, layer: int) -> str:
    if call.loop is None:
        return call.path or "the model"
    above = call.loop.path
    return f"{above}[{layer}]{call.path.removeprefix(above)}"


def _not_finite(x: Inexact[Array, "..."]) -> Bool[Array, "..."]:
    return ~(jnp.abs(x) < jnp.inf)


def _count(tree: PyTree, *, masks: bool = False) -> tuple[Int[Array, ""], Int[Array, ""]]:
    """How many numbers are not finite, and how many there are.

    Args:
        tree: Arrays, and what else a module takes or returns.
        masks: Minus infinity may stand for what is not to be seen, and is not counted.
    """
    leaves = [
        leaf
        for leaf in jax.tree.leaves(tree)
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jnp.inexact)
    ]
    bad = jnp.int32(0)
    for leaf in leaves:
        counts = _not_finite(leaf)
        bad += jnp.sum(counts & (leaf != -jnp.inf) if masks else counts, dtype=jnp.int32)
    return bad, jnp.int32(sum(leaf.size for leaf in leaves))


def _measure(gradient: Float[Array, "..."]) -> tuple[Scalar, Bool[Array, " _"]]:
    """The sum of squares, and where along the first axis something is not finite."""
    rows = gradient.reshape(len(gradient) if gradient.ndim > 1 else 1, -1)
    bad = jnp.any(_not_finite(rows), axis=1)
    return jnp.sum(jnp.square(gradient.astype(jnp.float32))), bad


def _by_module(measured: PyTree) -> tuple[dict[str, float], dict[str, list[int]]]:
    """The norm for each module, and the rows that are not finite where there are any."""
    squares: dict[str, float] = {}
    bad: dict[str, list[int]] = {}
    for keys, (square, rows) in jax.tree.leaves_with_path(measured, is_leaf=_is_pair):
        names = [str(key.key if hasattr(key, "key") else key.idx) for key in keys]
        module = ".".join(names[:-1] or names)
        squares[module] = squares.get(module, 0.0) + float(square)
        if rows.any():
            bad[module] = sorted({*bad.get(module, []), *rows.nonzero()[0].tolist()})
    return {module: square**0.5 for module, square in squares.items()}, bad


def _is_pair(node: Any) -> bool:
    return isinstance(node, tuple)
