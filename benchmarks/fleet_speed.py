"""How long ``copier-jax fleet`` takes for projects that all differ.

Run it with ``nox -s bench``, or as ``python benchmarks/fleet_speed.py [PROJECTS]`` where Copier is
installed. It makes the projects first, each with a name of its own, of all releases and tasks in
turn, so that no two of them share a render. Most of the time goes into two renders for each project
and a run of its linter.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "hooks")]

from copier_jax import pristine, quick  # noqa: E402
from copier_jax.fleet import survey  # noqa: E402
from copier_jax.members import Member  # noqa: E402
from copier_jax.releases import Template  # noqa: E402
from tests.support import releases  # noqa: E402

BOUND = 1.8  # seconds for each project on two cores
IDENTITY = ("-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.org")


def main(count: int = 100) -> int:
    """Prints the seconds for all projects; 1 if they are above the bound."""
    with TemporaryDirectory(prefix="fleet-") as scratch:
        members = make(count, Path(scratch))
        began, used = time.monotonic(), sum(os.times()[:4])
        examined = survey(members, jobs=2)
        wall, processor = time.monotonic() - began, sum(os.times()[:4]) - used
    known = [one.conformance for one in examined if one.conformance]
    assert len(known) == count, [one.problem for one in examined if one.problem]
    assert [len(one.drift) for one in known] == [number % 3 == 0 for number in range(count)]
    assert all(one.conventions or one.standing.release == "v0.1.0" for one in known)
    print(f"{count} projects: {wall:.0f} s, {processor:.0f} s of processor time, on two cores")
    return int(wall > BOUND * count)


def make(count: int, folder: Path) -> list[Member]:
    """Makes projects in repositories of their own, every third of them edited."""
    source = folder / "copier-jax"
    git(folder, "clone", "--quiet", "--no-tags", str(ROOT), str(source))
    tags = []
    for release in releases.releases(source):
        git(source, "tag", release.tag, release.commit)
        tags.append(release.tag)
    template = Template.clone(str(source), folder / "bare")
    members = []
    with quick.renders():
        for number in range(count):
            tag = tags[number % len(tags)]
            export = pristine.export(template, tag, folder / tag)
            questions = yaml.safe_load((export / "copier.yml").read_text())
            tasks = list(questions.get("task", {"choices": {"": "language"}})["choices"].values())
            answers = {
                "project_name": f"Lab {number}",
                "task": tasks[number // len(tags) % len(tasks)],
            }
            project = pristine.render(export, answers, folder / "fleet" / f"lab-{number}")
            recorded = project / ".copier-answers.yml"
            text = recorded.read_text().replace(str(export), str(source))
            recorded.write_text(f"{text}_commit: {tag}\n")
            if number % 3 == 0:
                (project / "LICENSE").write_text("Ours.\n")
            git(project, "init", "--quiet")
            git(project, "add", "--all")
            git(project, *IDENTITY, "commit", "--quiet", "--message", "Start")
            members.append(Member(project))
    return members


def git(folder: Path, *arguments: str) -> None:
    """Runs git."""
    subprocess.run(["git", *arguments], cwd=folder, check=True)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
