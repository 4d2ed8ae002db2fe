"""The vision transformer as it is published by timm and torchvision (Dosovitskiy et al., 2021).

Blocks stand one by one, rather than stacked, so that each can be frozen or trained at its own rate.
"""

from typing import Any, Literal

import chex
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from pydantic import Field, model_validator

from ..errors import UserError
from ..numerics.contract import contract
from ..numerics.parameters import declare, parameter
from ..numerics.precision import Precision
from ..numerics.shapes import Hidden
from ..parallel.rules import constrain
from ..settings import Size
from .adapting import Adapted, replace_head, resize_positions
from .image_settings import Images, PublishedImageSettings, classify
from .vit_layers import Dense, LayerNorm, Scale, dense


class PublishedViTSettings(PublishedImageSettings):
    """A published vision transformer, and how it is computed.

    Attributes:
        patch: Height and width of a patch, in pixels.
        d_model: Width of the residual stream.
        num_layers: Blocks.
        num_heads: Attention heads.
        d_ff: Width inside a feed-forward layer.
        qkv_bias: Whether the projections to queries, keys and values have a bias.
        layer_scale: Whether what a branch gives is scaled, feature by feature (Touvron et al.,
            2021).
        class_token: Whether there is a token beside the patches from which classes are told.
        registers: Further tokens beside the patches (Darcet et al., 2024).
        patches_alone: Whether only patches have positions, and the other tokens none.
        pool: What classes are told from: the class ``token``, or the ``mean`` over patches.
        norm_last: Whether the mean is normed, rather than taken of what is normed.
        norm_epsilon: Added to the variance of a norm.
    """

    patch: Size = 16
    d_model: Size = 768
    num_layers: int = Field(default=12, ge=1, le=1000)
    num_heads: Size = 12
    d_ff: Size = 3072
    qkv_bias: bool = True
    layer_scale: bool = False
    class_token: bool = True
    registers: int = Field(default=0, ge=0, le=1000)
    patches_alone: bool = False
    pool: Literal["token", "mean"] = "token"
    norm_last: bool = False
    norm_epsilon: float = Field(default=1e-6, gt=0)

    @model_validator(mode="after")
    def _fits_together(self) -> "PublishedViTSettings":
        if self.d_model % self.num_heads:
            raise ValueError(f"num_heads: {self.num_heads} does not divide d_model={self.d_model}")
        if self.pool == "token" and not self.class_token:
            raise ValueError("pool: without a class token, it must be 'mean'")
        return self

    @property
    def others(self) -> int:
        """Tokens beside the patches."""
        return self.class_token + self.registers

    @property
    def grid(self) -> tuple[int, int]:
        """Patches downwards and across.

        Raises:
            UserError: Patches do not fill an image exactly.
        """
        (height, width, _), _ = self.known_sizes()
        if height % self.patch or width % self.patch:
            raise UserError(
                f"model.patch: {self.patch} does not divide images of {height} by {width} pixels: "
                f"prepare them with data.height and data.width that are multiples of {self.patch}"
            )
        return height // self.patch, width // self.patch

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """What makes tokens of an image, and each block."""
        there = {"class_token": self.class_token, "registers": self.registers}
        tokens = ("embedding*", "positions", *(name for name, count in there.items() if count))
        return (tokens, *((f"blocks.{number}.*",) for number in range(self.num_layers)))

    @property
    def above(self) -> tuple[str, ...]:
        """The norm between blocks and head."""
        return ("norm.*",)

    def adapted(self, weights: PyTree, like: PyTree) -> Adapted:
        """Weights of a model that differs in its head and in the size of its images."""
        others = 0 if self.patches_alone else self.others
        resized = resize_positions(weights, like, self.grid, others)
        replaced = replace_head(resized.weights, like)
        return Adapted(replaced.weights, resized.notes + replaced.notes)

    def build(self, *, rngs: nnx.Rngs, precision: Precision) -> "PublishedViT":
        """Build the transformer with freshly initialised parameters.

        Raises:
            UserError: Patches do not fill an image exactly.
        """
        return PublishedViT(self, rngs=rngs, precision=precision)


