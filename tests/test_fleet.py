"""Many projects at once: broken ones keep none from being examined, and updates are branches."""

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from copier_jax import branches, fleet, pristine
from copier_jax.command_line import main
from copier_jax.members import Member, members
from copier_jax.progress import progress

from .support import history, sample, small
from .support.rendering import contents, git

HOSTILE = 'Lab</script>"\x1b[31m\u202e'


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample.template(tmp_path_factory.mktemp("template") / "copier-jax")


@pytest.fixture(scope="module")
def clones(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two projects that can share renders, one with a hostile name, and broken ones."""
    folder = tmp_path_factory.mktemp("clones")
    for name in ("one", "two"):
        small.start(template, folder / name)
    small.write(folder / "two", stays="edited\n")
    small.start(template, folder / "hostile", "v2.0.0", project_name=HOSTILE)
    answers = ".copier-answers.yml"
    for name in ("no-git", "damaged", "moved", "no-release", "bad-answer"):
        small.start(template, folder / name)
    (folder / "no-git" / ".git").rename(folder.parent / "git")
    small.write(folder / "damaged", **{answers: "[:"})
    history.replace(folder / "moved" / answers, str(template), "/nowhere/copier-jax")
    history.replace(folder / "no-release" / answers, "v1.0.0", "v1.5.0")
    history.append(folder / "bad-answer" / answers, "email: nope\n")
    small.write(folder / "no-project", file="text\n")
    return folder


REASONS = {
    "no-git": "not a git repository",
    "damaged": "is damaged",
    "moved": "git clone",
    "no-release": "no release v1.5.0",
    "bad-answer": "Give an address",
    "no-project": "no .copier-answers.yml",
}


def test_a_fleet_is_told_of_with_its_broken_members(
    clones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told, page = tmp_path / "fleet.json", tmp_path / "fleet.html"
    before = {path: contents(path) for path in clones.iterdir()}
    assert main(["fleet", str(clones), "--json", str(told), "--html", str(page)]) == 0
    assert {path: contents(path) for path in clones.iterdir()} == before
    projects = {Path(one["folder"]).name: one for one in json.loads(told.read_text())["projects"]}
    assert len(projects) == 9
    for name, reason in REASONS.items():
        assert reason in projects[name]["problem"]
    assert projects["two"]["files"] == projects["one"]["files"] | {"stays": "edited"}
    assert (projects["one"]["releases_behind"], projects["two"]["drift"]) == (2, 1)
    assert projects["hostile"]["name"] == HOSTILE
    captured = capsys.readouterr()
    assert captured.err == "", "no progress bar where nobody watches"
    assert "\x1b" not in captured.out
    assert "</script>" not in page.read_text().split("<h1>")[1].split("<script>")[0]


def test_projects_with_the_same_answers_share_renders(
    clones: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered, render = [], pristine.render
    monkeypatch.setattr(pristine, "render", lambda *given: rendered.append(1) or render(*given))

    def here(function: Callable, tasks: list, jobs: int | None) -> Iterator[tuple[object, object]]:
        yield from ((task, function(task)) for task in tasks)

    monkeypatch.setattr(fleet, "in_parallel", here)
    found = fleet.survey([Member(clones / name) for name in ("one", "two", "hostile")])
    assert all(one.conformance for one in found)
    assert len(rendered) == 3, "two for two projects, one for that of the newest release"


def test_a_list_names_folders_and_states_of_ci(clones: Path, tmp_path: Path) -> None:
    plain = clones / "list.txt"
    plain.write_text("# ours\none\n\ntwo\none\n")
    found = members([], plain)
    plain.unlink()
    assert [one.folder.name for one in found] == ["one", "two"]
    table = tmp_path / "list.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([["ci", "folder"], ["failed", clones / "one"]])
    assert members([], table) == [Member(clones / "one", "failed")]
    assert [one.folder for one in members([clones / "one"], None)] == [clones / "one"]
    assert len(members([clones, clones / "one"], None)) == 9


@pytest.mark.parametrize("arguments", [["nowhere"], ["--list", "nowhere"], []])
def test_what_is_not_there_is_told_of(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fleet", *arguments]) == 2
    assert "copier-jax: " in capsys.readouterr().err


def test_an_interruption_is_told_of_in_a_line(
    clones: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> Iterator[None]:
        yield from ()
        raise KeyboardInterrupt

    for module in (fleet, branches):
        monkeypatch.setattr(module, "in_parallel", interrupted)
    for command in (["fleet"], ["fleet", "update"]):
        assert main([*command, str(clones / "one")]) == 2
        assert capsys.readouterr().err == "copier-jax: interrupted: run it again\n"


def test_what_cannot_be_written_is_told_of(
    clones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = tmp_path / os.fsdecode(b"odd-\xff")
    shutil.copytree(clones / "moved", odd)
    page = tmp_path / "fleet.html"
    assert main(["fleet", str(odd), "--html", str(page), "--json", str(tmp_path / "f.json")]) == 0
    assert "odd-" in page.read_text()
    assert main(["fleet", str(odd), "--html", str(tmp_path / "nowhere" / "fleet.html")]) == 2
    assert "fleet.html cannot be written: No such file" in capsys.readouterr().err


def test_progress_is_for_terminals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert list(progress("abcd", 4)) == list("abcd")
    assert "] 2 of 4" in capsys.readouterr().err


# --- update branches ---


def refs(repository: Path) -> dict[str, str]:
    """The branches of a repository, and where they are."""
    told = git(repository, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
    return dict(line.split() for line in told.splitlines())


@pytest.fixture
def repositories(template: Path, tmp_path: Path) -> Path:
    """Projects: clean, conflicting, losing edits, up to date, with a branch in the way."""
    folder = tmp_path / "clones"
    for name in ("clean", "conflicting", "losing", "taken"):
        small.start(template, folder / name)
    small.write(folder / "conflicting", merged=sample.LINES.replace("5", "mine"))
    small.write(folder / "losing", goes="mine\n")
    for name in ("conflicting", "losing"):
        history.commit(folder / name)
    small.start(template, folder / "new", "v2.0.0")
    git(folder / "taken", "branch", "copier-jax/v1.1.0")
    (folder / "broken").mkdir()
    return folder


def test_updates_are_branches(repositories: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small.write(repositories / "clean", uncommitted="mine\n")
    names = ("clean", "conflicting", "losing", "new")
    before = {name: (refs(repositories / name), contents(repositories / name)) for name in names}
    assert main(["fleet", "update", str(repositories)]) == 1
    told = capsys.readouterr().out
    branch = "copier-jax/v1.1.0"
    for name in names:
        now = refs(repositories / name)
        made = now.pop(branch, None)
        assert (now, contents(repositories / name)) == before[name]
        assert (made is not None) == (name in ("clean", "conflicting"))
        assert git(repositories / name, "worktree", "list").count("\n") == 1
    clean = repositories / "clean"
    assert "line five" in git(clean, "show", f"{branch}:merged")
    assert "_commit: v1.1.0" in git(clean, "show", f"{branch}:.copier-answers.yml")
    assert f"clean        {clean}: {branch}\n" in told
    assert f"conflicting  {repositories / 'conflicting'}: {branch}\n  conflict: merged\n" in told
    assert "<<<<<<<" in git(repositories / "conflicting", "show", f"{branch}:merged")
    assert "refused deleted, with your edits: goes" in told
    assert f"up to date   {repositories / 'new'}: v2.0.0\n" in told
    assert "the branch copier-jax/v1.1.0 is no update to v1.1.0: rename or delete it" in told
    assert "not a git repository" in told
    assert f"git -C {clean} push origin {branch}\n" in told


def test_an_interrupted_run_goes_on(repositories: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["fleet", "update", *(str(repositories / name) for name in ("clean", "conflicting"))]
    assert main(given) == 1
    first = capsys.readouterr().out
    made = {name: refs(repositories / name) for name in ("clean", "conflicting")}
    git(repositories / "clean", "branch", "--delete", "--force", "copier-jax/v1.1.0")
    left = repositories.parent / "left"
    git(repositories / "clean", "worktree", "add", "--quiet", "--detach", str(left))
    left.rename(repositories.parent / "killed")
    assert main(given) == 1
    told = capsys.readouterr().out
    assert "v1.1.0, made by an earlier run\n  conflict: merged\n" in told
    assert told.replace(", made by an earlier run", "") == first
    assert refs(repositories / "conflicting") == made["conflicting"]
    assert refs(repositories / "clean").keys() == made["clean"].keys()


def test_updates_start_from_the_default_branch_of_the_remote(
    repositories: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(repositories / "clean"), str(clone))
    git(clone, "checkout", "--quiet", "-b", "feature")
    small.write(clone, feature="mine\n")
    history.commit(clone)
    assert main(["fleet", "update", "--to", "v2.0.0", str(clone)]) == 0
    files = git(clone, "ls-tree", "--name-only", "copier-jax/v2.0.0")
    assert "comes" in files
    assert "feature" not in files
    assert main(["fleet", "update", "--to", "v3.0.0", str(clone)]) == 1
    assert "v3.0.0 is no release after v1.0.0" in capsys.readouterr().out


def test_a_project_inside_a_repository(template: Path, tmp_path: Path) -> None:
    top = tmp_path / "top"
    inner = small.start(template, top / "labs" / "one")
    (inner / ".git").rename(top / ".git")
    history.commit(top)
    [found] = branches.update_all([Member(inner)], None, 1)
    assert found.branch == "copier-jax/labs/one/v1.1.0", found
    assert "line five" in git(top, "show", f"{found.branch}:labs/one/merged")
