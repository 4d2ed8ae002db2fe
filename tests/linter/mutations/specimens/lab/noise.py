"""Randomness in training: dropout, augmentation, noise and masks."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray


def drop(
    key: PRNGKeyArray, x: Float[Array, "batch seq_len d_model"], rate: float
) -> Float[Array, "batch seq_len d_model"]:
    kept = jax.random.bernoulli(key, 1.0 - rate, x.shape)
    return jnp.where(kept, x / (1.0 - rate), 0.0)


def drop_branches(
    key: PRNGKeyArray,
    attended: Float[Array, "batch seq_len d_model"],
    transformed: Float[Array, "batch seq_len d_model"],
    rate: float,
) -> Float[Array, "batch seq_len d_model"]:
    first_key, second_key = jax.random.split(key)
    return drop(first_key, attended, rate) + drop(second_key, transformed, rate)


def augment(
    key: PRNGKeyArray, images: Float[Array, "batch height width channels"]
) -> Float[Array, "batch height width channels"]:
    flip_key, noise_key, light_key = jax.random.split(key, 3)
    flip = jax.random.bernoulli(flip_key, 0.5, (images.shape[0], 1, 1, 1))
    images = jnp.where(flip, images[:, :, ::-1], images)
    noise = 0.1 * jax.random.normal(noise_key, images.shape)
    light = jax.random.uniform(light_key, (images.shape[0], 1, 1, 1), minval=0.8, maxval=1.2)
    return images * light + noise


def mix(
    key: PRNGKeyArray, images: Float[Array, "batch height width channels"]
) -> Float[Array, "batch height width channels"]:
    key, share_key = jax.random.split(key)
    share = jax.random.beta(share_key, 0.2, 0.2, (images.shape[0], 1, 1, 1))
    order = jax.random.permutation(key, images.shape[0])
    return share * images + (1.0 - share) * images[order]


def mask_tokens(
    key: PRNGKeyArray, tokens: Int[Array, "batch seq_len"], mask_id: int, vocab_size: int
) -> tuple[Int[Array, "batch seq_len"], Bool[Array, "batch seq_len"]]:
    pick_key, kind_key, token_key = jax.random.split(key, 3)
    picked = jax.random.bernoulli(pick_key, 0.15, tokens.shape)
    kind = jax.random.uniform(kind_key, tokens.shape)
    random = jax.random.randint(token_key, tokens.shape, 0, vocab_size)
    replaced = jnp.where(kind < 0.8, mask_id, jnp.where(kind < 0.9, random, tokens))
    return jnp.where(picked, replaced, tokens), picked


def reparameterise(
    key: PRNGKeyArray, mean: Float[Array, "batch d_model"], scale: Float[Array, "batch d_model"]
) -> tuple[Float[Array, "batch d_model"], PRNGKeyArray]:
    key, noise_key = jax.random.split(key)
    return mean + scale * jax.random.normal(noise_key, mean.shape), key


def corrupt(
    key: PRNGKeyArray, images: Float[Array, "batch height width channels"], steps: int
) -> Float[Array, "batch height width channels"]:
    def step(
        carry: tuple[PRNGKeyArray, Float[Array, "batch height width channels"]], _: None
    ) -> tuple[tuple[PRNGKeyArray, Float[Array, "batch height width channels"]], None]:
        key, noisy = carry
        key, noise_key = jax.random.split(key)
        noisy = 0.99 * noisy + 0.1 * jax.random.normal(noise_key, noisy.shape)
        return (key, noisy), None

    (_, noisy), _ = jax.lax.scan(step, (key, images), None, length=steps)
    return noisy


def walk(
    key: PRNGKeyArray, start: Float[Array, "batch d_model"], steps: int
) -> Float[Array, "batch d_model"]:
    def body(
        step: Int[Array, ""], x: Float[Array, "batch d_model"]
    ) -> Float[Array, "batch d_model"]:
        return x + jax.random.normal(jax.random.fold_in(key, step), x.shape)

    return jax.lax.fori_loop(0, steps, body, start)


def ensemble(
    key: PRNGKeyArray, x: Float[Array, "batch d_model"], members: int
) -> Float[Array, "batch d_model"]:
    keys = jax.random.split(key, members)
    total = jnp.zeros_like(x)
    for member in range(members):
        total = total + x * jax.random.normal(keys[member], x.shape)
    return total / members


def two_views(
    key: PRNGKeyArray, images: Float[Array, "batch height width channels"]
) -> tuple[
    Float[Array, "batch height width channels"], Float[Array, "batch height width channels"]
]:
    keys = jax.random.split(key, 2)
    return augment(keys[0], images), augment(keys[1], images)


class Shuffler:
    """Orders of a data set, each epoch another one."""

    def __init__(self, seed: int) -> None:
        self.key = jax.random.key(seed)

    def order(self, size: int) -> Int[Array, "batch"]:
        """The order of the next epoch."""
        self.key, epoch_key = jax.random.split(self.key)
        return jax.random.permutation(epoch_key, size)

    def sample(self, size: int, count: int) -> Int[Array, "batch"]:
        """Some examples of the next epoch."""
        self.key, sample_key = jax.random.split(self.key)
        return jax.random.randint(sample_key, (count,), 0, size)


def evaluate(
    seed: int, x: Float[Array, "batch d_model"], runs: int
) -> Float[Array, "batch d_model"]:
    key = jax.random.key(seed)
    total = jnp.zeros_like(x)
    while runs > 0:
        key, run_key = jax.random.split(key)
        total = total + jax.random.laplace(run_key, x.shape)
        runs -= 1
    return total


@jax.jit
def training_inputs(
    key: PRNGKeyArray,
    images: Float[Array, "batch height width channels"],
    tokens: Int[Array, "batch seq_len"],
) -> tuple[Float[Array, "batch height width channels"], Int[Array, "batch seq_len"]]:
    image_key, token_key = jax.random.split(key)
    masked, _ = mask_tokens(token_key, tokens, mask_id=1, vocab_size=1000)
    return augment(image_key, images), masked


@jax.jit
def residual(
    key: PRNGKeyArray,
    x: Float[Array, "batch seq_len d_model"],
    branch: Float[Array, "batch seq_len d_model"],
) -> Float[Array, "batch seq_len d_model"]:
    return drop_branches(key, x, branch, rate=0.1)
