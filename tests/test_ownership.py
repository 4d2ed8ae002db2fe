"""Every rendered path has exactly one owner, and copier.yml says the same as ownership.yml."""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from .support import rendering

PACKAGE = "{{ package_name }}"
CLASSES: dict[str, list[str]] = yaml.safe_load((rendering.ROOT / "ownership.yml").read_text())
MARKER = "below this line"


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


def test_copier_skips_what_is_seeded() -> None:
    patterns = [f"/{path.replace(PACKAGE, '*')}" for path in CLASSES["seeded"]]
    assert rendering.SETTINGS["_skip_if_exists"] == patterns


def test_patterns_of_copier_hold_no_answers() -> None:
    """An update reads these patterns before the answers, and an unknown name is an error."""
    patterns = [*rendering.SETTINGS["_skip_if_exists"], *rendering.SETTINGS["_exclude"]]
    assert not [pattern for pattern in patterns if "{{" in pattern]


def test_seamed_files_mark_the_users_place(template: Path, tmp_path: Path) -> None:
    project = rendering.render(template, tmp_path / "p")
    for name in CLASSES["seamed"]:
        assert MARKER in (project / name).read_text(), name
    for name, content in rendering.contents(project).items():
        assert name in CLASSES["seamed"] or MARKER.encode() not in content, name


def test_a_tasks_modules_are_the_users() -> None:
    """They depend on each other in detail, so an update must take all of them or none."""
    overlay = rendering.ROOT / "template" / "{{ language }}"
    modules = [path.relative_to(overlay) for path in (overlay / "src" / PACKAGE).glob("*.py")]
    assert {path.as_posix() for path in modules} == {
        path for path in CLASSES["seeded"] if path.startswith("src/")
    }


def test_what_is_seeded_stays_as_it_is(template: Path, tmp_path: Path) -> None:
    project = rendering.render(template, tmp_path / "p", package_name="owned")
    seeded = [name.replace(PACKAGE, "owned") for name in CLASSES["seeded"]]
    for name in seeded:
        (project / name).write_text("mine\n")
    rendering.render(template, project, package_name="owned", description="Something else.")
    assert {(project / name).read_text() for name in seeded} == {"mine\n"}
    assert "Something else." in (project / "pyproject.toml").read_text()