class Attention(nnx.Module):
    """Attention in which every position sees all others."""

    def __init__(
        self, settings: PublishedViTSettings, *, rngs: nnx.Rngs, precision: Precision
    ) -> None:
        width, count = settings.d_model, settings.num_heads
        heads = {"num_heads": count, "d_head": width // count}
        into = {"d_model": width, "projections": 3} | heads
        self.qkv = parameter(rngs.params(), into, width, precision)
        zeros = jnp.zeros((3, *heads.values()), jnp.float32)
        bias = declare(zeros, ("projections", *heads), precision)
        self.qkv_bias = bias if settings.qkv_bias else None
        back = heads | {"d_model": width}
        self.out = parameter(rngs.params(), back, width * 2 * settings.num_layers, precision)
        self.out_bias = declare(jnp.zeros((width,), jnp.float32), ("d_model",), precision)
        self.precision = precision

    def __call__(self, x: Hidden) -> Hidden:
        """Attend from every position."""
        chex.assert_shape(x, (None, None, self.qkv.shape[0]))
        made = contract("bsd,dphk->bsphk", x, self.qkv[...], self.precision, accumulator=True)
        if self.qkv_bias is not None:
            made = made + self.qkv_bias[...].astype(jnp.float32)[None, None]
        made = constrain(made, "batch", "seq_len", "projections", "num_heads", "d_head")
        # Heads before positions: of other layouts, jax 0.10 cannot run some products on CPUs.
        made = jnp.transpose(made.astype(self.precision.compute_dtype), (2, 0, 3, 1, 4))
        query, key, value = made
        scale = query.shape[-1] ** -0.5
        scores = contract("bhik,bhjk->bhij", query, key, self.precision, accumulator=True) * scale
        weights = jax.nn.softmax(scores, axis=-1)
        mixed = contract("bhij,bhjk->bhik", weights, value, self.precision).swapaxes(1, 2)
        return dense("bihk,hkd->bid", mixed, self.out, self.out_bias, self.precision)


class Block(nnx.Module):
    """Attention and a feed-forward layer, each added to the residual stream."""

    def __init__(
        self, settings: PublishedViTSettings, *, rngs: nnx.Rngs, precision: Precision
    ) -> None:
        width, inner, epsilon = settings.d_model, settings.d_ff, settings.norm_epsilon
        made: dict[str, Any] = {"rngs": rngs, "precision": precision}
        self.attention_norm = LayerNorm(width, epsilon, precision=precision)
        self.attention = Attention(settings, **made)
        self.feed_forward_norm = LayerNorm(width, epsilon, precision=precision)
        self.up = Dense({"d_model": width, "d_ff": inner}, width, **made)
        fan_in = inner * 2 * settings.num_layers
        self.down = Dense({"d_ff": inner, "d_model": width}, fan_in, **made)
        scaled = settings.layer_scale
        self.attention_scale = Scale(width, precision=precision) if scaled else None
        self.feed_forward_scale = Scale(width, precision=precision) if scaled else None

    def __call__(self, x: Hidden) -> Hidden:
        """One block."""
        branch = self.attention(self.attention_norm(x))
        x = x + (branch if self.attention_scale is None else self.attention_scale(branch))
        inner = jax.nn.gelu(self.up(self.feed_forward_norm(x)), approximate=False)
        branch = self.down(constrain(inner, "batch", "seq_len", "d_ff"))
        x = x + (branch if self.feed_forward_scale is None else self.feed_forward_scale(branch))
        return constrain(x, "batch", "seq_len", "d_model")


class PublishedViT(nnx.Module):
    """Tells which class an image belongs to."""

    def __init__(
        self, settings: PublishedViTSettings, *, rngs: nnx.Rngs, precision: Precision
    ) -> None:
        (rows, columns), (_, num_classes) = settings.grid, settings.known_sizes()
        self.settings = settings
        self.precision = precision
        width, patch = settings.d_model, settings.patch
        sizes = {"kh": patch, "kw": patch, "channels": settings.channels, "d_model": width}
        fan_in = patch**2 * settings.channels
        self.embedding = parameter(rngs.params(), sizes, fan_in, precision)
        self.embedding_bias = declare(jnp.zeros((width,), jnp.float32), ("d_model",), precision)

        def tokens(count: int) -> nnx.Param | None:
            sizes = {"seq_len": count, "d_model": width}
            return parameter(rngs.params(), sizes, width, precision) if count else None

        self.class_token = tokens(int(settings.class_token))
        self.registers = tokens(settings.registers)
        others = 0 if settings.patches_alone else settings.others
        sizes = {"seq_len": rows * columns + others, "d_model": width}
        self.positions = parameter(rngs.params(), sizes, width, precision)
        self.blocks = nnx.List(
            Block(settings, rngs=rngs, precision=precision) for _ in range(settings.num_layers)
        )
        self.norm = LayerNorm(width, settings.norm_epsilon, precision=precision)
        sizes = {"d_model": width, "num_classes": num_classes}
        self.head = parameter(rngs.params(), sizes, width, precision)
        self.bias = declare(jnp.zeros((num_classes,), jnp.float32), ("num_classes",), precision)

    def __call__(
        self, images: Images, *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "batch num_classes"]:
        """Float32 logits of the classes.

        Args:
            images: Normalised pixels.
            key: Randomness for dropout; without it nothing is dropped.
        """
        settings = self.settings
        chex.assert_shape(images, (None, *settings.known_sizes()[0]))
        x = constrain(self._tokens(settings.rescale(images)), "batch", "seq_len", "d_model")
        for block in self.blocks:
            x = block(x)
        x = x.astype(jnp.float32)
        if settings.pool == "token":
            pooled = self.norm(x[:, 0])
        elif settings.norm_last:
            pooled = self.norm(jnp.mean(x[:, settings.others :], axis=1))
        else:
            pooled = jnp.mean(self.norm(x)[:, settings.others :], axis=1)
        options = {"dropout": settings.dropout, "key": key}
        return classify(pooled, self.head, self.bias, self.precision, **options)

    def _tokens(self, images: Images) -> Hidden:
        """Patches and the tokens before them, each with its position."""
        batch, (rows, columns), size = images.shape[0], self.settings.grid, self.settings.patch
        squares = images.reshape(batch, rows, size, columns, size, -1).swapaxes(2, 3)
        squares = squares.reshape(batch, rows * columns, size, size, -1)
        patches = contract(
            "bshwc,hwcd->bsd", squares, self.embedding[...], self.precision, accumulator=True
        )
        patches = patches + self.embedding_bias[...].astype(jnp.float32)[None, None]
        positions = self.positions[...].astype(jnp.float32)[None]
        first = [each for each in (self.class_token, self.registers) if each is not None]
        others = [
            jnp.broadcast_to(each[...].astype(jnp.float32)[None], (batch, *each.shape))
            for each in first
        ]
        if self.settings.patches_alone:
            x = jnp.concatenate([*others, patches + positions], axis=1)
        else:
            x = jnp.concatenate([*others, patches], axis=1) + positions
        return x.astype(self.precision.compute_dtype)
