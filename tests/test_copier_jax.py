"""The command `copier-jax` takes one release at a time and loses nothing, on a small template."""

from pathlib import Path

import pytest
import yaml

from copier_jax import releases
from copier_jax.command_line import main
from copier_jax.project import UpdateError

from .support import history
from .support.rendering import contents, git
from .support.small import start, write

QUESTIONS = {
    "package_name": {"type": "str", "default": "lab"},
    "task": {"type": "str", "default": "language"},
    "extra": {"type": "str", "default": ""},
    "several": {"type": "str", "multiselect": True, "choices": ["one", "two"], "default": []},
}
SETTINGS = {"_subdirectory": "template", **QUESTIONS}
CHANGELOG = "# Changelog\n\n## 3.0.0\n\nThird.\n\n## 2.0.0\n\nSecond.\n\n## 1.0.0\n\nFirst.\n"
LINES = "".join(f"line {number}\n" for number in range(9))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template with three releases."""
    folder = tmp_path_factory.mktemp("template") / "copier-jax"
    answers = "{{ _copier_answers | to_nice_yaml -}}\n"
    files = folder / "template"
    write(folder, **{"copier.yml": yaml.safe_dump(SETTINGS), "CHANGELOG.md": CHANGELOG})
    write(files, **{"{{ _copier_conf.answers_file }}.jinja": answers, "merged": LINES})
    write(files, src__gone="gone\n", old__one="1\n", old__two="2\n")
    write(files, **{"{% if extra %}extra{% endif %}": "extra\n"})
    git(folder, "init", "--quiet")
    history.commit(folder, "v1.0.0")
    write(files, launch__job="new\n", src__gone=None, merged=LINES.replace("5", "five"))
    history.commit(folder, "v2.0.0")
    settings = {**SETTINGS, "_exclude": ["{% if _copier_operation == 'update' %}old{% endif %}"]}
    write(folder, **{"copier.yml": yaml.safe_dump(settings)})
    write(files, old__one=None, old__two=None)
    history.commit(folder, "v3.0.0")
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of the first release, the current folder."""
    monkeypatch.chdir(start(template, tmp_path / "project"))
    return Path.cwd()


def test_one_release_at_a_time_with_its_notes(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["update", "--defaults"]) == 0
    told = capsys.readouterr().out
    assert "## 2.0.0\n\nSecond.\n" in told
    assert "Third" not in told
    assert "To come after this one: v3.0.0" in told
    assert "line five" in (project / "merged").read_text()
    assert main(["update", "--defaults"]) == 2, "the first update is not committed"
    assert "uncommitted changes" in capsys.readouterr().err
    history.commit(project)
    assert main(["update", "--defaults"]) == 0
    assert "no longer the template's, and stays: old\n" in capsys.readouterr().out
    assert (project / "old" / "one").exists()
    history.commit(project)
    before = contents(project)
    assert main(["update", "--defaults"]) == 0
    assert "v3.0.0 is the newest release" in capsys.readouterr().out
    assert contents(project) == before


