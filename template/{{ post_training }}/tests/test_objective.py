"""What is rewarded."""

import pytest
from pydantic import ValidationError

from .project import objective, post_training


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


def test_number_and_boxed():
    assert objective.number("", "So it is 1,000.", "1000") == 1.0
    assert objective.number("", "", "1000") == 0.0
    assert objective.boxed("", r"Thus \boxed{ x^{2} }.", "x^{2}") == 1.0
    assert objective.boxed("", "x^{2}", "x^{2}") == 0.0


def test_well_formed():
    assert objective.well_formed("", " <think>a\nb</think>\nc ") == 1.0
    assert objective.well_formed("", "<think></think>c") == 0.0


def test_concise():
    words = objective.WORDS
    assert [objective.concise("", "word " * count) for count in (0, words, words * 2)] == [0, 0, -1]
    assert objective.concise("", "word " * (words * 3 // 2)) == -0.5
    assert objective.concise("", "word " * words * 9) == -1.0


def test_passes_checks():
    checks = "assert double(4) == 8"
    assert objective.passes_checks("", "```python\ndouble = lambda x: 2 * x\n```", checks) == 1.0
    assert objective.passes_checks("", "double = lambda x: x + 2", checks) == 0.0


def test_rewards_have_weights():
    chosen = objective.Rewards(names=("digits", "concise"), weights=(2.0, 0.5)).functions()
    checked = post_training.rewards.checked_all(chosen)
    given = {name: reward(["p"], ["12345678"], answer=["x"]) for name, reward in checked.items()}
    assert given == {"digits": [2.0], "concise": [0.0]}
    with pytest.raises(ValidationError, match="weights: 1 for 2 names"):
        objective.Rewards(names=("digits", "length"), weights=(1.0,))


def test_rewards_are_chosen_by_name():
    chosen = objective.Rewards(names=("digits", "length")).functions()
    assert list(chosen) == ["digits", "length"]
    with pytest.raises(ValidationError, match="digit"):
        objective.Rewards(names=("digit",))
    with pytest.raises(ValidationError, match="nothing"):
        objective.Rewards(names=())
