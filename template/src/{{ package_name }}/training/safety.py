"""What keeps a bad update out of the weights, and stops a run that no longer learns."""

import math
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, PyTree
from pydantic import Field

from ..errors import Diverged
from ..numerics.result import NumericalError
from ..numerics.shapes import Scalar
from ..settings import Settings

_NORM = "grad_norm"
_PACKAGE = str(Path(__file__).parents[1])


class SafetySettings(Settings):
    """What makes an update unsafe, and how many such updates are too many.

    Attributes:
        max_gradient_norm: A step whose global gradient norm is larger, or not finite, is skipped:
            weights and optimizer state stay as they were.
        spike_threshold: A step whose loss is larger than the median of the 16 before it by more
            than so many of their standard deviations, robustly estimated, is skipped too; None
            skips none. A run keeps or lacks these losses from its start.
        max_consecutive_skips: After so many skipped updates in a row the run goes back to before
            them, and passes over their batches.
        max_rollbacks: How often it may do so; then it stops with a report. 0 stops at once.
        debug_nans: Check every operation of the step, and stop at the first that makes a NaN; slow.
    """

    max_gradient_norm: float = Field(default=100.0, gt=0)
    spike_threshold: float | None = Field(default=None, gt=0)
    max_consecutive_skips: int = Field(default=10, ge=1)
    max_rollbacks: int = Field(default=3, ge=0)
    debug_nans: bool = False


def is_safe(loss: Scalar, gradient_norm: Scalar, settings: SafetySettings) -> Bool[Array, ""]:
    """In-graph flag: loss and gradients are finite, and the gradients have not exploded."""
    return stays_finite(loss, jnp.zeros_like(loss)) & (gradient_norm <= settings.max_gradient_norm)


def stays_finite(new: PyTree, old: PyTree) -> Bool[Array, ""]:
    """In-graph flag: nothing that was finite became NaN or infinite.

    Some states begin with an infinity, such as the best loss so far of a schedule; it may stay.
    """
    checks = [
        jnp.all(jnp.isfinite(fresh) | (fresh == stale))
        for fresh, stale in zip(jax.tree.leaves(new), jax.tree.leaves(old), strict=True)
        if jnp.issubdtype(fresh.dtype, jnp.inexact)
    ]
    return jnp.all(jnp.stack(checks))


@jax.jit
def is_finite(tree: PyTree) -> Bool[Array, ""]:
    """Whether no floating-point leaf holds NaN or infinity."""
    return stays_finite(tree, jax.tree.map(jnp.zeros_like, tree))


def keep_if(flag: Bool[Array, ""], new: PyTree, old: PyTree) -> PyTree:
    """Leaf by leaf, `new` where the flag holds and `old` where it does not."""
    return jax.tree.map(lambda fresh, stale: jnp.where(flag, fresh, stale), new, old)


def stop_at_nan(step: Callable[..., tuple[Any, Any]]) -> Callable[..., Any]:
    """A checkified step as a plain one.

    Raises:
        Diverged: An operation made a NaN; the message says which, and where in the source.
    """

    def checked(state: Any, batch: Any) -> Any:
        number = int(state.step) + 1  # the step donates its state
        error, result = step(state, batch)
        found = error.get_exception()
        if found is not None:
            where = place_in(found.traceback_info.as_python_traceback())
            raise Diverged(f"step {number}: {found}{where}")
        return result

    return checked


def place_in(found: TracebackType | None) -> str:
    """The innermost place of the package in a traceback, in brackets; nothing if there is none."""
    own = [each for each in traceback.extract_tb(found) if each.filename.startswith(_PACKAGE)]
    return f" ({own[-1].filename}:{own[-1].lineno}, {own[-1].name})" if own else ""


class Stuck(Exception):
    """The last updates were all skipped.

    Attributes:
        step: The step of the last of them.
        metrics: Its numbers.
    """

    def __init__(self, step: int, metrics: Mapping[str, float]) -> None:
        norms = {name: value for name, value in metrics.items() if name.startswith(_NORM)}
        reason = f"the last {metrics['consecutive_skips']:.0f} updates were skipped"
        context = {"step": step, "loss": metrics["loss"], **norms}
        super().__init__(str(NumericalError("training", reason, context)))
        self.step, self.metrics = step, metrics

    @property
    def modules(self) -> dict[str, float]:
        """The norm of each module's gradients, where it is told: those not finite, the largest."""
        norms = {
            name.removeprefix(f"{_NORM}/"): value
            for name, value in self.metrics.items()
            if name.startswith(f"{_NORM}/")
        }
        size = {name: value if math.isfinite(value) else math.inf for name, value in norms.items()}
        return {name: norms[name] for name in sorted(norms, key=size.__getitem__, reverse=True)}


def raise_if_stuck(step: int, metrics: Mapping[str, float], settings: SafetySettings) -> None:
    """Look whether the run still learns.

    Raises:
        Stuck: Its last updates were all skipped.
    """
    if metrics["consecutive_skips"] >= settings.max_consecutive_skips:
        raise Stuck(step, metrics)
