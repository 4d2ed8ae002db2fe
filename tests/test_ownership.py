"""Every rendered path has exactly one owner, and copier.yml says the same as ownership.yml."""

from pathlib import Path

import jinja2.meta
import pytest

from .support import ownership, rendering
from .support.ownership import OWNERS, spec

MARKER = "below this line"
SHARED = ("__init__", "__main__", "errors", "files", "settings")
"""Modules at the top of the package that the template's folders share."""


@pytest.fixture(scope="module")
def paths(template: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every path that some project has."""
    found = set()
    for answers in rendering.combinations():
        project = tmp_path_factory.mktemp("project") / "p"
        rendering.render(template, project, package_name="owned", **answers)
        found |= set(rendering.contents(project))
    return found


def test_classes() -> None:
    assert list(OWNERS) == ["template", "seeded", "seamed", "generated"]


def test_every_path_has_exactly_one_class(paths: set[str]) -> None:
    specs = {name: spec(patterns) for name, patterns in OWNERS.items()}
    for path in paths:
        owners = [name for name, one in specs.items() if one.match_file(path)]
        assert len(owners) == 1, f"{path}: {owners or 'no class'}"


def test_every_pattern_has_a_path(paths: set[str]) -> None:
    for pattern in (pattern for listed in OWNERS.values() for pattern in listed):
        assert of([pattern.removeprefix("!")], paths), pattern


def test_what_left_is_in_no_project(paths: set[str]) -> None:
    assert of(ownership.LEFT, paths) == set()


def test_copier_is_told_what_is_seeded_and_what_left() -> None:
    stated = ownership.SETTINGS.read_text()
    wanted = ownership.with_owners(stated)
    assert stated == wanted, "copier.yml is out of date: python -m tests.support.ownership"


def test_what_is_seeded_is_left_alone_by_a_second_render_and_by_an_update(paths: set[str]) -> None:
    seeded = of(OWNERS["seeded"], paths)
    assert of(rendering.SETTINGS["_skip_if_exists"], paths) == seeded
    assert of(rendering.excluded("update"), paths) == seeded
    assert of(rendering.excluded("copy"), paths) == set()


def of(patterns: list[str], paths: set[str]) -> set[str]:
    """Those of the paths that patterns match."""
    return set(spec(patterns).match_files(paths))


def test_patterns_of_copier_hold_no_answers() -> None:
    """An update reads these patterns before the answers, and an unknown name is an error."""
    for pattern in [*rendering.SETTINGS["_skip_if_exists"], *rendering.SETTINGS["_exclude"]]:
        names = jinja2.meta.find_undeclared_variables(rendering.JINJA.parse(pattern))
        assert names <= {"_copier_operation"}


def test_seamed_files_mark_the_users_place(template: Path, tmp_path: Path) -> None:
    project = rendering.render(template, tmp_path / "p")
    names = rendering.contents(project)
    marked = {name for name, content in names.items() if MARKER.encode() in content}
    assert marked == of(OWNERS["seamed"], set(names))


def test_a_tasks_modules_are_the_users(paths: set[str]) -> None:
    """They depend on each other in detail, so an update must take all of them or none."""
    shared = {f"src/owned/{name}.py" for name in SHARED}
    modules = of(["/src/owned/*.py"], paths)
    assert shared < modules
    assert modules - shared == of(["/src/"], of(OWNERS["seeded"], paths))


def test_what_is_seeded_stays_as_it_is(template: Path, tmp_path: Path) -> None:
    project = rendering.render(template, tmp_path / "p", package_name="owned")
    seeded = of(OWNERS["seeded"], set(rendering.contents(project)))
    assert len(seeded) > 10
    for name in seeded:
        (project / name).write_text("mine\n")
    rendering.render(template, project, package_name="owned", description="Something else.")
    assert {(project / name).read_text() for name in seeded} == {"mine\n"}
    assert "Something else." in (project / "pyproject.toml").read_text()
