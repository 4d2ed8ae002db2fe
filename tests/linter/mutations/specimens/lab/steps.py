"""Training steps that report the norm of their gradients and refuse what is not finite."""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from .vision import Classifier

Params = PyTree[Float[Array, "..."]]
Metrics = dict[str, Float[Array, "..."]]

optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(1e-3))


def cross_entropy(
    logits: Float[Array, "batch num_classes"], labels: Int[Array, "batch"]
) -> Float[Array, ""]:
    chex.assert_shape(labels, (logits.shape[0],))
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    return jnp.mean(losses)


def loss_fn(
    params: dict[str, Float[Array, "..."]],
    x: Float[Array, "batch d_model"],
    labels: Int[Array, "batch"],
) -> Float[Array, ""]:
    chex.assert_shape(x, (labels.shape[0], None))
    hidden = jax.nn.relu(jnp.einsum("bd,df->bf", x, params["up"]))
    logits = jnp.einsum("bf,fc->bc", hidden, params["down"])
    return cross_entropy(logits, labels)


def keep_if(flag: Bool[Array, ""], new: PyTree, old: PyTree) -> PyTree:
    return jax.tree.map(lambda fresh, stale: jnp.where(flag, fresh, stale), new, old)


@jax.jit
def plain_step(
    params: Params, opt_state: Any, x: Float[Array, "batch d_model"], labels: Int[Array, "batch"]
) -> tuple[Params, Any, Metrics]:
    chex.assert_shape(x, (labels.shape[0], None))
    loss, grads = jax.value_and_grad(loss_fn)(params, x, labels)
    norm = optax.global_norm(grads)
    updates, new_state = optimizer.update(grads, opt_state, params)
    finite = jnp.isfinite(loss) & jnp.isfinite(norm)
    new_params = optax.apply_updates(params, updates)
    params, opt_state = keep_if(finite, (new_params, new_state), (params, opt_state))
    return params, opt_state, {"loss": loss, "grad_norm": norm}


@jax.jit
def reporting_step(
    params: Params, opt_state: Any, x: Float[Array, "batch d_model"], labels: Int[Array, "batch"]
) -> tuple[Params, Any, Metrics]:
    chex.assert_shape(x, (labels.shape[0], None))
    loss, grads = jax.value_and_grad(loss_fn)(params, x, labels)
    updates, new_state = optimizer.update(grads, opt_state, params)
    finite = jnp.isfinite(loss)
    new_params = optax.apply_updates(params, updates)
    params, opt_state = keep_if(finite, (new_params, new_state), (params, opt_state))
    return params, opt_state, {"loss": loss, "grad_norm": optax.global_norm(grads)}


@jax.jit
def augmented_step(
    params: Params,
    opt_state: Any,
    key: PRNGKeyArray,
    x: Float[Array, "batch d_model"],
    labels: Int[Array, "batch"],
) -> tuple[Params, Any, PRNGKeyArray, Metrics]:
    chex.assert_shape(x, (labels.shape[0], None))
    key, noise_key = jax.random.split(key)
    noisy = x + 0.1 * jax.random.normal(noise_key, x.shape)
    loss, grads = jax.value_and_grad(loss_fn)(params, noisy, labels)
    grad_norm = optax.tree.norm(grads)
    updates, new_state = optimizer.update(grads, opt_state, params)
    finite = jnp.isfinite(grad_norm)
    new_params = optax.apply_updates(params, updates)
    params, opt_state = keep_if(finite, (new_params, new_state), (params, opt_state))
    return params, opt_state, key, {"loss": loss, "grad_norm": grad_norm}


@nnx.jit
def module_step(
    model: Classifier,
    opt: nnx.Optimizer,
    images: Float[Array, "batch height width channels"],
    labels: Int[Array, "batch"],
) -> Metrics:
    chex.assert_rank([images, labels], [4, 1])

    def objective(model: Classifier) -> Float[Array, ""]:
        return cross_entropy(model(images), labels)

    loss, grads = nnx.value_and_grad(objective)(model)
    norm = optax.global_norm(grads)
    finite = jnp.isfinite(norm)
    opt.update(model, jax.tree.map(lambda leaf: jnp.where(finite, leaf, 0.0), grads))
    return {"loss": loss, "grad_norm": norm, "finite": finite}


