"""``Result``: what a check on the host returns instead of raising."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")
E = TypeVar("E")


@dataclass(frozen=True)
class Ok(Generic[T]):
    """The check passed; `value` is what it made."""

    value: T


@dataclass(frozen=True)
class Err(Generic[E]):
    """The check failed; `error` says why."""

    error: E


Result = Ok[T] | Err[E]


@dataclass(frozen=True)
class NumericalError:
    """What went wrong with the numbers.

    Attributes:
        operation: The operation that was checked, such as ``softmax``.
        reason: One clause for a person.
        context: Numbers and names that help to find the cause.
    """

    operation: str
    reason: str
    context: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        details = ", ".join(f"{name}={value}" for name, value in self.context.items())
        return f"{self.operation}: {self.reason}" + (f" ({details})" if details else "")
