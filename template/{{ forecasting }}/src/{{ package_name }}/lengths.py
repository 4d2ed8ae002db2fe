"""How far to look back and ahead where no setting says it: what suits a data set."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .errors import UserError
from .frequency import DAY, Frequency

_LEAST_HORIZON = 8  # steps, if a season is shorter
_SEASONS_BACK = 3
_TOKENS = 16  # of a window, about
_NEAR = 3


class Lengths(NamedTuple):
    """The shape of a window, in steps.

    Attributes:
        seq_len: Steps before an origin (``data.seq_len``).
        horizon: Steps that are forecast (``data.horizon``).
        patch_len: Steps in a token (``model.patch_len``).
    """

    seq_len: int
    horizon: int
    patch_len: int

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> "Lengths":
        """Those that `prepare` wrote down; up to 0.4.1 it did not, and they follow from the rest.

        Raises:
            UserError: The series are too short.
        """
        if "lengths" in info:
            return cls(**info["lengths"])
        frequency = Frequency.parse(info["frequency"])
        return default_lengths(
            frequency, info["season"], [series["bounds"] for series in info["series"]]
        )

    def __str__(self) -> str:
        """As `prepare` prints it."""
        return (
            f"{self.horizon} steps ahead (data.horizon) from {self.seq_len} (data.seq_len), in "
            f"tokens of {self.patch_len} (model.patch_len)"
        )


def default_lengths(frequency: Frequency, season: int, bounds: Sequence[Sequence[int]]) -> Lengths:
    """Choose lengths by the frequency, the season, and how long the series are.

    The horizon is a season, or as many as make 8 steps, and no longer than the held-out splits. The
    history is three times as long, at least a week where the season is a day, and at most half of
    what is trained on. A token is a fraction of a season that makes about 16 of a window.

    Args:
        frequency: The step.
        season: Steps in the period that the series repeat with.
        bounds: For each series the steps at which the splits begin, and its length.

    Raises:
        UserError: No series reaches into each of the splits.
    """
    trained, *held_out = (
        max(each[at + 1] - each[at] for each in bounds) for at in range(len(bounds[0]) - 1)
    )
    if not min(trained, *held_out):
        raise UserError(
            f"the longest series has {max(each[-1] for each in bounds)} steps of {frequency}, too "
            "few to train, validate and test: give longer series, or a finer --frequency"
        )
    wanted = season * math.ceil(_LEAST_HORIZON / season)
    horizon = _whole_seasons(min(wanted, *held_out), season)
    back = _SEASONS_BACK * max(season, horizon)
    if frequency.kind == "time" and season * frequency.size == DAY:
        back = max(back, 7 * season)
    seq_len = _whole_seasons(max(1, min(back, trained // 2)), season)
    return Lengths(seq_len, horizon, _patch_length(seq_len + horizon, season))


def _patch_length(window: int, season: int) -> int:
    """Steps in a token of a window: a divisor of the season, if one comes near enough."""
    wanted = max(1.0, window / _TOKENS)
    divisors = [number for number in range(1, season + 1) if season % number == 0]
    nearest = min(divisors, key=lambda number: (abs(math.log(number / wanted)), -number))
    return nearest if wanted / _NEAR <= nearest <= wanted * _NEAR else int(wanted)


def _whole_seasons(steps: int, season: int) -> int:
    return steps - steps % season if steps >= season else steps
