"""What is rewarded."""

import pytest
from pydantic import ValidationError

from .project import objective


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
