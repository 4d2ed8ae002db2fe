"""Every rule finds a mistake that someone could make in a rendered project (`planted.md`)."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from jaxcheck.catalogue import rules

from ..support.rendering import render
from .mutations.recall import Subject

_BLOCK = re.compile(r"^```diff (?:(?P<task>\S+) )?(?P<path>\S+)\n(?P<diff>.*?)^```$", re.M | re.S)
_HEADING = re.compile(r"^### (JX\d+) .*\n", re.M)

Subjects = Callable[[str], Subject]

# Code, text, code, text, ...: what stands before the first heading is the introduction.
_PARTS = _HEADING.split(Path(__file__).with_name("planted.md").read_text("utf-8"))[1:]
PLANTED = dict(zip(_PARTS[::2], _PARTS[1::2], strict=True))


@pytest.fixture(scope="module")
def subjects(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Subjects:
    """Rendered projects by their task."""

    @cache
    def subject(task: str) -> Subject:
        project = tmp_path_factory.mktemp("planted") / "project"
        return Subject(render(template, project, package_name="project", task=task), ["src"])

    return subject


def planted(text: str, diff: str) -> str:
    """A module after the hunks of a diff, whose old lines stand in it once."""
    for hunk in diff.split("@@\n"):
        lines = hunk.splitlines()
        old = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
        new = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
        assert not old or text.count(old) == 1, f"the module says {text.count(old)} times:\n{old}"
        text = text.replace(old, new) if old else text + new
    return text


def test_every_rule_that_reads_source_has_a_planted_mistake() -> None:
    assert list(PLANTED) == [code for code, rule in rules().items() if rule.check is not None]


@pytest.mark.parametrize("code", PLANTED)
def test_planted_mistake_is_found(code: str, subjects: Subjects) -> None:
    blocks = list(_BLOCK.finditer(PLANTED[code]))
    (task,) = {block["task"] or "language" for block in blocks}
    subject = subjects(task)
    sources = {module.relative: module.source for module in subject.modules}
    paths = {block: f"src/project/{block['path']}" for block in blocks}
    texts = {path: planted(sources[path], block["diff"]) for block, path in paths.items()}
    assert {finding.code for finding in subject.found(code, texts)} == {code}
