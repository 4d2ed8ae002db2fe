"""Canonical names: one spelling for an object that can be imported from several places."""

_EXACT = {
    "jax.tree_map": "jax.tree.map",
    "jax.tree_util.tree_map": "jax.tree.map",
    "jax.tree_util.tree_leaves": "jax.tree.leaves",
    "jax.tree_util.tree_structure": "jax.tree.structure",
    "jax.tree_util.tree_flatten": "jax.tree.flatten",
    "jax.tree_util.tree_reduce": "jax.tree.reduce",
    "jax.experimental.shard_map.shard_map": "jax.shard_map",
    "jax.pjit": "jax.experimental.pjit.pjit",
    "jax.ad_checkpoint.checkpoint": "jax.checkpoint",
    "jax.remat": "jax.checkpoint",
    "jax.PRNGKey": "jax.random.PRNGKey",
    "jax.experimental.PartitionSpec": "jax.sharding.PartitionSpec",
    "jax.P": "jax.sharding.PartitionSpec",
    "jax.NamedSharding": "jax.sharding.NamedSharding",
    "jax.numpy.ndarray": "jax.Array",
    "jaxlib.xla_extension.Array": "jax.Array",
    "chex.Array": "jax.Array",
    "jaxtyping.Array": "jax.Array",
    "jaxtyping.ArrayLike": "jax.typing.ArrayLike",
    "optax.tree_utils.tree_l2_norm": "optax.tree.norm",
    "optax.tree_utils.tree_norm": "optax.tree.norm",
}
_PREFIXES = {
    "flax.experimental.nnx": "flax.nnx",
    "jax._src.numpy": "jax.numpy",
    "jax._src.random": "jax.random",
    "jax._src.lax": "jax.lax",
}


def canonical(name: str) -> str:
    """Returns the one spelling of a dotted name."""
    exact = _EXACT.get(name)
    if exact is not None:
        return exact
    for prefix, replacement in _PREFIXES.items():
        if name.startswith(prefix):
            rest = name[len(prefix) :]
            if not rest or rest[0] == ".":
                return _EXACT.get(replacement + rest, replacement + rest)
    return name
