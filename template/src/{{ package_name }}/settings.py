"""The base of every settings object."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

FREE: Final = "free"
"""Marks a field, and all fields below it, that may change from one start of a run to the next.

``threads: Annotated[int, FREE] = 2`` says that the run computes the same whatever the value is. A
class that declares the field anew takes the mark over.
"""

Size = Annotated[int, Field(ge=1, le=1 << 20)]
"""How many of something are in memory at a time: examples, tokens, features.

It takes no other bound besides; where it is to be at least 2, write ``int = Field(ge=2, ...)``.
"""


class Settings(BaseModel):
    """Frozen and validated: an unknown field or a wrong type is an error, not a surprise later.

    Dtypes and choices are strings, so that a saved configuration can be read without importing
    JAX and outlives a renamed class. A field may be of any class or protocol.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True
    )


def is_free(kind: object, name: str) -> bool:
    """Whether a field of some settings is marked as `FREE`, in their class or one above it."""
    bases = kind.__mro__ if isinstance(kind, type) and issubclass(kind, BaseModel) else ()
    fields = [base.model_fields.get(name) for base in bases if issubclass(base, BaseModel)]
    return any(field is not None and FREE in field.metadata for field in fields)
