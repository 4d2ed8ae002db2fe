"""Rewards: what the examples give, and what is said of one that fails."""

import math

import pytest
from pydantic import ValidationError

from .project import errors, objective, post_training

checked = post_training.rewards.checked


def test_exact_match():
    assert objective.exact_match("ab>", " ba ", "ba") == 1.0
    assert objective.exact_match("ab>", "bab", "ba") == 0.0


def test_overlap():
    assert objective.overlap("abc>", "cba", "cba") == 1.0
    assert objective.overlap("abc>", "cxa", "cba") == pytest.approx(2 / 3)
    assert objective.overlap("abc>", "cbaxxx", "cba") == 0.5
    assert objective.overlap("abc>", "", "") == 0.0


def test_digits():
    assert objective.digits("", "12345678", "") == 1.0
    assert objective.digits("", "12ab", "") == 0.25
    assert objective.digits("", "1" * 20, "") == 1.0


def test_length():
    assert objective.length("", "abc", "xyz") == 1.0
    assert objective.length("", "a", "xyz") == pytest.approx(1 / 3)


def test_rewards_are_chosen_by_name():
    chosen = objective.Rewards(names=("digits", "length")).functions()
    assert list(chosen) == ["digits", "length"]
    with pytest.raises(ValidationError, match="digit"):
        objective.Rewards(names=("digit",))
    with pytest.raises(ValidationError, match="nothing"):
        objective.Rewards(names=())


def test_each_completion_is_rewarded_with_the_columns_of_its_prompt():
    def reward(prompt, completion, answer, level):
        return float(completion == answer) + int(level)

    columns = {"answer": ["b", "d"], "level": ["1", "2"], "trajectory_ids": ["0_0", "1_0"]}
    given = checked("mine", reward)(["a", "c"], ["b", "x"], mode="train", **columns)
    assert given == [2.0, 2.0]
    assert checked("mine", reward).__name__ == "mine"


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
