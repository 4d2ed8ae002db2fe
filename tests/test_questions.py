"""Bad answers are refused with a message that says what is allowed, and nothing is written."""

import keyword
import sys
from pathlib import Path

import pytest
import yaml

from .support import rendering

NOT_ONE_LINE = [
    "",
    " ",
    " padded",
    "two\nlines",
    "bell\x07",
    "c1\x85",
    "line\u2028end",
    "mirror\u202eed",
]
BAD_PACKAGES = [
    *(
        "",
        "my-pkg",
        "1abc",
        "My_lab",
        "café",
        "a b",
        "a.b",
        "_a",
        "a_",
        "a\n",
        "a" * 51,
        'we"ird',
        "../up",
    ),
    *("class", "match", "json", "jax", "array_record", "tensorboardx", "tests", "aux", "com1"),
]


def refusal(template: Path, project: Path, **answers: str) -> str:
    """The message with which the answers are refused, having checked that nothing was written."""
    with pytest.raises(ValueError, match=next(iter(answers))) as caught:
        rendering.render(template, project, **answers)
    assert not project.exists()
    return str(caught.value)


@pytest.mark.parametrize("name", BAD_PACKAGES)
def test_bad_package_name(template: Path, tmp_path: Path, name: str) -> None:
    assert "Allowed are lower-case letters" in refusal(template, tmp_path / "p", package_name=name)


@pytest.mark.parametrize("question", ["project_name", "description", "user_name"])
@pytest.mark.parametrize("text", [*NOT_ONE_LINE, 'say "hi"', "x" * 201])
def test_text_that_is_no_plain_line(
    template: Path, tmp_path: Path, question: str, text: str
) -> None:
    message = refusal(template, tmp_path / "p", **{question: text})
    allowed = ("one line", "spaces", "at most 200", "Any characters are allowed but")
    assert any(phrase in message for phrase in allowed)


@pytest.mark.parametrize("name", ["Ada's Lab", "a `tick`"])
def test_project_name_without_quotes(template: Path, tmp_path: Path, name: str) -> None:
    assert "allowed but" in refusal(template, tmp_path / "p", project_name=name)


@pytest.mark.parametrize("address", ["ada", "ada@", "@b.org", "a b@c.org", 'a"@b.org', "a@b.org\n"])
def test_bad_address(template: Path, tmp_path: Path, address: str) -> None:
    assert "ada@example.org" in refusal(template, tmp_path / "p", user_email=address)


@pytest.mark.parametrize("question", ["task", "ci", "licence", "python_floor"])
def test_unknown_choice(template: Path, tmp_path: Path, question: str) -> None:
    message = refusal(template, tmp_path / "p", **{question: "nonsense"})
    for choice in rendering.choices(question):
        assert choice in message


@pytest.mark.parametrize("computed", ["language", "post_training", "github"])
def test_computed_answers_cannot_be_given(template: Path, tmp_path: Path, computed: str) -> None:
    assert "This follows from" in refusal(template, tmp_path / "p", **{computed: "elsewhere"})


def test_year_has_four_digits(template: Path, tmp_path: Path) -> None:
    assert "four digits" in refusal(template, tmp_path / "p", created_year="soon")


def test_command_line_refuses_too(template: Path, tmp_path: Path) -> None:
    bad = ("--defaults", "--data", "package_name=class")
    result = rendering.command("copy", *bad, template, tmp_path / "p", cwd=tmp_path)
    assert result.returncode != 0
    assert "keyword of Python" in result.stderr
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("project_name", "package_name"),
    [
        ("Tiny Lab", "tiny_lab"),
        ("  3D-Vision  ".strip(), "project_3d_vision"),
        ("研究室", "project"),
    ],
)
def test_package_name_follows_project_name(
    template: Path, tmp_path: Path, project_name: str, package_name: str
) -> None:
    project = rendering.render(template, tmp_path / "p", project_name=project_name)
    assert rendering.answers_of(project)["package_name"] == package_name


def test_misspelt_answers_are_reported(template: Path, tmp_path: Path) -> None:
    organisation, settings = tmp_path / "organisation.yml", tmp_path / "settings.yml"
    answers = {"licence": "MIT", "license": "MIT", "other": 1, "architecture": "resnet"}
    organisation.write_text(yaml.safe_dump(answers))
    personal = {"user_email": "ada@example.org", "user_nmae": "Ada", "github_username": "ada"}
    settings.write_text(yaml.safe_dump({"defaults": personal}))
    result = rendering.command(
        *("copy", "--defaults", "--data-file", organisation, template, tmp_path / "p"),
        cwd=tmp_path,
        COPIER_SETTINGS_PATH=str(settings),
    )
    assert result.returncode == 0, result.stderr
    assert (
        "WARNING: this template asks no such question, the answer was ignored: "
        "license (did you mean licence?), other\n\n"
        "WARNING: your settings.yml of Copier has names that this template does not ask for: "
        "user_nmae (did you mean user_name?)\n\nMy Lab is ready."
    ) in result.stderr
    recorded = rendering.answers_of(tmp_path / "p")
    assert (recorded["licence"], recorded["user_email"]) == ("MIT", "ada@example.org")


def test_known_answers_are_not_reported(template: Path, tmp_path: Path) -> None:
    answers = rendering.render(template, tmp_path / "p") / ".copier-answers.yml"
    given = ("--defaults", "--data-file", answers)
    result = rendering.command("copy", *given, template, tmp_path / "q", cwd=tmp_path)
    assert "WARNING: this template asks" not in result.stderr
    assert "WARNING: your settings" not in result.stderr


def test_every_question_explains_itself() -> None:
    for name, details in rendering.QUESTIONS.items():
        computed = details.get("when") is False
        assert computed or len(details["help"]) > 10, name
        assert "choices" in details or "validator" in details, name


def test_reserved_words_are_complete() -> None:
    listed = (rendering.ROOT / "includes" / "reserved.jinja").read_text()
    words = {*keyword.kwlist, *keyword.softkwlist, *sys.stdlib_module_names}
    possible = {word for word in words if word.islower() and word.strip("_") == word}
    assert possible, "nothing was compared"
    assert {word for word in possible if f"'{word}'" not in listed} == set()
