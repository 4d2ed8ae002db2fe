"""A call with its arguments evaluated."""

import ast
from dataclasses import dataclass, field

from ..values import CLEAN, Value, mask_of


@dataclass(eq=False, slots=True)
class Call:
    """A call, written in the source or implied by it, and what it passes.

    Attributes:
        node: The call as written; for a function that `scan` or `partial` calls: theirs.
        arguments: The values of the positional arguments.
        keywords: The values of the keyword arguments.
        spread: Whether an argument is starred, so that nobody knows which parameter gets what.
    """

    node: ast.Call
    arguments: list[Value]
    keywords: dict[str, Value] = field(default_factory=dict)
    spread: bool = False

    @property
    def values(self) -> list[Value]:
        """The values of all arguments."""
        return [*self.arguments, *self.keywords.values()]

    def mask(self) -> int:
        """Returns every input that one of the arguments depends on."""
        return mask_of(self.values)

    def argument(self, position: int, *names: str) -> Value:
        """Returns an argument by its position or one of its names."""
        if position < len(self.arguments):
            return self.arguments[position]
        return next((self.keywords[name] for name in names if name in self.keywords), CLEAN)
