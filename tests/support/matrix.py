"""Which projects are updated on every change, and which at night."""

import functools

import yaml

from . import releases, rendering

RELEASES = releases.releases()
BETWEEN = 6
"""Updates from releases between the ends, whatever the number of releases."""


@functools.cache
def tasks(release: releases.Release) -> list[str]:
    """The tasks that a release has."""
    stated = rendering.git(rendering.ROOT, "show", f"{release.commit}:copier.yml")
    return list(yaml.safe_load(stated)["task"]["choices"].values())


def every() -> list[tuple[str, str]]:
    """Each task of each release."""
    return [(release.tag, task) for release in RELEASES for task in tasks(release)]


def chosen() -> list[tuple[str, str]]:
    """Each task of the newest release and of the oldest that has it, and some between."""
    oldest = {task: tag for tag, task in reversed(every())}
    ends = {(tag, task) for task, tag in oldest.items()}
    ends |= {(RELEASES[-1].tag, task) for task in tasks(RELEASES[-1])}
    inner = RELEASES[1:-1]
    spread = [inner[number * len(inner) // BETWEEN] for number in range(min(BETWEEN, len(inner)))]
    between = {
        (release.tag, tasks(release)[number % len(tasks(release))])
        for number, release in enumerate(spread)
    }
    return [case for case in every() if case in ends | between]
