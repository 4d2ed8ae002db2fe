"""What a check found."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

from ...errors import UserError


class Finding(NamedTuple):
    """What a check found.

    Attributes:
        what: What was looked at.
        said: What is there, or what is wrong and what to do.
        level: How bad it is.
    """

    what: str
    said: str
    level: Literal["ok", "warning", "wrong"] = "ok"


def tried(what: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """The findings of a check, and a last one where it met what is wrong."""
    try:
        yield from check()
    except UserError as error:
        yield Finding(what, " ".join(str(error).split()), "wrong")
