"""How a project gets where it runs: workflows, launchers, the image; public checkers read each."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from .support import checkers, rendering

COMMAND = "delivered-lab"
STOPPED = 75
LAUNCHERS = rendering.choices("launchers")

# A checker, the file that it reads, and a defect that it must find there: what is replaced by what.
CHECKS: dict[str, tuple[checkers.Checker, str, str, str]] = {
    "actionlint": (
        *(checkers.actionlint, ".github/workflows/ci.yml"),
        *("${{ matrix.python }}", "${{ matrix.pythn }}"),
    ),
    "actionlint-script": (
        *(checkers.actionlint, ".github/workflows/ci.yml"),
        *('"$GITHUB_ENV"', "$GITHUB_ENV"),
    ),
    "zizmor": (
        *(checkers.zizmor, ".github/workflows/ci.yml"),
        *("actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1", "actions/checkout@v7"),
    ),
    "zizmor-permissions": (
        *(checkers.zizmor, ".github/workflows/ci.yml"),
        *("contents: read", "contents: write"),
    ),
    "actionlint-update": (
        *(checkers.actionlint, ".github/workflows/template-update.yml"),
        *('"$RUNNER_TEMP/conflicts" ]', "$RUNNER_TEMP/conflicts ]"),
    ),
    "zizmor-update": (
        *(checkers.zizmor, ".github/workflows/template-update.yml"),
        *("permissions: {}", "permissions: write-all"),
    ),
    "update-schema": (
        *(checkers.schema("github-workflows"), ".github/workflows/template-update.yml"),
        *("timeout-minutes", "timeout-minute"),
    ),
    "github-schema": (
        *(checkers.schema("github-workflows"), ".github/workflows/ci.yml"),
        *("timeout-minutes", "timeout-minute"),
    ),
    "actionlint-conformance": (
        *(checkers.actionlint, ".github/workflows/conformance.yml"),
        *('"$GITHUB_STEP_SUMMARY"', "$GITHUB_STEP_SUMMARY"),
    ),
    "zizmor-conformance": (
        *(checkers.zizmor, ".github/workflows/conformance.yml"),
        *("persist-credentials: false", "persist-credentials: true"),
    ),
    "github-schema-conformance": (
        *(checkers.schema("github-workflows"), ".github/workflows/conformance.yml"),
        *("workflow_dispatch", "workflow_dispatched"),
    ),
    "gitlab-schema": (
        *(checkers.schema("gitlab-ci"), ".gitlab-ci.yml"),
        *("interruptible: true", "interruptible: perhaps"),
    ),
    "gitlab-script": (
        *(checkers.shellcheck_parts("sh", "script", "after_script"), ".gitlab-ci.yml"),
        *('[ "$PYTHON" = oldest ]', "[[ $PYTHON = oldest ]]"),
    ),
    "renovate-schema": (
        *(checkers.schema("renovate"), "renovate.json"),
        *('"enabled": false', '"enabled": "no"'),
    ),
    "local": (checkers.shellcheck, "launch/local.sh", '"${running[$at]}"', "${running[$at]}"),
    "slurm": (checkers.shellcheck, "launch/slurm.sbatch", '"$SLURM_JOB_ID"', "$SLURM_JOB_ID"),
    "jobset": (checkers.jobset, "launch/jobset.yaml", "completionMode", "completionMod"),
    "jobset-value": (checkers.jobset, "launch/jobset.yaml", "completions: 2", 'completions: "2"'),
    "skypilot": (
        *(checkers.shellcheck_parts("bash", "setup", "run"), "launch/skypilot.yaml"),
        *('"$CONFIG"', "$CONFIG"),
    ),
    "hadolint": (checkers.hadolint, "Dockerfile", "COPY README.md", "ADD README.md"),
    "hadolint-script": (checkers.hadolint, "Dockerfile", '"$EXTRA"', "$(echo $EXTRA)"),
}


@pytest.fixture(scope="module")
def projects(template: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A project with every launcher on each platform that integrates."""
    folder = tmp_path_factory.mktemp("delivered")
    package = COMMAND.replace("-", "_")
    return [
        rendering.render(*(template, folder / ci), ci=ci, launchers=LAUNCHERS, package_name=package)
        for ci in ("github", "gitlab")
    ]


