"""The template keeps Copier from changing what is fixed, and from taking files away unasked."""

import itertools
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import copier
import pytest

from .support import history, ownership, rendering
from .support.rendering import git

LAUNCHERS = rendering.choices("launchers")
FIXED = {"package_name": "other", "task": "tabular", "architecture": "vit"}
CHANGEABLE = [
    name
    for name, details in rendering.QUESTIONS.items()
    if "choices" in details and name not in FIXED
]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template of the working tree as a release, without the code of its projects."""
    folder = rendering.export(tmp_path_factory.mktemp("release") / "copier-jax")
    for code in [*folder.glob("template/**/src"), *folder.glob("template/tests")]:
        shutil.rmtree(code)
    git(folder, "init", "--quiet")
    history.commit(folder, history.WORKING_TREE)
    return folder


def start(source: Path | str, folder: Path, version: str | None = None, **answers: Any) -> Path:
    """Starts a project and commits it."""
    answers = {"project_name": "Kept", "ci": "github"} | answers
    copier.run_copy(str(source), folder, answers, vcs_ref=version, defaults=True)
    git(folder, "init", "--quiet")
    history.commit(folder)
    return folder


def update(project: Path, version: str | None = history.WORKING_TREE, **answers: Any) -> None:
    """Updates a project."""
    given = {"data": answers, "vcs_ref": version, "quiet": True, "overwrite": True}
    copier.run_update(project, defaults=True, **given)


def assert_refused(project: Path, reason: str, **answers: Any) -> None:
    """Checks that an update with these answers is refused, and that it changes nothing."""
    before = rendering.contents(project)
    with pytest.raises(ValueError, match=reason):
        update(project, **answers)
    assert rendering.contents(project) == before


def test_what_is_fixed_does_not_change(repository: Path, tmp_path: Path) -> None:
    project = start(repository, tmp_path / "project", task="image")
    for name, answer in FIXED.items():
        assert_refused(project, f"'{name}': This is fixed .* leave {name} out", **{name: answer})
    with pytest.raises(ValueError, match="This is fixed"):
        copier.run_recopy(project, {"task": "tabular"}, defaults=True, overwrite=True)
    recorded = rendering.recorded(project)
    update(project, **{name: recorded[name] for name in FIXED})
    assert FIXED.items().isdisjoint(rendering.recorded(project).items())


def test_what_is_fixed_is_not_asked(repository: Path, tmp_path: Path) -> None:
    project = start(repository, tmp_path / "project", task="image")
    given = {k: v for k, v in rendering.recorded(project).items() if k not in FIXED}
    copier.run_update(project, given, quiet=True, overwrite=True)  # no prompt, which would fail
    assert FIXED.keys() <= rendering.recorded(project).keys()


def test_a_choice_is_given_up_once_its_files_are(repository: Path, tmp_path: Path) -> None:
    project = start(repository, tmp_path / "project", launchers=LAUNCHERS)
    files = brought("github", *LAUNCHERS)
    for name in files:
        history.append(project / name, "# mine\n")
    history.commit(project)
    told = f"would delete {re.escape(' and '.join(brought('github')))}, with any edits"
    assert_refused(project, told, ci="none")
    assert_refused(project, "would delete .*/template-update.yml, with any edits", ci="gitlab")
    every = re.escape(" and ".join(brought(*LAUNCHERS)))
    assert_refused(project, f"would delete {every}, with any edits", launchers=[])
    git(project, "rm", "--quiet", *files)
    history.commit(project)
    update(project, ci="none", launchers=[])
    assert rendering.recorded(project)["launchers"] == []
    assert not any((project / name).exists() for name in files)


def test_a_new_choice_does_not_overwrite(repository: Path, tmp_path: Path) -> None:
    project = start(repository, tmp_path / "p [1]", ci="none")
    history.append(project / ".gitignore", "/launch/\n/renovate.json\n")
    history.commit(project)
    for name in ("launch/slurm.sbatch", "renovate.json"):
        history.append(project / name, "mine\n")
    assert_refused(project, "would overwrite launch/slurm.sbatch:", launchers=["local", "slurm"])
    assert_refused(project, "would overwrite renovate.json:", ci="gitlab")
    update(project, launchers=["local"])
    assert (project / "launch" / "local.sh").exists()
    assert (project / "launch" / "slurm.sbatch").read_text() == "mine\n"


def brought(*choices: str) -> list[str]:
    """The files that `includes/recorded.jinja` says the choices bring."""
    template = rendering.JINJA.get_template("includes/recorded.jinja")
    return template.make_module(rendering.UNBORN).__dict__["files"](choices).splitlines()


KINDS = [
    {"task": task} | further
    for task in rendering.choices("task")
    for further in ([{"architecture": "vit"}, {}] if task == "image" else [{}])
]


@pytest.mark.parametrize("kind", KINDS, ids=rendering.label)
def test_no_other_answer_brings_files_or_takes_them_away(
    template: Path, tmp_path: Path, kind: dict[str, str]
) -> None:
    """Whichever answers change, an update deletes or overwrites no file unguarded."""
    guard = ownership.spec(rendering.excluded("update"))
    rows = []
    for number, answers in enumerate(changed()):
        project = rendering.render(template, tmp_path / str(number), **kind, **answers)
        files = {path for path in rendering.contents(project) if not guard.match_file(path)}
        rows.append((files, set(brought(answers["ci"], *answers["launchers"]))))
    for (files, known), (others, _) in itertools.permutations(rows, 2):
        assert files - others <= known


def changed() -> list[rendering.Answers]:
    """Answers that differ in everything that can change; each choice stands in some of them."""
    kinds = {name: rendering.choices(name) for name in CHANGEABLE}
    several = {name for name in CHANGEABLE if rendering.QUESTIONS[name].get("multiselect")}
    return [
        {
            "description": f"Number {number}.",
            **{
                name: (values[number:] if name in several else values[number % len(values)])
                for name, values in kinds.items()
            },
        }
        for number in range(max(map(len, kinds.values())) + 1)
    ]


def test_the_template_knows_what_each_choice_brings() -> None:
    template = rendering.ROOT / "template"
    overlays = {
        choice: {
            path.relative_to(template / f"{{{{ {choice} }}}}").as_posix().removesuffix(".jinja")
            for path in (template / f"{{{{ {choice} }}}}").rglob("*")
            if path.is_file()
        }
        for choice in [*LAUNCHERS, "github", "gitlab", "renovate"]
    }
    for choice in [*LAUNCHERS, "github", "gitlab"]:
        more = overlays["renovate"] if choice.startswith("git") else set()
        assert set(brought(choice)) == overlays[choice] | more


# --- what a start records ---


def mend(project: Path, told: str, name: str, **words: str) -> None:
    """Runs the command with which a message says that something recorded is mended."""
    [command] = re.findall(rf"^ +(.*{name}.*)", told, re.MULTILINE)
    for placeholder, word in words.items():
        command = command.replace(placeholder, word)
    subprocess.run(["sh", "-c", command], cwd=project, check=True)
    history.commit(project)


def test_a_start_without_tags_can_be_updated(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    untagged = tmp_path / "untagged"
    git(tmp_path, "clone", "--quiet", "--no-tags", str(repository), str(untagged))
    git(untagged, "commit", "--quiet", "--allow-empty", "--message", "not released")
    project = start(untagged, tmp_path / "project")
    told = capsys.readouterr().err
    commit = rendering.answers_of(project)["_commit"]
    assert f"WARNING: the template was copied from the commit {commit} and not from" in told
    git(untagged, "tag", "v9999.0.0", "HEAD~1")
    with pytest.raises(copier.errors.UserMessageError, match="downgrading"):
        update(project, None)
    mend(project, told, "_commit", RELEASE="v9999.0.0")
    update(project, None)
    assert rendering.answers_of(project)["_commit"] == "v9999.0.0"


ADDRESSES = {
    "https://example.org/lab/copier-jax.git": None,
    "git@example.org:lab/copier-jax.git": "https://example.org/lab/copier-jax.git",
    "ssh://git@example.org/lab/copier-jax.git": "https://example.org/lab/copier-jax.git",
    "a folder": "https://HOST/OWNER/copier-jax.git",
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release that renders the answers file, and ends with the message."""
    folder = tmp_path_factory.mktemp("small") / "copier-jax"
    history.append(folder / "copier.yml", "_message_after_copy: '{% include \"origin.jinja\" %}'\n")
    shutil.copy(rendering.ROOT / "includes" / "origin.jinja", folder / "origin.jinja")
    answers = folder / "{{ _copier_conf.answers_file }}.jinja"
    history.append(answers, "{{ _copier_answers | to_nice_yaml -}}\n")
    git(folder, "init", "--quiet")
    history.commit(folder, "v1.0.0")
    return folder


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_not_all_can_read_is_told_of(
    small: Path, tmp_path: Path, address: str
) -> None:
    source = str(small) if address == "a folder" else address
    there = {  # git finds here what a project looks for there
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{small}.insteadOf",
        "GIT_CONFIG_VALUE_0": source,
    }
    project = tmp_path / "project"
    done = rendering.command("copy", source, project, cwd=tmp_path, **there)
    assert rendering.answers_of(project)["_src_path"] == source, done.stderr
    readable = ADDRESSES[address]
    if readable is None:
        assert "WARNING" not in done.stderr
    else:
        assert f"WARNING: this project records {source} as" in done.stderr
        git(project, "init", "--quiet")
        mend(project, done.stderr, "_src_path")
        assert rendering.answers_of(project)["_src_path"] == readable
