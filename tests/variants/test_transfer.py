"""Starting from another run helps where examples are few; the README's table says how much."""

from pathlib import Path

import pytest

from . import projects, transfer


@pytest.mark.nightly
@pytest.mark.xdist_group("transfer")
def test_a_run_that_starts_from_another_reaches_more(
    template: Path, oldest: str, environments: Path, tmp_path: Path
) -> None:
    answers = {"task": "image", "architecture": "resnet"}
    project = projects.make(template, tmp_path / "project", oldest, environments, **answers)
    reached = transfer.measure(project, 3, tmp_path / "metrics.json")
    assert reached.transfer > reached.scratch + 0.1, reached