@jax.jit
def adversarial_step(
    generator: Params,
    critic: Params,
    states: tuple[Any, Any],
    x: Float[Array, "batch d_model"],
    labels: Int[Array, "batch"],
) -> tuple[Params, Params, tuple[Any, Any], Metrics]:
    chex.assert_shape(x, (labels.shape[0], None))
    first, generator_grads = jax.value_and_grad(loss_fn)(generator, x, labels)
    second, critic_grads = jax.value_and_grad(loss_fn)(critic, x, labels)
    generator_updates, generator_state = optimizer.update(generator_grads, states[0], generator)
    critic_updates, critic_state = optimizer.update(critic_grads, states[1], critic)
    finite = jnp.isfinite(first + second)
    new = (
        optax.apply_updates(generator, generator_updates),
        optax.apply_updates(critic, critic_updates),
    )
    generator, critic = keep_if(finite, new, (generator, critic))
    metrics = {
        "loss": first + second,
        "generator_grad_norm": optax.global_norm(generator_grads),
        "critic_grad_norm": optax.global_norm(critic_grads),
    }
    return generator, critic, (generator_state, critic_state), metrics


def norm_of(grads: Params) -> Float[Array, ""]:
    squares = [jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(grads)]
    return jnp.sqrt(jnp.sum(jnp.stack(squares)))


@jax.jit
def own_norm_step(
    params: Params, opt_state: Any, x: Float[Array, "batch d_model"], labels: Int[Array, "batch"]
) -> tuple[Params, Any, Metrics]:
    chex.assert_shape(x, (labels.shape[0], None))
    (loss, grads) = jax.value_and_grad(loss_fn)(params, x, labels)
    norm = norm_of(grads)
    updates, new_state = optimizer.update(grads, opt_state, params)
    finite = jnp.isfinite(loss)
    new_params = optax.apply_updates(params, updates)
    params, opt_state = keep_if(finite, (new_params, new_state), (params, opt_state))
    metrics = {"loss": loss, "grad_norm": norm}
    return params, opt_state, metrics


def scanned_steps(
    params: Params,
    opt_state: Any,
    xs: Float[Array, "steps batch d_model"],
    labels: Int[Array, "steps batch"],
) -> tuple[Params, Any, Metrics]:
    chex.assert_equal_shape_prefix([xs, labels], 2)

    def step(
        carry: tuple[Params, Any],
        batch: tuple[Float[Array, "batch d_model"], Int[Array, "batch"]],
    ) -> tuple[tuple[Params, Any], Metrics]:
        params, opt_state = carry
        loss, grads = jax.value_and_grad(loss_fn)(params, *batch)
        norm = optax.global_norm(grads)
        updates, new_state = optimizer.update(grads, opt_state, params)
        new_params = optax.apply_updates(params, updates)
        carry = keep_if(jnp.isfinite(loss), (new_params, new_state), carry)
        return carry, {"loss": loss, "grad_norm": norm}

    (params, opt_state), metrics = jax.lax.scan(step, (params, opt_state), (xs, labels))
    return params, opt_state, metrics


@jax.jit
def accumulated_step(
    params: Params,
    opt_state: Any,
    xs: Float[Array, "parts batch d_model"],
    labels: Int[Array, "parts batch"],
) -> tuple[Params, Any, Metrics]:
    chex.assert_equal_shape_prefix([xs, labels], 2)
    total = jax.tree.map(jnp.zeros_like, params)
    losses = []
    for part in range(xs.shape[0]):
        loss, grads = jax.value_and_grad(loss_fn)(params, xs[part], labels[part])
        total = jax.tree.map(jnp.add, total, grads)
        losses.append(loss)
    grads = jax.tree.map(lambda leaf: leaf / xs.shape[0], total)
    grad_norm = optax.global_norm(grads)
    updates, new_state = optimizer.update(grads, opt_state, params)
    loss = jnp.mean(jnp.stack(losses))
    new_params = optax.apply_updates(params, updates)
    finite = jnp.isfinite(loss) & jnp.isfinite(grad_norm)
    params, opt_state = keep_if(finite, (new_params, new_state), (params, opt_state))
    return params, opt_state, {"loss": loss, "grad_norm": grad_norm}


def train(
    params: Params,
    opt_state: Any,
    batches: list[tuple[Float[Array, "batch d_model"], Int[Array, "batch"]]],
) -> tuple[Params, list[float]]:
    history = []
    for x, labels in batches:
        params, opt_state, metrics = plain_step(params, opt_state, x, labels)
        history.append(float(metrics["grad_norm"]))
    return params, history
