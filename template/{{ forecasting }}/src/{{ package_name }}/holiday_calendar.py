"""Holidays of a country, by the package `holidays`, which users install where they want them."""

import functools
import importlib

import numpy as np
from jaxtyping import Float32, Int64

from .errors import UserError
from .frequency import DAY, Frequency


def count_holidays(
    frequency: Frequency, ticks: Int64[np.ndarray, " num_steps"], country: str
) -> Float32[np.ndarray, " num_steps"]:
    """How many holidays lie in each step; in steps shorter than a day, whether it is on one.

    Args:
        frequency: The step.
        ticks: The points in time, in order, at least one.
        country: Such as ``DE``, or ``DE-BY`` for a part of a country.

    Raises:
        UserError: The package is not installed, it does not know the country, or there are no
            dates.
    """
    if frequency.kind == "index":
        raise UserError("--holidays: steps of whole numbers have no dates")
    begin = frequency.local(ticks) // DAY
    end = begin + 1
    if frequency.kind == "months" or (frequency.kind == "time" and frequency.size > DAY):
        end = frequency.ticks(ticks, np.ones_like(ticks)) // DAY
    first, last = (
        int(np.array(day).astype("datetime64[D]").astype("datetime64[Y]").astype(int)) + 1970
        for day in (begin[0], end[-1])
    )
    days = _holidays(country, range(first, last + 1))
    return (np.searchsorted(days, end) - np.searchsorted(days, begin)).astype(np.float32)


@functools.cache
def _holidays(country: str, years: range) -> Int64[np.ndarray, " points"]:
    """Days since 1970, in order."""
    try:
        package = importlib.import_module("holidays")
    except ImportError as error:
        raise UserError(
            f"--holidays {country} needs the package holidays: run `uv add holidays`"
        ) from error
    state, _, part = country.partition("-")
    try:
        found = package.country_holidays(state, subdiv=part or None, years=years)
    except NotImplementedError as error:
        raise UserError(f"--holidays {country}: {error}") from error
    return np.array(sorted(found), "datetime64[D]").astype(np.int64)
