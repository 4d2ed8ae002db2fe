"""The conformance of many projects, examined in parallel."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from .conformance import Conformance, examine
from .members import Member
from .parallel import in_parallel, told, unattended
from .progress import progress
from .standing import Standing, Templates


@dataclass(frozen=True)
class Examined:
    """A member and what is known of it."""

    member: Member
    conformance: Conformance | None
    problem: str = ""
    """Why nothing is known."""


@dataclass(frozen=True)
class Group:
    """Members with the same release and answers, which share their renders."""

    standing: Standing
    members: tuple[Member, ...]


def survey(members: list[Member], jobs: int | None = None) -> list[Examined]:
    """Examines all members; a broken one says so and keeps none of the others from being examined.

    Args:
        members: the members.
        jobs: how many are examined at the same time; None for one on each core.
    """
    with TemporaryDirectory(prefix="copier-jax-") as scratch, unattended():
        groups, broken = _group(members, Templates(Path(scratch)))
        examined = progress(_all_examined(groups, broken, jobs), len(members))
        found = {one.member: one for one in examined}
    return [found[member] for member in members]


def _group(members: list[Member], templates: Templates) -> tuple[list[Group], list[Examined]]:
    """Members that can share their renders; and those that are broken."""
    groups: dict[str, Group] = {}
    broken = []
    for member in members:
        try:
            standing, answers = templates.standing(member.project), member.project.questions
            key = json.dumps([standing.template, standing.release, answers], default=repr)
            group = groups.get(key, Group(standing, ()))
            groups[key] = replace(group, members=(*group.members, member))
        except Exception as error:  # whatever is wrong with one, the others are told of
            broken.append(Examined(member, None, told(error)))
    return list(groups.values()), broken


def _all_examined(
    groups: list[Group], broken: list[Examined], jobs: int | None
) -> Iterator[Examined]:
    """All members, as soon as each is known."""
    yield from broken
    for group, result in in_parallel(_examine, groups, jobs):
        if isinstance(result, str):
            yield from (Examined(member, None, result) for member in group.members)
        else:
            yield from result


def _examine(group: Group) -> list[Examined]:
    results = examine([member.project for member in group.members], group.standing)
    return [
        Examined(member, None, told(result))
        if isinstance(result, Exception)
        else Examined(member, replace(result, diff=""))  # nobody reads it
        for member, result in zip(group.members, results, strict=True)
    ]
