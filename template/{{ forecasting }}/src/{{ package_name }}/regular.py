"""Rows of a series as a table with a row for each step."""

import numpy as np
from jaxtyping import Float32, Int64

from .errors import UserError
from .observations import Observations
from .steps import Order, Steps

Table = Float32[np.ndarray, "_ _"]

# A frequency that is far too high would fill the memory with missing values.
_MOST_STEPS_PER_ROW = 100


def places_of(rows: Observations, order: Order, steps: Steps) -> Int64[np.ndarray, " points"]:
    """The number of the step of each row of a series, in order of time.

    Raises:
        UserError: There are far more steps than rows.
    """
    ticks, frequency = steps.ticks[order], steps.frequency
    places = frequency.steps(ticks[:1], ticks)
    length = int(places[-1]) + 1
    if length > _MOST_STEPS_PER_ROW * (len(places) + 100):
        raise UserError(
            f"{rows.where(int(order[-1]))}: up to {frequency.text(int(ticks[-1]))} there are "
            f"{length:,} steps of {frequency}, but only {len(places):,} rows: correct the time, or "
            "give another --frequency"
        )
    return places


def on_steps(rows: Table, places: Int64[np.ndarray, " points"], aggregate: str) -> Table:
    """The rows of a series at their steps, NaN where there is none.

    Args:
        rows: In order of time.
        places: Where each goes, not falling.
        aggregate: What several rows at one step become: their ``mean`` or ``sum``, or the ``last``
            that has a value.
    """
    begins = np.flatnonzero(np.diff(places, prepend=-1))
    found = np.full((int(places[-1]) + 1, rows.shape[1]), np.nan, np.float32)
    if len(begins) < len(rows):
        rows = _aggregated(rows, begins, aggregate)
    found[places[begins]] = rows
    return found


def constants_of(rows: Observations, order: Order) -> tuple[float, ...]:
    """The static columns of a series, NaN where none of its rows has a value.

    Raises:
        UserError: Its rows have different ones.
    """
    found = []
    for column, raw in zip(rows.covariates.static, rows.static[order].T, strict=True):
        there = np.flatnonzero(~np.isnan(raw))
        other = there[raw[there] != raw[there[:1]]]
        if len(other):
            first, second = sorted(int(order[at]) for at in (there[0], other[0]))
            raise UserError(
                f"--static {column.name}: {rows.where(first)} and {rows.where(second)} are of one "
                "series and hold different values: use --known for what changes with time"
            )
        found.append(float(raw[there[0]]) if len(there) else np.nan)
    return tuple(found)


def _aggregated(rows: Table, begins: Int64[np.ndarray, " num_steps"], aggregate: str) -> Table:
    there = ~np.isnan(rows)
    if aggregate == "last":
        number = np.where(there, np.arange(len(rows))[:, None], -1)
        last = np.maximum.reduceat(number, begins, axis=0)
        values = np.take_along_axis(rows, np.maximum(last, 0), axis=0)
        return np.where(last < 0, np.float32(np.nan), values)
    count = np.add.reduceat(there.astype(np.int64), begins, axis=0)
    total = np.add.reduceat(np.where(there, rows, 0).astype(np.float64), begins, axis=0)
    total = total / np.maximum(count, 1) if aggregate == "mean" else total
    return np.where(count > 0, total, np.nan).astype(np.float32)
