"""Rendering the template of the working tree, apart from the developer's own settings."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import copier
import jinja2
import jinja2.meta
import yaml
from allpairspy import AllPairs

ROOT = Path(__file__).parents[2]
SETTINGS = yaml.safe_load((ROOT / "copier.yml").read_text())
QUESTIONS = {name: value for name, value in SETTINGS.items() if not name.startswith("_")}


JINJA = jinja2.Environment(
    loader=jinja2.FileSystemLoader(ROOT),
    undefined=jinja2.StrictUndefined,
    extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
)

Answers = dict[str, Any]
UNBORN: Answers = {"_copier_conf": {"dst_path": ".", "answers_file": "none"}}
"""What Copier tells a validator of a project that is not there yet."""


@functools.cache
def _compiled(text: str) -> jinja2.Template:
    return JINJA.from_string(text)


def evaluate(text: str, answers: Answers) -> str:
    """What a text of copier.yml says beside these answers."""
    return _compiled(text).render(answers)


def choices(question: str) -> list[str]:
    """The values that a question with fixed choices takes."""
    declared = QUESTIONS[question]["choices"]
    return list(declared.values() if isinstance(declared, dict) else declared)


def asked(question: str, answers: Answers) -> bool:
    """Whether the question has a meaning beside these answers; what is computed never has."""
    when = QUESTIONS[question].get("when", True)
    if isinstance(when, str):
        return evaluate(when, answers) == "True"
    return when


def factors() -> list[list[Answers]]:
    """What a project is chosen from: one list for each choice that is independent of the others.

    A question of which several answers can be given is one factor for each of them. One that is
    asked only beside certain answers of another makes one factor with that one.
    """
    found: dict[str, list[Answers]] = {}
    for name, details in QUESTIONS.items():
        if "choices" not in details:
            continue
        if details.get("multiselect"):
            found |= {f"{name} {one}": [{name: []}, {name: [one]}] for one in choices(name)}
        elif isinstance(when := details.get("when"), str):
            (decisive,) = jinja2.meta.find_undeclared_variables(JINJA.parse(when))
            found[decisive] = [
                answer | further
                for answer in found[decisive]
                for further in (_each(name) if asked(name, answer) else [{}])
            ]
        else:
            found[name] = _each(name)
    return list(found.values())


def _each(question: str) -> list[Answers]:
    return [{question: choice} for choice in choices(question)]


def combinations(*further: list[Answers]) -> list[Answers]:
    """The fewest answers found in which each two choices that go together do so at least once.

    Most faults of a template need two answers to meet, and few need three. All combinations would
    be thousands; these are about as many as the two longest factors have together.

    Args:
        *further: factors beside those of copier.yml.
    """
    rows = []
    for row in AllPairs([*factors(), *further]):
        answers: Answers = {}
        for name, value in (item for chosen in row for item in chosen.items()):
            answers[name] = answers.get(name, []) + value if isinstance(value, list) else value
        rows.append(answers)
    return rows


def label(answers: Answers) -> str:
    """A short name for answers, as an identifier of a test."""
    words = ("+".join(given) if isinstance(given, list) else given for given in answers.values())
    return "-".join(word or "none" for word in words)


def working_files() -> Iterator[Path]:
    """Files of the working tree, relative to it: tracked and new, not ignored ones."""
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in listed.split("\0"):
        if name and (ROOT / name).is_file():
            yield Path(name)


def export(directory: Path) -> Path:
    """Copies the template as it stands into a plain folder, from which rendering is fastest."""
    for path in working_files():
        if path.parts[0] in ("copier.yml", "includes", "template"):
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, directory / path)
    return directory


def render(template: Path, project: Path, **answers: Any) -> Path:
    """Renders `template` with defaults for all that `answers` leaves open.

    Raises:
        ValueError: an answer was rejected.
    """
    copier.run_copy(str(template), project, data=answers, defaults=True, quiet=True, overwrite=True)
    return project


def excluded(operation: str, settings: Mapping[str, Any] = SETTINGS) -> list[str]:
    """The patterns of what Copier leaves out when it copies, or when it updates."""
    evaluated = (evaluate(e, {"_copier_operation": operation}) for e in settings["_exclude"])
    return [line for patterns in evaluated for line in patterns.splitlines()]


def command(
    *arguments: str | Path, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs the copier of this environment as a user would, and captures what it prints."""
    return subprocess.run(
        [sys.executable, "-m", "copier", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def contents(project: Path) -> dict[str, bytes]:
    """The files of a project by path, git's own left out."""
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in sorted(project.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(project).parts
    }


def answers_of(project: Path) -> Mapping[str, Any]:
    """What the answers file of a project records."""
    return yaml.safe_load((project / ".copier-answers.yml").read_text())


def recorded(project: Path) -> Answers:
    """The answers that a project records, without what copier adds."""
    return {name: value for name, value in answers_of(project).items() if name[0] != "_"}


def git(directory: Path, *arguments: str) -> str:
    """Runs git in `directory` and returns what it prints."""
    return subprocess.run(
        ["git", *arguments], cwd=directory, check=True, capture_output=True, text=True
    ).stdout
