"""Conventions broken one by one in clean code: jaxcheck notices at least nine in ten, per item."""

from pathlib import Path

import pytest

from ..support.rendering import render
from .mutations.recall import SPECIMENS, Subject, recall, table

LEAST = 0.9


@pytest.fixture(scope="module")
def subjects(template: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Subject]:
    """A rendered project, and code of the kinds that it has little of."""
    project = render(template, tmp_path_factory.mktemp("render") / "project")
    return [Subject(project, ["src"]), Subject(SPECIMENS, ["lab"])]


@pytest.mark.parametrize("item", range(1, 13))
def test_broken_conventions_are_found(item: int, subjects: list[Subject]) -> None:
    for subject in subjects:
        clean = subject.clean(item)
        assert not clean, f"what is mutated must be clean, and has {dict(clean)}"
    mutants = [mutant for subject in subjects for mutant in subject.mutants(item)]
    report = f"{table(mutants)}\nitem {item:2}  recall {recall(mutants):.1%}"
    print(report)
    assert mutants
    assert recall(mutants) >= LEAST, report
