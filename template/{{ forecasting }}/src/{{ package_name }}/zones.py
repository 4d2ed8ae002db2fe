"""Local times and UTC, where clocks are set forward in spring and back in autumn."""

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int64

from .cells import UTC
from .dates import NAIVE, pc

Ticks = Int64[np.ndarray, "..."]


def to_local(ticks: Ticks, zone: str) -> Ticks:
    """What the clocks of a zone show.

    Args:
        ticks: Microseconds since 1970 in UTC.
        zone: Its name.

    Returns:
        Microseconds from 1970 as if what they show were UTC.
    """
    there = _array(ticks).cast(UTC).cast(pa.timestamp("us", zone))
    return _ticks(pc.local_timestamp(there), ticks)


def to_utc(
    ticks: Int64[np.ndarray, " points"], owners: Int64[np.ndarray, " points"], zone: str
) -> tuple[Int64[np.ndarray, " points"], Bool[np.ndarray, " points"]]:
    """When the clocks of a zone showed what they are said to have shown.

    In autumn they show an hour twice. Of the rows of one series that say the same time, the earlier
    one is taken for the first time, and the next for the second; a single one for the first.

    Args:
        ticks: What the clocks showed, in the order of the rows.
        owners: The series of each row.
        zone: Its name.

    Returns:
        Microseconds since 1970 in UTC; and which times never were, since clocks were set forward.
    """
    early, late = (
        _ticks(
            pc.assume_timezone(_array(ticks), zone, ambiguous=which, nonexistent="earliest"),
            ticks,
        )
        for which in ("earliest", "latest")
    )
    never = to_local(early, zone) != ticks
    twice = np.flatnonzero(early != late)
    if len(twice):
        same = np.diff(owners) == 0
        if np.sum(np.diff(ticks)[same] < 0) > np.sum(np.diff(ticks)[same] > 0):
            twice = twice[::-1]  # tables that begin with the newest row
        order = twice[np.lexsort((ticks[twice], owners[twice]))]
        again = (np.diff(ticks[order]) == 0) & (np.diff(owners[order]) == 0)
        later = order[1:][again]
        early[later] = late[later]
    return early, never


def _array(ticks: Ticks) -> pa.Array:
    return pa.array(ticks.ravel()).cast(NAIVE)


def _ticks(times: pa.Array, like: Ticks) -> Ticks:
    return times.cast(pa.int64()).to_numpy().reshape(like.shape).copy()
