"""Rewards: what they are given, and what is said of one that fails."""

import math

import pytest

from .project import errors, post_training

checked = post_training.rewards.checked


def test_each_completion_is_rewarded_with_the_columns_of_its_prompt():
    def reward(prompt, completion, answer, level):
        return float(completion == answer) + int(level)

    columns = {"answer": ["b", "d"], "level": ["1", "2"], "trajectory_ids": ["0_0", "1_0"]}
    given = checked("mine", reward)(["a", "c"], ["b", "x"], mode="train", **columns)
    assert given == [2.0, 2.0]
    assert checked("mine", reward).__name__ == "mine"


def test_a_reward_gets_the_columns_that_it_names():
    given = checked("plain", lambda prompt, completion, answer: float(answer))
    every = checked("every", lambda prompt, completion, **columns: float(len(columns)))
    columns = {"answer": ["3"], "level": ["1"]}
    assert given(["p"], ["c"], **columns) == [3.0]
    assert every(["p"], ["c"], **columns) == [2.0]


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "1", True])
def test_a_reward_that_is_no_finite_number(value):
    def reward(prompt, completion):
        return value if completion == "bad" else 1.0

    with pytest.raises(errors.UserError, match=r"'mine' of completion 'bad' to prompt 'q'"):
        checked("mine", reward)(["p", "q"], ["good", "bad"])


def test_a_reward_that_fails():
    def reward(prompt, completion, answer):
        return 1.0 / len(completion)

    with pytest.raises(errors.UserError, match=r"'mine' .* 'q' \{'answer': 'x'\} failed: ZeroDiv"):
        checked("mine", reward)(["q"], [""], answer=["x"])
