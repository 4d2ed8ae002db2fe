"""Every rendered path has exactly one owner, and copier.yml says the same as ownership.yml."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import jinja2.meta
import pathspec
import pytest
import yaml

from .support import rendering

PACKAGE = "{{ package_name }}"
CLASSES: dict[str, list[str]] = yaml.safe_load((rendering.ROOT / "ownership.yml").read_text())
MARKER = "below this line"
SHARED = ("__init__", "__main__", "errors", "files", "settings")
"""Modules at the top of the package that the template's folders share."""


@pytest.fixture(scope="module")
def paths(template: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every path that some project has, the package under its placeholder."""
    found = set()
    for answers in rendering.combinations():
        project = tmp_path_factory.mktemp("project") / "p"
        rendering.render(template, project, package_name="owned", **answers)
        names = rendering.contents(project)
        found |= {name.replace("src/owned/", f"src/{PACKAGE}/", 1) for name in names}
    return found


def test_classes() -> None:
    assert list(CLASSES) == ["template", "seeded", "seamed", "generated"]


def test_every_path_has_exactly_one_class(paths: set[str]) -> None:
    patterns = [pattern for listed in CLASSES.values() for pattern in listed]
    for path in paths:
        owners = [pattern for pattern in patterns if fnmatchcase(path, pattern)]
        assert len(owners) == 1, f"{path}: {owners or 'no class'}"


def test_every_pattern_has_a_path(paths: set[str]) -> None:
    for pattern in (pattern for listed in CLASSES.values() for pattern in listed):
        assert any(fnmatchcase(path, pattern) for path in paths), pattern


def test_what_is_seeded_is_left_alone_by_a_second_render_and_by_an_update(paths: set[str]) -> None:
    seeded = set(of_class("seeded", paths))
    assert matching(rendering.SETTINGS["_skip_if_exists"], paths) == seeded
    for operation in ("copy", "update"):
        left_out = matching(rendering.excluded(operation), paths)
        assert left_out == (seeded if operation == "update" else set())


def of_class(name: str, paths: set[str]) -> Iterator[str]:
    """Those of the paths that have this class."""
    for path in paths:
        if any(fnmatchcase(path, pattern) for pattern in CLASSES[name]):
            yield path


def matching(patterns: list[str], paths: set[str]) -> set[str]:
    """Those of the paths that patterns of copier match, in a project of some name."""
    spec = pathspec.PathSpec.from_lines("gitignore", patterns)
    return {path for path in paths if spec.match_file(path.replace(PACKAGE, "some_lab"))}


def test_patterns_of_copier_hold_no_answers() -> None:
    """An update reads these patterns before the answers, and an unknown name is an error."""
    for pattern in [*rendering.SETTINGS["_skip_if_exists"], *rendering.SETTINGS["_exclude"]]:
        names = jinja2.meta.find_undeclared_variables(rendering.JINJA.parse(pattern))
        assert names <= {"_copier_operation"}


def test_seamed_files_mark_the_users_place(template: Path, tmp_path: Path) -> None:
    project = rendering.render(template, tmp_path / "p")
    for name in CLASSES["seamed"]:
        assert MARKER in (project / name).read_text(), name
    for name, content in rendering.contents(project).items():
        assert name in CLASSES["seamed"] or MARKER.encode() not in content, name


def test_a_tasks_modules_are_the_users(paths: set[str]) -> None:
    """They depend on each other in detail, so an update must take all of them or none."""
    shared = {f"src/{PACKAGE}/{name}.py" for name in SHARED}
    modules = {path for path in paths if fnmatchcase(path, f"src/{PACKAGE}/*.py")}
    modules = {path for path in modules if path.count("/") == 2}
    assert shared < modules
    assert modules - shared == {path for path in of_class("seeded", paths) if path[:4] == "src/"}


def test_what_is_seeded_stays_as_it_is(template: Path, tmp_path: Path) -> None:
    project = rendering.render(template, tmp_path / "p", package_name="owned")
    names = {
        name.replace("src/owned/", f"src/{PACKAGE}/"): name for name in rendering.contents(project)
    }
    seeded = [names[path] for path in of_class("seeded", set(names))]
    assert len(seeded) > 10
    for name in seeded:
        (project / name).write_text("mine\n")
    rendering.render(template, project, package_name="owned", description="Something else.")
    assert {(project / name).read_text() for name in seeded} == {"mine\n"}
    assert "Something else." in (project / "pyproject.toml").read_text()
