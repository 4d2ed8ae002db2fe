"""The conformance of many projects, examined in parallel."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from .conformance import Conformance, examine
from .members import Member
from .progress import progress
from .standing import Standing, Templates

UNATTENDED = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes"}
"""What keeps git from waiting for somebody who types a password."""


@dataclass(frozen=True)
class Examined:
    """A member and what is known of it."""

    member: Member
    conformance: Conformance | None
    problem: str = ""
    """Why nothing is known."""


def survey(members: list[Member], jobs: int | None = None) -> list[Examined]:
    """Examines all members; a broken one says so and keeps none of the others from being examined.

    Args:
        members: the members.
        jobs: how many are examined at the same time; None for one on each core.
    """
    with TemporaryDirectory(prefix="copier-jax-") as scratch, unattended():
        groups, broken = _group(members, Templates(Path(scratch)))
        found = {one.member: one for one in broken}
        # Threads would get in each other's way: Copier changes the current folder.
        with ProcessPoolExecutor(jobs or os.cpu_count(), get_context("spawn")) as pool:
            futures = {
                pool.submit(_examine, group, standing): group for standing, group in groups
            }
            for one in progress(_examined(broken, futures), len(members)):
                found[one.member] = one
    return [found[member] for member in members]


@contextmanager
def unattended() -> Iterator[None]:
    """Lets git fail where it would ask for a password."""
    with mock.patch.dict(os.environ, UNATTENDED):
        yield


def _group(
    members: list[Member], templates: Templates
) -> tuple[list[tuple[Standing, list[Member]]], list[Examined]]:
    """Members that can share their renders; and those that are broken."""
    groups: dict[str, tuple[Standing, list[Member]]] = {}
    broken = []
    for member in members:
        try:
            standing, answers = templates.standing(member.project), member.project.questions
            key = json.dumps([standing.template, standing.release, answers], default=repr)
            groups.setdefault(key, (standing, []))[1].append(member)
        except Exception as error:  # whatever is wrong with one, the others are told of
            broken.append(Examined(member, None, told(error)))
    return list(groups.values()), broken


def _examine(group: list[Member], standing: Standing) -> list[Examined]:
    """Examines members that can share their renders."""
    results = examine([member.project for member in group], standing)
    return [
        Examined(member, None, told(result))
        if isinstance(result, Exception)
        else Examined(member, result)
        for member, result in zip(group, results, strict=True)
    ]


def _examined(
    broken: list[Examined], futures: dict[Future[list[Examined]], list[Member]]
) -> Iterator[Examined]:
    """All members, as soon as each is known."""
    yield from broken
    for future in as_completed(futures):
        error = future.exception()
        if error is None:
            yield from future.result()
        else:
            yield from (Examined(member, None, told(error)) for member in futures[future])


def told(error: BaseException) -> str:
    """What an error says, on one line if it says nothing."""
    return str(error).strip() or type(error).__name__
