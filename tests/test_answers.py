"""The space of answers: all pairs of choices are tried, and whatever is allowed renders well."""

import itertools
import re
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from .support import hygiene, rendering, strategies
from .support.rendering import QUESTIONS

Trait = tuple[str, str, bool]
"""A question, one of its choices, and whether that is chosen."""


def traits(answers: rendering.Answers) -> set[Trait]:
    """What answers say about each choice; that another single answer was given says nothing."""
    found = set()
    for question, value in answers.items():
        if isinstance(value, list):
            found |= {(question, one, one in value) for one in rendering.choices(question)}
        else:
            found.add((question, value, True))
    return found


def go_together(one: Trait, other: Trait) -> bool:
    """Whether some project has both traits."""
    if one[0] == other[0]:
        return isinstance(QUESTIONS[one[0]]["default"], list) and one[1] != other[1]
    return all(
        rendering.asked(here[0], {"task": "image", there[0]: there[1]})
        for here, there in ((one, other), (other, one))
    )


def test_every_pair_of_choices_occurs() -> None:
    possible = set()
    for question in (name for name, details in QUESTIONS.items() if "choices" in details):
        several = QUESTIONS[question].get("multiselect", False)
        possible |= {
            (question, choice, chosen)
            for choice in rendering.choices(question)
            for chosen in ((True, False) if several else (True,))
        }
    pairs = {frozenset(pair) for pair in itertools.combinations(possible, 2) if go_together(*pair)}
    rows = rendering.combinations()
    tried = {frozenset(pair) for row in rows for pair in itertools.combinations(traits(row), 2)}
    assert tried == pairs
    assert len(pairs) > 200
    longest = sorted(map(len, rendering.factors()))[-2:]
    assert len(rows) <= longest[0] * longest[1] + 4, "more rows than it takes"


@pytest.fixture(scope="module")
def formatted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for Python files that depend on answers; in the end the formatter sees them all."""
    folder = tmp_path_factory.mktemp("formatted")
    yield folder
    assert any(folder.iterdir())
    hygiene.check_formatted(folder)


@settings(
    phases=[Phase.generate],  # answers are short, so making them shorter is not worth minutes
    suppress_health_check=[HealthCheck.too_slow],
)
@given(strategies.answers())
def test_whatever_is_allowed_renders_well(
    template: Path, formatted: Path, answers: strategies.Drawn
) -> None:
    known = answers.known
    with tempfile.TemporaryDirectory() as folder:
        project = rendering.render(template, Path(folder) / "p", **answers.given)
        files = rendering.contents(project)
        hygiene.check(files, map(str, known.values()))
        assert rendering.recorded(project) == known
        assert_says(project, known)
        over = project if len(answers.given) % 2 else Path(folder) / "again"
        assert (
            rendering.contents(rendering.render(template, over, **rendering.recorded(project)))
            == files
        )

        sample = formatted / str(hash(frozenset(map(str, known.items()))))
        for name in (
            "pyproject.toml",
            "tests/project.py",
            f"src/{known['package_name']}/errors.py",
        ):
            (sample / name).parent.mkdir(parents=True, exist_ok=True)
            (sample / name).write_bytes(files[name])


def assert_says(project: Path, answers: rendering.Answers) -> None:
    """Checks that the texts of the answers come out as they were given."""
    stated = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    assert stated["name"] == answers["package_name"].replace("_", "-")
    assert stated["description"] == answers["description"]
    author = {"name": answers["user_name"], "email": answers["user_email"]}
    assert stated["authors"] == [{key: text for key, text in author.items() if text}]
    assert list(stated["scripts"].values()) == [f"{answers['package_name']}.__main__:main"]
    readme = (project / "README.md").read_text().splitlines()
    assert readme[:3] == [f"# {answers['project_name']}", "", answers["description"]]
    if answers["licence"] in {"MIT", "BSD-3-Clause", "proprietary"}:
        notice = f"Copyright (c) {answers['created_year']}"
        (line,) = [
            line for line in (project / "LICENSE").read_text().splitlines() if notice in line
        ]
        assert answers["user_name"] in line


@pytest.mark.parametrize("text", strategies.HOSTILE)
def test_hostile_text_comes_out_right(template: Path, tmp_path: Path, text: str) -> None:
    given = {"package_name": "plain", "licence": "MIT"}
    for question in ("project_name", "description", "user_name"):
        takes = [
            spelt
            for spelt in (text, text.replace('"', "'"), re.sub("[\"'`]", "", text).strip())
            if strategies.accepted(question, spelt, given)
        ]
        given[question] = takes[0]
    project = rendering.render(template, tmp_path / "p", **given)
    assert given.items() <= rendering.recorded(project).items()
    assert_says(
        project,
        given | {"user_email": "", "created_year": rendering.recorded(project)["created_year"]},
    )


def test_a_long_name_moves_no_line(template: Path, tmp_path: Path) -> None:
    longest = "m" * 50
    project = rendering.render(
        template, tmp_path / "p", project_name="x" * 60, package_name=longest
    )
    hygiene.check_formatted(project)
    hygiene.check_names(rendering.contents(project))
