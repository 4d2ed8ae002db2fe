"""What objects say about the sizes of dimensions."""

from typing import Any

from flax import nnx


def integers_of(value: Any) -> dict[str, int]:
    """Returns an object's positive integers by name, such as `d_model` of a configuration."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        attributes = value._asdict()  # pyright: ignore[reportAttributeAccessIssue]
    else:
        attributes = getattr(value, "__dict__", {})
    return {name: n for name, n in attributes.items() if type(n) is int and n > 0}


def axis_sizes(state: Any) -> dict[str, int]:
    """Returns the sizes of those axes that a module's variables name in their metadata."""
    sizes: dict[str, int] = {}
    for _, variable in nnx.to_flat_state(state):
        metadata = variable.get_metadata() if hasattr(variable, "get_metadata") else {}
        names = metadata.get("out_sharding") or metadata.get("sharding_names") or ()
        shape = getattr(variable, "shape", ())
        if isinstance(names, tuple) and len(names) == len(shape):
            named = zip(names, shape, strict=True)
            sizes |= {name: size for name, size in named if isinstance(name, str)}
    return sizes
