"""The workflow that a project runs opens a pull request with the next release, and only then."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .support import history, rendering
from .support.rendering import git
from .support.small import start, write

WORKFLOW = rendering.ROOT / "template/{{ github }}/.github/workflows/template-update.yml"
STAND_INS = {
    "uvx": f"""while [ "$1" != copier-jax ]; do shift; done
shift
exec {sys.executable} -m copier_jax "$@"
""",
    "uv": 'echo "$@" >> uv.lock\n',
    "gh": """echo "$*" >> "$TOLD"
[ "$1" = auth ] || cat "$RUNNER_TEMP/body.md" >> "$TOLD"
""",
}
LINES = "".join(f"line {number}\n" for number in range(9))


class Runner:
    """A machine on which the workflow runs, in a clone of a project."""

    def __init__(self, folder: Path) -> None:
        self.template, self.origin = folder / "copier-jax", folder / "origin"
        self.temp, self.told = folder / "temp", folder / "told"
        self.temp.mkdir()
        for name, script in STAND_INS.items():
            program = folder / "bin" / name
            write(program.parent, **{name: f"#!/bin/sh\n{script}"})
            program.chmod(0o755)
        answers = "{{ _copier_answers | to_nice_yaml -}}\n"
        notes = "# Changelog\n\n## 3.0.0\n\nThird.\n\n## 2.0.0\n\nSecond.\n"
        write(self.template, **{"copier.yml": "_subdirectory: template\n", "CHANGELOG.md": notes})
        files = self.template / "template"
        write(files, **{"{{ _copier_conf.answers_file }}.jinja": answers, "merged": LINES})
        git(self.template, "init", "--quiet")
        history.commit(self.template, "v1.0.0")
        write(files, merged=LINES.replace("5", "five"))
        history.commit(self.template, "v2.0.0")
        write(files, **{".github__workflows__ci.yml": "on: push\n"})
        history.commit(self.template, "v3.0.0")
        start(self.template, self.origin)

    def run(self) -> tuple[int, str]:
        """Runs the steps in a new clone; the exit status, and what was told to GitHub."""
        clone = self.temp / f"clone{len(list(self.temp.iterdir()))}"
        git(self.temp, "clone", "--quiet", str(self.origin), str(clone))
        self.told.write_text("")
        path = f"{self.temp.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
        given = {"PATH": path, "RUNNER_TEMP": str(self.temp), "TOLD": str(self.told)}
        given["PYTHONPATH"] = str(rendering.ROOT / "hooks")
        status, steps = 0, yaml.safe_load(WORKFLOW.read_text())["jobs"]["update"]["steps"]
        for script in [step["run"] for step in steps if "run" in step]:
            command = ["bash", "-e", "-c", script]
            done = subprocess.run(command, cwd=clone, env={**os.environ, **given}, check=False)
            status = status or done.returncode
            if status:
                break
        return status, self.told.read_text()

    def branches(self) -> list[str]:
        """The branches that the project has."""
        return git(self.origin, "branch", "--format=%(refname:short)").split()


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A project of the first of three releases."""
    return Runner(tmp_path)


def test_one_release_at_a_time(runner: Runner) -> None:
    main = git(runner.origin, "rev-parse", "main")
    status, told = runner.run()
    assert status == 0
    assert "pr create --head template-update/v2.0.0 --title Update the template to v2.0.0" in told
    assert "## 2.0.0\n\nSecond.\n" in told
    assert "Third" not in told
    assert "No conflicts." in told
    assert "--draft" not in told
    assert runner.branches() == ["main", "template-update/v2.0.0"]
    assert git(runner.origin, "rev-parse", "main") == main
    assert "line five" in git(runner.origin, "show", "template-update/v2.0.0:merged")
    assert runner.run() == (0, ""), "it waits for the first one"

    git(runner.origin, "merge", "--quiet", "template-update/v2.0.0")
    assert runner.run() == (1, ""), "the next release changes a workflow"
    assert runner.branches() == ["main", "template-update/v2.0.0"]


def test_conflicts_are_listed_in_a_draft(runner: Runner) -> None:
    write(runner.origin, merged=LINES.replace("5", "mine"))
    history.commit(runner.origin)
    status, told = runner.run()
    assert status == 0
    assert told.splitlines()[1].endswith("--draft")
    assert "## Conflicts to resolve\n\n- merged\n" in told
    assert "line mine" in git(runner.origin, "show", "template-update/v2.0.0:merged")


def test_what_is_refused_fails_and_the_newest_release_is_left(runner: Runner) -> None:
    history.replace(runner.origin / ".copier-answers.yml", "v1.0.0", "v3.0.0")
    history.commit(runner.origin)
    assert runner.run() == (0, "")
    history.replace(runner.origin / ".copier-answers.yml", "_commit: v3.0.0", "other: 1")
    history.commit(runner.origin)
    assert runner.run() == (1, "")
    assert runner.branches() == ["main"]
