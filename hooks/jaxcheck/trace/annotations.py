"""What an evaluated annotation says about arrays."""

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from .sizes import UnguessableError

# Which dtype stands for a family of them: `Float` is traced as float32.
_PREFERRED = ("float32", "int32", "bool", "uint32", "complex64", "prng_key", "bfloat16")


def plain(annotation: Any) -> Any:
    """Returns an annotation without aliases, `Annotated`, `Final` and new types."""
    for _ in range(10):
        if hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif typing.get_origin(annotation) in (typing.Annotated, typing.Final):
            annotation = typing.get_args(annotation)[0]
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        else:
            break
    return annotation


def is_array(annotation: Any) -> bool:
    """Whether it is a jaxtyping array type, such as `Float[Array, "batch d_model"]`."""
    return isinstance(annotation, type) and hasattr(annotation, "dim_str")


def is_tree(annotation: Any) -> bool:
    """Whether it is jaxtyping's `PyTree`, of something or of anything."""
    return (
        isinstance(annotation, type)
        and annotation.__module__ == "jaxtyping"
        and (hasattr(annotation, "leaftype") or annotation.__name__ == "PyTree")
    )


def leaf_of(tree: Any) -> Any:
    """Returns the annotation of a `PyTree`'s leaves; `Any` for a bare one."""
    return getattr(tree, "leaftype", Any)


def is_host_array(annotation: Any) -> bool:
    """Whether it is an array of NumPy."""
    return annotation is np.ndarray or (
        is_array(annotation)
        and isinstance(annotation.array_type, type)
        and not issubclass(annotation.array_type, jax.Array)
    )


def alternatives(annotation: Any) -> tuple[Any, ...] | None:
    """Returns the members of a union, or of what a type variable may be; None for others."""
    if isinstance(annotation, typing.TypeVar):
        bound = (annotation.__bound__,) if annotation.__bound__ is not None else None
        return annotation.__constraints__ or bound
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return None


def within(annotation: Any, depth: int = 6) -> Iterator[Any]:
    """Yields an annotation and those that it is made of; a function's own are left out."""
    annotation = plain(annotation)
    yield annotation
    if depth == 0 or typing.get_origin(annotation) is Callable:
        return
    inside: tuple[Any, ...] = alternatives(annotation) or typing.get_args(annotation)
    if is_tree(annotation):
        inside = (leaf_of(annotation),)
    for each in inside:
        yield from within(each, depth - 1)


def dtype_of(annotation: Any) -> str | None:
    """Returns the dtype to trace an array type with; None where there is no telling."""
    allowed = annotation.dtypes
    if not isinstance(allowed, tuple):
        return "float32"  # `Shaped` takes any
    named = [dtype for dtype in allowed if isinstance(dtype, str)]
    return next((d for d in _PREFERRED if d in named), named[0] if named else None)


def fields_of(kind: Any) -> dict[str, tuple[Any, bool]] | None:
    """Returns the annotations of a record's fields, and whether each has a default.

    Returns:
        None where the class is neither a dataclass, nor a named tuple, nor a Pydantic model.
    """
    if not isinstance(kind, type):
        return None
    models = getattr(kind, "model_fields", None)
    if isinstance(models, dict):
        return {name: (f.annotation, not f.is_required()) for name, f in models.items()}
    try:
        hints = typing.get_type_hints(kind, include_extras=True)
    except Exception:
        return None
    if dataclasses.is_dataclass(kind):
        missing = dataclasses.MISSING
        return {
            f.name: (hints[f.name], (f.default, f.default_factory) != (missing, missing))
            for f in dataclasses.fields(kind)
            if f.init
        }
    names = getattr(kind, "_fields", None)
    if issubclass(kind, tuple) and names is not None:
        defaults = getattr(kind, "_field_defaults", {})
        return {name: (hints[name], name in defaults) for name in names if name in hints}
    return None


def evaluated(function: Callable[..., Any], name: str) -> dict[str, inspect.Parameter]:
    """Returns the parameters of a function with their annotations evaluated.

    Raises:
        UnguessableError: It has no signature, or an annotation cannot be evaluated.
    """
    try:
        signature = inspect.signature(function)
        hints = typing.get_type_hints(inspect.unwrap(function), include_extras=True)
    except Exception as error:
        raise UnguessableError(f"the annotations of `{name}`: {brief(error)}") from error
    return {
        key: parameter.replace(annotation=hints.get(key, Any))
        for key, parameter in signature.parameters.items()
    }


def brief(error: BaseException) -> str:
    """Returns the first sentence or so of an error."""
    text = " ".join(str(error).split()).partition(" The error occurred")[0]
    return f"{type(error).__name__}: {text}"[:160]


def spelled(annotation: Any) -> str:
    """Returns an annotation for people."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation.__qualname__
    return str(annotation).replace("typing.", "")
