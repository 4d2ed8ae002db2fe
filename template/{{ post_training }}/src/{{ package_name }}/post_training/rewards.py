"""Rewards: plain functions of one completion, checked one by one."""

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import UserError

Reward = Callable[..., float]


def checked(name: str, reward: Reward) -> Callable[..., list[float]]:
    """A reward as Tunix calls it: for all completions of a step at once.

    Args:
        name: What its mean is called among the metrics, ``reward_<name>``.
        reward: Takes ``prompt``, ``completion`` and columns of the data by name: those that it
            names, or all of them as ``**columns``.

    Returns:
        A function that raises a `UserError` naming the reward and the example where the reward
        raises or returns no finite number. Tunix would count None as 0 and carry NaN into the
        weights.
    """
    parameters = inspect.signature(reward).parameters
    takes_all = any(each.kind is each.VAR_KEYWORD for each in parameters.values())

    def rewards(
        prompts: Any, completions: list[str], mode: Any = None, **columns: Any
    ) -> list[float]:
        columns.pop("trajectory_ids", None)  # Tunix's own
        prompts = columns.pop("text", prompts)  # which Tunix has as tokens
        given = []
        for number, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
            example = {
                column: str(values[number])
                for column, values in columns.items()
                if takes_all or column in parameters
            }
            given.append(_one(name, reward, str(prompt), completion, example))
        return given

    rewards.__name__ = name
    return rewards


def weighted(reward: Reward, weight: float) -> Reward:
    """A reward times a number."""

    @functools.wraps(reward)  # whose columns are its own
    def scaled(**given: str) -> float:
        return weight * reward(**given)

    return scaled


def checked_all(functions: Mapping[str, Reward]) -> dict[str, Callable[..., list[float]]]:
    """All of some rewards as Tunix calls them, by name."""
    return {name: checked(name, reward) for name, reward in functions.items()}


def _one(
    name: str, reward: Reward, prompt: str, completion: str, columns: Mapping[str, str]
) -> float:
    where = f"the reward {name!r} of completion {completion!r} to prompt {prompt!r} {dict(columns)}"
    try:
        value = reward(prompt=prompt, completion=completion, **columns)
    except Exception as error:
        raise UserError(f"{where} failed: {type(error).__name__}: {error}") from error
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UserError(f"{where} is {value!r}: it must be a finite number")
    return float(value)
