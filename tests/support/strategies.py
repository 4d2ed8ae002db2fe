"""Answers that a user may give, drawn from the questions of copier.yml themselves."""

from typing import Any, NamedTuple

from hypothesis import strategies as st

from . import rendering
from .rendering import QUESTIONS, Answers

HOSTILE = [
    r"C:\new\table \u0041 \\",
    "# not a comment {{ 7 * 7 }} {% raw %} {# gone #} ${{ x }}",
    "Größe 研究室 🧪👩‍🔬 é",
    "مختبر التعلم",  # read from right to left
    "it's: [a] {b} & *c !d %e @f | > - ? , ~ <b>",
    'say "hi" ```` and `leave`',
    "null",
    "0x1F",
    "---",
    "<<<<<<< HEAD",
    "W" * 60,
]
"""Texts that a careless template breaks on."""

KINDS = {
    "Plain words": st.lists(
        st.sampled_from(HOSTILE)
        | st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=60),
        min_size=1,
        max_size=3,
    ).map(" ".join),
    "a_name": st.from_regex(r"[a-z][a-z0-9_]{0,48}[a-z0-9]|[a-z]", fullmatch=True),
    "ada@example.org": st.from_regex(
        r"[A-Za-z0-9._%+-]{1,64}@[a-z0-9.-]{1,60}\.[a-z]{2,9}", fullmatch=True
    ),
    "": st.just(""),
    "2026": st.from_regex(r"[0-9]{4}", fullmatch=True),
}
"""Kinds of text by a specimen: a question takes those kinds whose specimen its validator takes."""


class Drawn(NamedTuple):
    """Answers as they are given, and all answers that follow, those of the defaults among them."""

    given: Answers
    known: Answers


def accepted(question: str, value: Any, answers: Answers) -> bool:
    """Whether the question's validator takes the value, beside earlier answers."""
    validator = QUESTIONS[question].get("validator", "")
    return not rendering.evaluate(validator, {**rendering.UNBORN, **answers, question: value})


def values(question: str, answers: Answers) -> st.SearchStrategy[Any]:
    """All values that the question takes, beside earlier answers."""
    details = QUESTIONS[question]
    if "choices" in details:
        choice = st.sampled_from(rendering.choices(question))
        return st.lists(choice, unique=True) if details.get("multiselect") else choice
    assert details["type"] == "str", f"{question}: say how values of this type are drawn"
    kinds = [kind for specimen, kind in KINDS.items() if accepted(question, specimen, answers)]
    return st.one_of(kinds).filter(lambda value: accepted(question, value, answers))


@st.composite
def answers(draw: st.DrawFn) -> Drawn:
    """Answers that the questions accept, each of them given or left to its default."""
    given: Answers = {}
    known: Answers = {}
    for question, details in QUESTIONS.items():
        if not rendering.asked(question, known):
            continue
        default = details["default"]
        if isinstance(default, str):
            default = rendering.evaluate(default, known)
        if accepted(question, default, known) and draw(st.booleans()):
            known[question] = default
        else:
            value = given[question] = draw(values(question, known))
            if isinstance(value, list):  # copier puts them in order
                value = [choice for choice in rendering.choices(question) if choice in value]
            known[question] = value
    return Drawn(given, known)
