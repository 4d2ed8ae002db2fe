"""The commands of this repository, from demo and lint to release.

Every session installs what it needs with uv, which comes with `nox[uv]`. Sessions run on the Python
that runs nox; `variants` looks for further ones itself.
"""

import shutil
import sys
from pathlib import Path

import nox
from uv import find_uv_bin

nox.needs_version = ">=2026.4"
nox.options.default_venv_backend = "uv"
nox.options.sessions = ["lint", "tests", "variants"]

ROOT = Path(__file__).parent
UV = find_uv_bin()
DEVELOPMENT = nox.project.dependency_groups(nox.project.load_toml(ROOT / "pyproject.toml"), "dev")
# nox points uv at the session's environment; a project has its own.
IN_PROJECT = {
    "UV_PROJECT_ENVIRONMENT": None,
    "UV_PYTHON": None,
    "UV_PYTHON_DOWNLOADS": "never",
    "VIRTUAL_ENV": None,
}


def make_project(session: nox.Session, directory: Path, name: str, *answers: str) -> None:
    """Renders the working tree into `directory`, unless a project stands there, and installs it."""
    if (directory / ".copier-answers.yml").exists():
        session.log(f"{directory} is a project already: carrying on with it")
    else:
        session.install(*[need for need in DEVELOPMENT if need.startswith("copier")])
        session.run(
            *("copier", "copy", "--defaults", "--quiet", "--vcs-ref", "HEAD"),
            *("--data", f"project_name={name}"),
            *(word for answer in answers for word in ("--data", answer)),
            *(str(ROOT), str(directory)),
        )
    in_project(session, directory, "sync", "--python", sys.executable)


def run_tests(session: nox.Session, *arguments: str) -> None:
    """Runs the tests of all but variants."""
    options = ("--numprocesses=2", "--dist=loadfile")
    session.run("pytest", "--ignore=tests/variants", *options, *arguments, *session.posargs)


def run_variants(session: nox.Session, *arguments: str) -> None:
    """Runs the tests of variants."""
    # Two at a time: each trains on a few cores at most, and waits for its compiler on one.
    options = ("--numprocesses=2", "--dist=loadgroup", "--no-loadscope-reorder")
    options = (*options, "--verbose", "--durations=20", *arguments)
    session.run("pytest", "tests/variants", *options, *session.posargs)


def in_project(session: nox.Session, directory: Path, *arguments: str) -> None:
    """Runs uv in `directory`."""
    with session.chdir(directory):
        session.run(UV, *arguments, env=IN_PROJECT, external=True)


@nox.session
def demo(session: nox.Session) -> None:
    """Renders a project, installs it, trains it and lets it write: `nox -s demo [-- DIRECTORY]`."""
    directory = Path(session.posargs[0] if session.posargs else "demo-project").resolve()
    make_project(session, directory, "Demo Project")
    run = ("run", "demo-project")
    in_project(
        session, directory, *run, "train", "--config=config:smoke", "--run-dir", "runs/smoke"
    )
    in_project(session, directory, *run, "generate", "--run-dir", "runs/smoke", "--prompt", "def ")
    session.log(f"the project:  {directory}")
    session.log(f"the run:      {directory / 'runs/smoke'} (curves, metrics.jsonl, checkpoints)")
    session.log(
        f"a longer run: cd {directory} && {UV} run demo-project train --config=config:small"
    )


@nox.session
def lint(session: nox.Session) -> None:
    """Checks this repository's own Python; renders are checked by `tests` and `variants`."""
    session.install(*DEVELOPMENT)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    # Left to itself it takes .venv, where nox lives but not what the tests import.
    session.run("basedpyright", "--pythonpath", str(Path(session.bin) / "python"))


@nox.session
def tests(session: nox.Session) -> None:
    """Tests questions, renders, ownership and updates: `nox -s tests [-- PYTEST-ARGUMENTS]`."""
    session.install(*DEVELOPMENT)
    run_tests(session)


@nox.session
def variants(session: nox.Session) -> None:
    """Installs, checks, tests and trains every variant: `nox -s variants [-- PYTEST-ARGUMENTS]`."""
    session.install(*DEVELOPMENT)
    run_variants(session)


@nox.session
def nightly(session: nox.Session) -> None:
    """Does what `tests` and `variants` do, and what takes hours: `nox -s nightly`."""
    session.install(*DEVELOPMENT)
    run_tests(session, "--nightly")
    run_variants(session, "--nightly")


@nox.session
def quality(session: nox.Session) -> None:
    """Trains each model and prints what it reaches: `nox -s quality [-- --long | --series]`."""
    session.install(*DEVELOPMENT)
    session.run("python", "-m", "tests.variants.quality", *session.posargs)


@nox.session
def torture(session: nox.Session) -> None:
    """Breaks runs and files at random: `nox -s torture [-- MINUTES --seed=N --task=TASK]`."""
    session.install(*DEVELOPMENT)
    session.run("python", "-m", "tests.variants.torture", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measures steps, decoding, imports, preparations and the linter, in renders' environments."""
    directory = Path(session.create_tmp()) / "bench-project"
    shutil.rmtree(directory, ignore_errors=True)
    make_project(session, directory, "Bench Project")
    others = {"tabular": "table_throughput.py", "image": "image_preparation.py"}
    for task, name in others.items():
        folder = directory.with_name(f"bench-{task}")
        shutil.rmtree(folder, ignore_errors=True)
        make_project(session, folder, "Bench Project", f"task={task}")
        script = str(ROOT / "benchmarks" / name)
        in_project(session, folder, "run", "python", script, "bench_project")
    for script in sorted((ROOT / "benchmarks").glob("*.py")):
        if script.name in ("public_code.py", "fleet_speed.py", *others.values()):
            continue  # one takes clones of other repositories, the others run beside this loop
        more = ("--with", "pylint") if script.name == "linter_speed.py" else ()
        in_project(session, directory, "run", *more, "python", str(script), "bench_project")
    session.install(*[need for need in DEVELOPMENT if need.startswith("copier")])
    session.run("python", str(ROOT / "benchmarks" / "fleet_speed.py"))


@nox.session
def release(session: nox.Session) -> None:
    """Checks a version that is not committed yet; tags those that are. Pushing tags is yours."""
    needed = ("packaging", "pyyaml")
    session.install(*[need for need in DEVELOPMENT if need.startswith(needed)])
    session.run("python", "-m", "tests.support.releasing")
