"""The base of every settings object."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Frozen and validated: an unknown field or a wrong type is an error, not a surprise later.

    Dtypes and choices are strings, so that a saved configuration can be read without importing
    JAX and outlives a renamed class.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
