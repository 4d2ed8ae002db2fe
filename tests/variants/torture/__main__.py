"""Injects faults for some minutes and prints what became of them: `nox -s torture`."""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from ...support import rendering
from .. import projects
from ..projects import Project
from .blows import BLOWS
from .damage import DAMAGE, Place
from .victim import STEPS, Victim

TASKS = ("language", "image", "tabular", "forecasting", "post-training")
OUTCOMES = ("survived", "told", "lost", "silent", "untidy")
FAILURES = OUTCOMES[2:]
ENDS = {0, 75, 130, -2, -9, -15}
"""What a process ends with that was struck: in order, or by the signal before Python listens."""
MOST = 6
"""Faults in one run."""
SHARE = 0.6
"""Of damage among faults, where there is something to damage; the others strike the process."""


class Campaign:
    """Runs with faults, compared with one without.

    Attributes:
        counts: how often each fault had each outcome.
    """

    def __init__(self, project: Project, folder: Path, random: Random) -> None:
        """Trains the run that others are compared with, twice: the first compiles."""
        self._project, self._folder, self._random = project, folder, random
        self._data = project.path / "data"
        self._canary, self._outside = folder / "canary", folder / "outside"
        self._outside.write_text("untouched\n")
        self.counts: Counter[tuple[str, str]] = Counter()
        self._runs = 0
        for name in ("compiled", "whole"):
            started = time.monotonic()
            whole = Victim(project, name)
            whole.start()
            if whole.finish() != 0:
                raise RuntimeError(whole.said)
            self._seconds = time.monotonic() - started
        self._expected = whole.result()

    def run(self, deadline: float) -> None:
        """Makes faults in one run, and then lets it end."""
        self._runs += 1
        victim, suspects = Victim(self._project, f"victim-{self._runs}"), []
        for _ in range(self._random.randint(1, MOST)):
            if victim.step >= STEPS or time.monotonic() > deadline:
                break
            hurts = victim.saved and self._random.random() < SHARE
            name, what, outcome = self._damage(victim) if hurts else self._strike(victim)
            print(f"run {self._runs}: {name}: {what}: {outcome}", flush=True)
            if outcome in FAILURES:
                print(victim.said, flush=True)
            self.counts[name, outcome] += 1
            suspects.append((name, outcome))
        victim.start()
        if victim.finish() != 0 or victim.result() != self._expected:
            print(f"run {self._runs} ends otherwise than the one without faults:\n{victim.said}")
            for name, outcome in suspects:
                self.counts[name, outcome] -= 1
                self.counts[name, "lost" if outcome == "told" else "silent"] += 1
        else:
            shutil.rmtree(victim.path)

    def _strike(self, victim: Victim) -> tuple[str, str, str]:
        blow = self._random.choice(BLOWS)
        saved = victim.saved
        when = blow(self._random, victim, self._seconds)
        tidy = victim.process.returncode in ENDS and not victim.untidy
        return blow.__name__, when, self._judge(victim, saved, None, tidy)

    def _damage(self, victim: Victim) -> tuple[str, str, str]:
        """Damages files and starts the run again; if it refuses, a copy takes their place."""
        place = Place(victim.path, self._data, self._canary, self._outside)
        copies = self._folder / "copies"
        shutil.copytree(victim.path, copies / "run")
        shutil.copytree(self._data, copies / "data")
        fault = self._random.choice(DAMAGE)
        done = fault(self._random, place)
        saved = victim.saved - done.lost
        victim.start()
        until = self._random.randrange(STEPS)
        if victim.wait_for(lambda: victim.resumed is not None and victim.step > until):
            victim.process.kill()
        code = victim.finish()
        outcome = self._judge(victim, saved, done.word, code in (0, -9))
        if victim.refused:
            shutil.rmtree(victim.path)
            shutil.copytree(copies / "run", victim.path)
        shutil.rmtree(self._data)
        shutil.move(copies / "data", self._data)
        shutil.rmtree(copies)
        return fault.__name__, done.what.replace(f"{self._project.path}/", ""), outcome

    def _judge(self, victim: Victim, saved: set[int], word: str | None, tidy: bool) -> str:
        """What became of a start.

        Args:
            victim: the run, whose process has ended.
            saved: the steps of the checkpoints that were intact before it.
            word: what it has to say if it goes on.
            tidy: whether it ended as it may if it did not refuse.
        """
        if self._canary.exists() or self._outside.read_text() != "untouched\n":
            return "silent"
        if victim.refused:
            return "told"
        if not tidy:
            return "untidy"
        if victim.resumed is not None and victim.resumed < max(saved, default=0):
            return "lost"
        if word is None or victim.resumed is None:
            return "survived"
        return "told" if word in victim.said else "silent"


def main() -> int:
    """Renders a project and injects faults until the time is over; 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="nox -s torture --", description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=5)
    parser.add_argument("--seed", type=int, default=0, help="of the faults and their order")
    parser.add_argument("--task", choices=TASKS, default=TASKS[0])
    arguments = parser.parse_args()
    print(f"{arguments.minutes} minutes, seed {arguments.seed}, {arguments.task}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder / "compiled")
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        template = rendering.export(folder / "template")
        places = (folder / "lab", sys.executable, folder / "environments")
        project = projects.make(template, *places, task=arguments.task)
        if arguments.task == "language":  # the sample is larger than these few steps need
            project.command("prepare", "--source", "src/**/*.py")
        campaign = Campaign(project, folder, Random(arguments.seed))
        deadline = time.monotonic() + 60 * arguments.minutes
        while time.monotonic() < deadline:
            campaign.run(deadline)
    return report(campaign.counts)


def report(counts: Counter[tuple[str, str]]) -> int:
    """Prints a table of the outcomes; 1 if there are any that must not be."""
    print(f"| fault | injected | {' | '.join(OUTCOMES)} |\n|{'---|' * (2 + len(OUTCOMES))}")
    faults = sorted({name for name, _ in counts})
    for name in faults:
        print_row(name, [counts[name, outcome] for outcome in OUTCOMES])
    totals = [sum(counts[name, outcome] for name in faults) for outcome in OUTCOMES]
    print_row("all", totals)
    return int(any(totals[OUTCOMES.index(outcome)] for outcome in FAILURES))


def print_row(name: str, numbers: list[int]) -> None:
    """Prints how often each outcome was, after how many there were."""
    print(f"| {name.replace('_', ' ')} | {' | '.join(map(str, [sum(numbers), *numbers]))} |")


if __name__ == "__main__":
    sys.exit(main())
