"""What a run of post-training begins with."""

from collections.abc import Callable
from pathlib import Path

from ..training.start import Start, begin
from ..training.weights import select, union
from .weights import load_weights

Draw = Callable[[Callable[[Start], Start]], Start]
"""Makes the part of random arrays that a function takes of them."""


def begin_with(like: Start, draw: Draw, start_from: str | None, run: Path | None) -> Start:
    """What a run begins with, kept as the reference; see `training.start.begin`.

    Args:
        like: Shapes, dtypes and shardings of the model's arrays.
        draw: Makes random ones, those alone that it is asked for.
        start_from: Folder of the run whose weights take their place, if any.
        run: The folder of this run.

    Raises:
        UserError: The weights to start from are not there, or do not fit.
    """

    def make() -> Start:
        if start_from is None:
            return draw(lambda start: start)
        if "base" not in like.variables:
            weights = load_weights(Path(start_from), "start_from", union(*like))
            return Start(*(select(weights, part) for part in like))
        base = load_weights(Path(start_from), "start_from", like.variables["base"])
        begun = draw(_without_base)
        return begun._replace(variables={**begun.variables, "base": base})

    return begin(like, make, start_from, run)


def _without_base(start: Start) -> Start:
    variables = {name: part for name, part in start.variables.items() if name != "base"}
    return start._replace(variables=variables)
