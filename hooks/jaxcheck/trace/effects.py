"""Side effects that happen while a traced function is traced."""

import re
from collections.abc import Iterator

from ..findings import Finding
from .candidates import Candidate
from .places import finding
from .running import Run

_HOLDER = re.compile(r"is referred to by ([A-Za-z_][\w.]*)\s*$", re.MULTILINE)


def written(candidate: Candidate, run: Run) -> Iterator[Finding]:
    """Yields the places that write to the standard output."""
    for spot in run.output:
        message = (
            f"This writes to the standard output while `{candidate.name}` is traced: it runs "
            "once, at compilation, and shows tracers instead of numbers. Use jax.debug.print."
        )
        yield finding("JX1303", spot, message)


def leaked(candidate: Candidate, run: Run) -> Iterator[Finding]:
    """Yields a function that something outside still holds a traced value of.

    Args:
        candidate: A function that is traced without an error otherwise.
        run: A trace of it with JAX's check for leaks.
    """
    text = str(run.error)
    if run.error is None or not text.startswith("Leaked trace"):
        return
    holder = _HOLDER.search(text)
    where = f" (`{holder[1]}`)" if holder else ""
    message = (
        f"`{candidate.name}` leaks a traced value: something outside{where} still holds it after "
        "the trace. It stands for no number, and using it later raises UnexpectedTracerError; a "
        "call of the compiled function does not store anything at all. Return the value instead."
    )
    yield finding("JX1303", (candidate.module, candidate.function.node), message)
