"""What counts as shown by another project: only what meets nothing that is another's."""

import shutil
import sys
from pathlib import Path

import pytest

from .support import history, rendering
from .variants.shown import Shown, Sources, releases

SRC = "src/my_lab"
TRAINING = "tests/test_training.py"


@pytest.fixture(scope="module")
def rendered(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project; a copy of it is changed."""
    return rendering.render(template, tmp_path_factory.mktemp("shown") / "p", task="tabular")


@pytest.fixture
def changed(rendered: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(rendered, tmp_path / "p"))


def same(one: Path, other: Path, name: str) -> bool:
    """Whether a module meets the same in two projects."""
    first, second = Sources(one), Sources(other)
    return first.digest(first.met(name)) == second.digest(second.met(name))


@pytest.mark.parametrize(
    "path",
    [
        TRAINING,
        "tests/conftest.py",
        "tests/tiny.py",
        "tests/tiny_task.py",
        f"{SRC}/__init__.py",
        f"{SRC}/errors.py",
        f"{SRC}/model.py",  # by way of experiments.py, which tiny.py takes
        f"{SRC}/training/loop.py",
        f"{SRC}/reporting/writers.py",  # by way of the loop
        f"{SRC}/storage/dataset.py",  # by way of the data
    ],
)
def test_what_a_test_meets_makes_it_another(rendered: Path, changed: Path, path: str) -> None:
    assert (changed / path).exists()
    assert same(rendered, changed, TRAINING)
    history.append(changed / path, "\n# another\n")
    assert not same(rendered, changed, TRAINING)


@pytest.mark.parametrize("path", ["README.md", "tests/test_resume.py", f"{SRC}/commands/train.py"])
def test_what_a_test_does_not_meet_leaves_it_the_same(
    rendered: Path, changed: Path, path: str
) -> None:
    history.append(changed / path, "\n# another\n")
    assert same(rendered, changed, TRAINING)


def test_a_tracker_is_met_where_it_is_named(rendered: Path, changed: Path) -> None:
    history.append(changed / SRC / "reporting" / "tracker.py", "\n# another\n")
    assert same(rendered, changed, TRAINING)
    assert not same(rendered, changed, "tests/test_tracker.py")


def test_whoever_takes_the_package_meets_all_of_it(rendered: Path) -> None:
    sources = Sources(rendered)
    left = sources.library - sources.met("tests/test_annotations.py")
    assert left == {f"{SRC}/reporting/tracker.py"}


def test_a_file_is_met_where_it_is_named(template: Path, tmp_path: Path) -> None:
    project = rendering.render(template, tmp_path / "p", launchers=["local"])
    assert "launch/local.sh" in Sources(project).met("tests/test_launch_local.py")


def test_shown_once_with_the_same_releases(tmp_path: Path) -> None:
    shown = Shown(tmp_path / "shown")
    first = {"jax": "1", "wandb": "2"}
    assert shown.is_new(first, "tests", "digest")
    assert not shown.is_new(first, "tests", "digest")
    assert not shown.is_new({"jax": "1", "tensorboard": "3"}, "tests", "digest")
    assert shown.is_new(first, "tests", "other digest")
    assert shown.is_new({"jax": "2"}, "tests", "digest")


def test_releases_are_those_that_are_installed() -> None:
    found = releases(Path(sys.prefix))
    assert found["pytest"] == pytest.__version__
    assert len(found) > 20