@pytest.mark.parametrize("command", ["check", "update"])
def test_what_git_ignores_is_not_overwritten(
    project: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    write(project, **{".gitignore": "/launch/\n"})
    history.commit(project)
    write(project, launch__job="mine\n")
    before = contents(project)
    assert main([command, "--defaults"]) == (1 if command == "check" else 2)
    assert "overwritten, and git does not have it: launch/job\n" in capsys.readouterr().out
    assert contents(project) == before
    (project / "launch" / "job").unlink()
    assert main([command, "--defaults"]) == 0


def test_edits_in_what_leaves_the_template_are_not_deleted(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, src__gone="edited\n")
    history.commit(project)
    before = contents(project)
    assert main(["update", "--defaults"]) == 2
    assert "deleted, with your edits: src/gone\n" in capsys.readouterr().out
    assert contents(project) == before
    assert main(["update", "--defaults", "--anyway"]) == 0
    assert not (project / "src" / "gone").exists()


def test_edits_in_what_an_answer_brought_are_not_deleted(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["update", "--data", "extra=yes"]) == 0
    recorded = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert (recorded["_commit"], recorded["extra"]) == ("v1.0.0", "yes")
    write(project, extra="edited\n")
    history.commit(project)
    assert main(["update", "--data", "extra="]) == 2
    assert "deleted, with your edits: extra\n" in capsys.readouterr().out
    assert (project / "extra").read_text() == "edited\n"


@pytest.mark.parametrize("name", ["package_name", "task"])
def test_an_old_release_does_not_change_what_is_fixed(
    project: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["update", "--data", f"{name}=other"]) == 2
    assert f"copier-jax: {name} is fixed" in capsys.readouterr().err
    assert git(project, "status", "--porcelain") == ""


@pytest.mark.parametrize("answer", ["one", "[one"])
def test_an_answer_of_the_wrong_type_is_told_in_a_line(
    project: Path, capsys: pytest.CaptureFixture[str], answer: str
) -> None:
    assert main(["update", "--data", f"several={answer}"]) == 2
    assert capsys.readouterr().err.startswith("copier-jax: ")
    assert git(project, "status", "--porcelain") == ""


def test_conflicts_are_announced_and_fail(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, merged=LINES.replace("5", "mine"))
    history.commit(project)
    assert main(["check", "--defaults"]) == 0
    assert "conflict, for you to resolve: merged\n" in capsys.readouterr().out
    assert main(["update", "--defaults"]) == 1
    assert "conflict: merged\n" in capsys.readouterr().out
    git(project, "add", "merged")
    assert main(["verify"]) == 1, "marked as resolved, with its markers"
    write(project, merged=LINES)
    write(project, **{".gitignore": "*.rej\n", "merged.rej": "rejected\n"})
    assert main(["verify"]) == 1
    assert "rejected changes: merged.rej\n" in capsys.readouterr().out
    (project / "merged.rej").unlink()
    assert main(["verify"]) == 0


def test_findings_of_the_linter_fail(project: Path) -> None:
    write(project, **{"tools__jaxcheck.pyz": "import sys; sys.exit('--verify' not in sys.argv)\n"})
    history.commit(project)
    assert main(["verify"]) == 1


def test_a_project_inside_a_repository(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = start(template, tmp_path / "top" / "lab")
    monkeypatch.chdir(folder)
    (folder / ".git").rename(tmp_path / "top" / ".git")
    write(tmp_path / "top", **{".gitignore": "job\n"})
    history.commit(tmp_path / "top")
    write(folder, launch__job="mine\n")
    assert main(["update", "--defaults"]) == 2
    (folder / "launch" / "job").unlink()
    assert main(["update", "--defaults"]) == 0
    assert (folder / "launch" / "job").read_text() == "new\n"


def test_a_project_of_a_commit_is_told_the_way_out(
    template: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    untagged = tmp_path / "untagged"
    git(tmp_path, "clone", "--quiet", str(template), str(untagged))
    tags = {tag: git(untagged, "rev-parse", tag).strip() for tag in ("v1.0.0", "v2.0.0", "v3.0.0")}
    for tag in tags:
        git(untagged, "tag", "--delete", tag)
    git(untagged, "reset", "--quiet", "--hard", tags["v2.0.0"])
    project = start(untagged, tmp_path / "project", "HEAD")
    monkeypatch.chdir(project)
    assert main(["update", "--defaults"]) == 2
    assert "has no release tags" in capsys.readouterr().err
    for tag in ("v1.0.0", "v3.0.0"):
        git(untagged, "tag", tag, tags[tag])
    assert main(["update", "--defaults"]) == 2
    told = capsys.readouterr().err
    assert "v1.0.0 is the last one before it" in told
    git(project, "-c", f"alias.way=!{told.splitlines()[-1]}", "way")
    history.commit(project)
    assert main(["update", "--defaults"]) == 0
    assert "line five" in (project / "merged").read_text()


def test_a_commit_without_letters_is_no_release(template: Path, tmp_path: Path) -> None:
    clone = releases.Template.clone(str(template), tmp_path / "template")
    assert clone.since("v1.5.0") == ["v2.0.0", "v3.0.0"], "its tag may be gone"
    with pytest.raises(UpdateError, match=r"git describe: .*1234567"):
        clone.since("1234567")


def test_a_template_that_has_moved(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history.replace(project / ".copier-answers.yml", "_src_path: /", "_src_path: /nowhere/")
    history.commit(project)
    assert main(["update", "--defaults"]) == 2
    assert "say where to in _src_path" in capsys.readouterr().err
    history.replace(project / ".copier-answers.yml", "_src_path: /", "_src_path: file:///")
    recorded = (project / ".copier-answers.yml").read_text()
    (project / ".copier-answers.yml").write_text(recorded.replace("copier-jax\n", "gone.git\n"))
    history.commit(project)
    assert main(["update", "--data", "extra=yes"]) == 2
    assert "copier-jax: " in capsys.readouterr().err


def test_outside_of_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    git(tmp_path, "init", "--quiet")
    monkeypatch.chdir(tmp_path)
    assert main(["update"]) == 2
    assert "run this in the folder of a project" in capsys.readouterr().err
