"""One training step over pure arrays."""

from collections.abc import Callable
from operator import itemgetter

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import PRNGKeyArray, PyTree

from ..numerics.precision import cast_floating
from ..numerics.shapes import Scalar
from .experiment import Batch, Experiment
from .metrics import Means
from .module_checks import Part
from .optimizer import rates_of
from .safety import is_safe, keep_if, stays_finite
from .spikes import not_updated, spike_metrics, unless_spike
from .state import TrainState

Metrics = dict[str, jax.Array]
Step = Callable[[TrainState, Batch], tuple[TrainState, Metrics]]


def make_train_step(
    graphdef: nnx.GraphDef, experiment: Experiment, optimizer: optax.GradientTransformationExtraArgs
) -> Step:
    """The step as a pure function of state and batch, to be compiled with donation.

    The model is merged from its arrays inside, so the code reads like NNX while the compiled
    function takes and returns nothing but arrays. The optimizer is also told the batch's loss, as
    ``value``, which some of Optax's ask for.
    """
    rates = rates_of(experiment.optimizer, experiment.loop.steps)

    def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        grads, variables, means = _gradients(graphdef, experiment, state, batch)
        loss, norm = means["loss"].value, optax.tree.norm(grads)
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params, value=loss)
        params = optax.apply_updates(state.params, updates)

        fresh = params, variables, opt_state
        stale = state.params, state.variables, not_updated(opt_state, state.opt_state)
        safe = is_safe(loss, norm, experiment.safety)
        safe &= stays_finite(fresh, stale)
        safe = unless_spike(safe, opt_state)
        params, variables, opt_state = keep_if(safe, fresh, stale)
        skips = jnp.where(safe, 0, state.consecutive_skips + 1)
        counts = {"skipped": state.skipped + ~safe, "consecutive_skips": skips}
        new = TrainState(state.step + 1, state.key, params, variables, opt_state, **counts)
        metrics = {name: mean.value for name, mean in means.items()}
        metrics |= {f"grad_norm/{name}": optax.tree.norm(grads[name]) for name in grads}
        applied = state.step - state.skipped
        metrics |= {name: jnp.asarray(rate(applied)) for name, rate in rates.items()}
        metrics |= {"grad_norm": norm, **counts, **spike_metrics(opt_state)}
        for hook in experiment.hooks:
            metrics |= hook.step_metrics(grads, updates, state.params)
        return new, metrics

    return train_step


def _gradients(
    graphdef: nnx.GraphDef, experiment: Experiment, state: TrainState, batch: Batch
) -> tuple[PyTree, PyTree, Means]:
    """Float32 gradient of the batch's mean loss, the model's new variables, and all metrics.

    Micro-batches contribute the gradient of their *summed* loss; the sum is divided once by the
    whole batch's weight, so micro-batches of unequal weight count as they should.
    """
    params = cast_floating(state.params, experiment.precision.param_dtype)
    key = jax.random.fold_in(state.key, state.step)

    def summed_loss(
        params: PyTree, variables: PyTree, batch: Batch, key: PRNGKeyArray
    ) -> tuple[Scalar, tuple[PyTree, Means]]:
        model = nnx.merge(graphdef, params, variables)
        means = experiment.objective(model, batch, key)
        variables = nnx.to_pure_dict(nnx.state(model, nnx.Not(nnx.Param)))
        return means["loss"].total, (variables, means)

    def part(variables: PyTree, batch: Batch, key: PRNGKeyArray) -> tuple[PyTree, PyTree, Means]:
        grad_fn = jax.grad(summed_loss, has_aux=True)
        grads, (variables, means) = grad_fn(params, variables, batch, key)
        return cast_floating(grads, "float32"), variables, means

    parts = experiment.loop.micro_batches
    if parts == 1:
        grads, variables, means = part(state.variables, batch, key)
    else:

        def accumulate(carry: tuple, piece: tuple) -> tuple[tuple, None]:
            sums, variables = carry
            grads, variables, means = part(variables, *piece)
            return (jax.tree.map(jnp.add, sums, (grads, means)), variables), None

        pieces = (deal(batch, parts), jax.random.split(key, parts))

        def first() -> tuple[PyTree, PyTree, Means]:
            # Taken in here, or JAX's own check would count the first key as used already.
            return part(state.variables, *jax.tree.map(lambda leaf: leaf[0], pieces))

        grads, _, means = jax.eval_shape(first)
        carry = (jax.tree.map(jnp.zeros_like, (grads, means)), state.variables)
        ((grads, means), variables), _ = jax.lax.scan(accumulate, carry, pieces)

    weight = means["loss"].weight
    scale = 1.0 / jnp.where(weight > 0, weight, 1.0)
    return jax.tree.map(lambda leaf: leaf * scale, grads), variables, means


def step_parts(
    graphdef: nnx.GraphDef, experiment: Experiment, state: TrainState, batch: Batch
) -> list[Part]:
    """What the step after `state` differentiates: the loss of each micro-batch."""
    params = cast_floating(state.params, experiment.precision.param_dtype)
    key, count = jax.random.fold_in(state.key, state.step), experiment.loop.micro_batches
    pieces = {"": (batch, key)}
    if count > 1:
        dealt = deal(batch, count), jax.random.split(key, count)
        pieces = {
            f"micro-batch {number + 1} of {count}": jax.tree.map(itemgetter(number), dealt)
            for number in range(count)
        }
    return [
        Part(
            name,
            graphdef,
            params,
            state.variables,
            inputs,
            lambda model, inputs: experiment.objective(model, *inputs)["loss"].value,
        )
        for name, inputs in pieces.items()
    ]


def deal(batch: PyTree, parts: int) -> PyTree:
    """Deal the examples out to micro-batches: ``[batch, ...]`` to ``[parts, batch / parts, ...]``.

    Dealing in turn, rather than cutting into runs, leaves every example on its device. Arrays that
    hold several rows for each example, one kind behind the other, are dealt out with all of them.
    """
    return jax.tree.map(lambda x: x.reshape(-1, parts, *x.shape[1:]).swapaxes(0, 1), batch)