def find(projects: list[Path], name: str) -> Path:
    """The file of this name, in the first project that has it."""
    return next(project / name for project in projects if (project / name).exists())


@pytest.mark.parametrize("check", CHECKS)
def test_the_checker_is_content(projects: list[Path], check: str) -> None:
    checker, name, *_ = CHECKS[check]
    assert checker(find(projects, name)) == ""


@pytest.mark.parametrize("check", CHECKS)
def test_the_checker_finds_a_defect(projects: list[Path], tmp_path: Path, check: str) -> None:
    checker, name, right, wrong = CHECKS[check]
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(find(projects, name).read_text().replace(right, wrong))
    assert file.read_text() != find(projects, name).read_text()
    assert checker(file) != ""


def test_every_file_is_checked(projects: list[Path]) -> None:
    checked = {name for _, name, *_ in CHECKS.values()}
    for project in projects:
        files = set(rendering.contents(project))
        delivering = {
            *(name for name in files if name.startswith((".github/", "launch/"))),
            *(files & {"Dockerfile", ".gitlab-ci.yml", "renovate.json"}),
        }
        assert delivering - {"launch/.gitignore"} <= checked
    assert {f"launch/{name}" for name in ("local.sh", "slurm.sbatch")} <= checked


@pytest.mark.parametrize("checker", ["actionlint", "zizmor", "github-schema"])
@pytest.mark.parametrize("workflow", ["ci.yml", "conformance.yml", "nightly.yml"])
def test_the_checker_is_content_with_a_workflow_of_this_repository(
    checker: str, workflow: str
) -> None:
    assert CHECKS[checker][0](rendering.ROOT / ".github" / "workflows" / workflow) == ""


def test_the_script_of_this_repository() -> None:
    assert checkers.shellcheck(rendering.ROOT / ".ci" / "run") == ""


def test_both_platforms_do_the_same(projects: list[Path]) -> None:
    scripts = [
        (projects[0] / ".github" / "workflows" / "ci.yml").read_text(),
        (projects[1] / ".gitlab-ci.yml").read_text(),
    ]
    steps = [
        re.findall(r"\buv (?:sync|run [\w ./]*\w)(?: --verify| --locked)?", each)
        for each in scripts
    ]
    assert steps[0] == steps[1]
    assert len(steps[0]) == 7
    choices = [re.findall(r"sed -n '(.*)' pyproject.toml", each) for each in scripts]
    assert choices[0] == choices[1] != []


def test_renovate_leaves_alone_what_the_template_updates(projects: list[Path]) -> None:
    """Every file with a version that the template pins, and no bound of pyproject.toml."""
    (left_alone,) = [
        set(rule["matchFileNames"])
        for rule in json.loads((projects[0] / "renovate.json").read_text())["packageRules"]
        if rule.get("enabled") is False
    ]
    owned = {
        name
        for project in projects
        for name in rendering.contents(project)
        if re.fullmatch(r"\.github/workflows/.*|\.gitlab-ci\.yml|Dockerfile.*", name)
    }
    assert left_alone == owned


# --- conformance, with a stand-in for uvx ---

STAND_IN_FOR_UVX = """#!/usr/bin/env bash
echo "$*" >> called
case "$*" in
  *unreachable*) exit 1 ;;
  *--help) echo usage ;;
  *) echo compared; exit "$EXIT" ;;
esac
"""


