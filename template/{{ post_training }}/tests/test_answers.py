"""Answers in completions: numbers as people and models write them, and what is boxed."""

from fractions import Fraction

import pytest

from .project import post_training

answers = post_training.answers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It is 42.", 42),
        ("first 7, then -3", -3),
        ("\u22123", -3),  # the sign of mathematics
        ("10-3", 3),
        ("x - 3", 3),
        ("(2)-3 and f(x)-4", 4),
        ("a total of $1,234,567.50", Fraction("1234567.5")),
        ("-$5", -5),
        (r"\$12", 12),
        ("1,23", 23),  # no thousands
        ("1, 2, 3", 3),
        ("12,3456", 3456),
        (".5 or 0.25", Fraction(1, 4)),
        ("3/4", Fraction(3, 4)),
        ("-1 / 1,000 of it", Fraction(-1, 1000)),
        (r"\frac{3}{4}", Fraction(3, 4)),
        (r"-\dfrac{ 1 }{2}", Fraction(-1, 2)),
        (r"\tfrac{-1}{2}", Fraction(-1, 2)),
        ("1.5e3", 1500),
        ("2E-2", Fraction(1, 50)),
        ("50% of 3 kg", 3),
        (r"1{,}000", 1000),
        (r"\boxed{1\,000} in 2 steps", 1000),
        (r"\boxed{7} or \boxed{8}, says 9", 8),
        ("none", None),
        ("", None),
        ("1/0", None),
        ("9" * 5000, None),
        ("1e99999", 99),
        ("٣", None),
    ],
)
def test_the_last_number(text, value):
    assert answers.find_number(text) == value


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"\boxed{x}", "x"),
        (r"so \boxed{\frac{1}{\sqrt{2}}}.", r"\frac{1}{\sqrt{2}}"),
        (r"\boxed{1} and \boxed{ 2 }", " 2 "),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{\left\{ {a} \right.}", r"\left\{ {a} \right."),
        (r"\boxed{}", ""),
        (r"\boxed{\frac{1}{2}", None),
        ("boxed{1}", None),
        ("", None),
    ],
)
def test_what_is_boxed(text, content):
    assert answers.find_boxed(text) == content


def test_numbers_are_compared_by_value():
    assert answers.same_number("It is 1,000.0", "1000")
    assert answers.same_number(r"\boxed{0.5}", "1/2")
    assert not answers.same_number("0.333", "1/3")
    assert not answers.same_number("", "0")
    with pytest.raises(ValueError, match="'no idea' holds no number"):
        answers.same_number("1", "no idea")