def conformance_scripts(projects: list[Path]) -> list[str]:
    """What compares a project with its template: GitHub, GitLab, and what others call here."""
    called = ".github/workflows/conformance.yml"
    of_github = [
        yaml.safe_load((top / called).read_text()) for top in (projects[0], rendering.ROOT)
    ]
    scripts = [document["jobs"]["conformance"]["steps"][-1]["run"] for document in of_github]
    of_gitlab = yaml.safe_load((projects[1] / ".gitlab-ci.yml").read_text())
    [script] = of_gitlab["conformance"]["script"]
    return [*scripts, script]


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ("https://example.org/lab.git", "git+https://example.org/lab.git@v1.0.0"),
        ("git+https://example.org/lab.git", "git+https://example.org/lab.git@v1.0.0"),
        ("gh:lab/copier-jax", "git+https://github.com/lab/copier-jax@v1.0.0"),
        ("gl:lab/copier-jax.git", "git+https://gitlab.com/lab/copier-jax.git@v1.0.0"),
        ("https://example.org/unreachable", None),
    ],
)
def test_conformance_is_compared_where_the_template_can_be_reached(
    projects: list[Path], tmp_path: Path, which: int, source: str, asked: str | None
) -> None:
    script = conformance_scripts(projects)[which]
    stand_in(tmp_path / "bin" / "uvx", STAND_IN_FOR_UVX)
    (tmp_path / ".copier-answers.yml").write_text(f"_commit: 'v1.0.0'\n_src_path: {source}\n")
    there = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "CONFORMANCE_FAIL_ON": "drift"}
    there |= {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary"), "EXIT": "1"}
    shell = ["sh", "-e", "-c", script] if which == 2 else ["bash", "-e", "-c", script]
    done = subprocess.run(
        shell, cwd=tmp_path, env=os.environ | there, capture_output=True, text=True, check=False
    )
    calls = (tmp_path / "called").read_text().splitlines()
    if asked is None:
        assert done.returncode == 0, done.stderr
        assert "Nothing was compared" in done.stdout
        assert len(calls) == 1
    else:
        tool = f"--from copier-jax[update] @ {asked} copier-jax"
        assert calls == [f"{tool} --help", f"{tool} conformance --fail-on drift"]
        assert done.stdout == "compared\n"
        assert done.returncode == 1
        assert which == 2 or (tmp_path / "summary").read_text() == "    compared\n"


# --- launchers, with stand-ins for the cluster ---

STAND_IN_FOR_SRUN = """#!/usr/bin/env bash
while [ "${1#--}" != "$1" ]; do shift; done
worst=0
for ((id = 0; id < SLURM_NTASKS; id++)); do
  SLURM_PROCID=$id SLURM_LOCALID=$((id % 4)) "$@" || worst=$?
done
exit "$worst"
"""
STAND_IN_FOR_THE_COMMAND = r"""#!/usr/bin/env bash
echo "$JAX_PROCESS_ID of $JAX_NUM_PROCESSES at $JAX_COORDINATOR_ADDRESS" \
  "on GPU ${JAX_LOCAL_DEVICE_IDS-all}: $*" >> told
exit "$EXIT"
"""


def stand_in(path: Path, script: str) -> None:
    """Puts a program in place of one that is not here."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)


def launch(folder: Path, *command: str | Path, **environment: str) -> tuple[int, list[str]]:
    """Runs a launcher with stand-ins; its exit code, and what the stand-ins were told."""
    stand_in(folder / "bin" / "srun", STAND_IN_FOR_SRUN)
    stand_in(folder / "bin" / "scontrol", '#!/bin/sh\necho "scontrol $*" >> told\n')
    stand_in(folder / ".venv" / "bin" / COMMAND, STAND_IN_FOR_THE_COMMAND)
    done = subprocess.run(
        list(command),
        cwd=folder,
        env={"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", **environment},
        check=False,
    )
    told = folder / "told"
    return done.returncode, told.read_text().splitlines() if told.exists() else []


@pytest.mark.parametrize("code", [0, 1, STOPPED])
def test_slurm(projects: list[Path], tmp_path: Path, code: int) -> None:
    """Each process knows its place; a run that was stopped goes to the queue again."""
    returned, told = launch(
        *(tmp_path, "bash", find(projects, "launch/slurm.sbatch"), "--run-dir", "runs/a b"),
        SLURM_JOB_ID="123456",
        SLURM_NTASKS="8",
        SLURM_CPUS_PER_TASK="8",
        EXIT=str(code),
    )
    first = subprocess.run(["hostname"], capture_output=True, text=True, check=True).stdout.strip()
    words = f"train --exit-code-when-stopped={STOPPED} --run-dir runs/a b"
    assert told[:8] == [
        f"{id} of 8 at {first}:{20000 + 123456 % 12000} on GPU {id % 4}: {words}" for id in range(8)
    ]
    assert told[8:] == (["scontrol requeue 123456"] if code == STOPPED else [])
    assert returned == (0 if code == STOPPED else code)


def test_skypilot(projects: list[Path], tmp_path: Path) -> None:
    task = yaml.safe_load(find(projects, "launch/skypilot.yaml").read_text())
    returned, told = launch(
        *(tmp_path, "bash", "-c", task["run"]),
        SKYPILOT_NODE_IPS="10.0.0.7\n10.0.0.8",
        SKYPILOT_NODE_RANK="1",
        SKYPILOT_NUM_NODES="2",
        EXIT="0",
        **task["envs"],
    )
    assert returned == 0
    assert told == [
        "1 of 2 at 10.0.0.7:8476 on GPU all: train --config=config:base --run-dir /runs/base "
        f"--exit-code-when-stopped={STOPPED}"
    ]
    # What the schema of SkyPilot's tasks allows; the package that has it brings a hundred others.
    assert set(task) <= {"name", "workdir", "resources", "num_nodes", "envs", "file_mounts"} | {
        *("setup", "run")
    }
    assert task["resources"]["job_recovery"] == {"recover_on_exit_codes": [STOPPED]}
    (mount,) = task["file_mounts"].items()
    assert mount == ("/runs", {"name": f"{COMMAND}-runs", "mode": "MOUNT_CACHED"})


def test_jobset_agrees_with_itself(projects: list[Path]) -> None:
    spec = yaml.safe_load(find(projects, "launch/jobset.yaml").read_text())["spec"]
    (replicated,) = spec["replicatedJobs"]
    job = replicated["template"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert variables["JAX_NUM_PROCESSES"] == str(job["parallelism"]) == str(job["completions"])
    assert variables["JAX_COORDINATOR_ADDRESS"].endswith(
        f":{container['ports'][0]['containerPort']}"
    )
    assert spec["coordinator"] == {"replicatedJob": replicated["name"]}
    on_exit = job["podFailurePolicy"]["rules"][0]["onExitCodes"]
    assert on_exit["containerName"] == container["name"]
    assert on_exit["values"] == [STOPPED]
    assert f"--exit-code-when-stopped={STOPPED}" in container["args"]
    volumes = {volume["name"] for volume in job["template"]["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_jobset_has_names_for_the_longest_package(template: Path, tmp_path: Path) -> None:
    package = "a" * 39 + "_" + "b" * 10
    project = rendering.render(template, tmp_path / "p", package_name=package, launchers=["jobset"])
    assert checkers.jobset(project / "launch" / "jobset.yaml") == ""


def test_training_knows_the_option_of_the_launchers(projects: list[Path]) -> None:
    train = find(projects, f"src/{COMMAND.replace('-', '_')}/commands/train.py").read_text()
    assert '"--exit-code-when-stopped"' in train


def test_the_image_has_what_is_copied_into_it(projects: list[Path]) -> None:
    dockerfile = find(projects, "Dockerfile").read_text()
    stated = tomllib.loads(find(projects, "pyproject.toml").read_text())["project"]
    assert list(stated["scripts"]) == json.loads(re.findall(r"ENTRYPOINT (.*)", dockerfile)[0])
    copied = {
        name
        for names in re.findall(r"^COPY (?!--)(.*) \S+$", dockerfile, re.MULTILINE)
        for name in names.split()
    }
    let_in = re.findall(r"^!/([\w.]+)", find(projects, ".dockerignore").read_text(), re.MULTILINE)
    assert copied == set(let_in)
    assert {stated["readme"], *stated["license-files"]} <= copied
