"""Damage to the files of a run, or to its data, between two starts."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple


class Place(NamedTuple):
    """Where a run and what belongs to it lie.

    Attributes:
        run: the folder of the run.
        data: the folder of its data.
        canary: a file that is there once something has run that must not.
        outside: a file that the run has nothing to do with.
    """

    run: Path
    data: Path
    canary: Path
    outside: Path

    def checkpoints(self) -> list[Path]:
        """The checkpoints, oldest first."""
        found = self.run.glob("checkpoints/*")
        return sorted((each for each in found if each.name.isdecimal()), key=_step)


class Damage(NamedTuple):
    """What was done.

    Attributes:
        what: it in words.
        lost: the steps whose checkpoints it took.
        word: what a start that goes on has to say of it, if anything.
    """

    what: str
    lost: frozenset[int] = frozenset()
    word: str | None = None


Fault = Callable[[Random, Place], Damage]


def flip_a_bit(random: Random, place: Place) -> Damage:
    """In a file of the newest checkpoint."""
    path = _file(random, place.checkpoints()[-1])
    return _of_a_checkpoint(place, _flip(random, path))


def zero_a_page(random: Random, place: Place) -> Damage:
    """In a file of the newest checkpoint."""
    path = _file(random, place.checkpoints()[-1])
    content = path.read_bytes()
    start = random.randrange(len(content)) // 4096 * 4096
    end = min(start + 4096, len(content))
    what = f"page at {start} of {path} zeroed"
    if not any(content[start:end]):
        return Damage(f"{what}, as it was")
    path.write_bytes(content[:start] + bytes(end - start) + content[end:])
    return _of_a_checkpoint(place, what)


def truncate(random: Random, place: Place) -> Damage:
    """A file of the newest checkpoint."""
    path = _file(random, place.checkpoints()[-1])
    size = random.randrange(path.stat().st_size)
    path.write_bytes(path.read_bytes()[:size])
    return _of_a_checkpoint(place, f"{path} cut to {size} bytes")


def remove_a_file(random: Random, place: Place) -> Damage:
    """Of the newest checkpoint."""
    path = _file(random, place.checkpoints()[-1])
    path.unlink()
    if path.name == "digests.json":  # as a checkpoint of an earlier release, which is intact
        return Damage(f"{path} removed", word="digests.json")
    return _of_a_checkpoint(place, f"{path} removed")


def rename_the_newest(random: Random, place: Place) -> Damage:
    """To what is no step's name."""
    newest = place.checkpoints()[-1]
    newest.rename(newest.with_name(f"{newest.name}.{random.randrange(1000)}"))
    return Damage(f"{newest} renamed", frozenset({_step(newest)}), "is no checkpoint")


def replace_the_newest_by_a_file(random: Random, place: Place) -> Damage:
    """With a few bytes in it."""
    newest = place.checkpoints()[-1]
    newest.rename(place.outside.with_name(f"{newest.name}.{random.randrange(10**9)}"))
    newest.write_bytes(random.randbytes(random.randrange(9)))
    return Damage(f"{newest} is a file", frozenset({_step(newest)}), "is no checkpoint")


def remove_all_checkpoints(random: Random, place: Place) -> Damage:
    """With their folder."""
    (place.run / "checkpoints").rename(place.outside.with_name(f"all.{random.randrange(10**9)}"))
    return Damage("the folder of the checkpoints is gone")


def halve_the_metrics(random: Random, place: Place) -> Damage:
    """At the end of a line."""
    path = place.run / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[: len(lines) // 2]))
    return Damage(f"{path} halved")


def tear_the_last_line(random: Random, place: Place) -> Damage:
    """Of the metrics."""
    path = place.run / "metrics.jsonl"
    content = path.read_bytes()
    last = len(content.splitlines()[-1])
    path.write_bytes(content[: -random.randrange(2, last)])
    return Damage(f"{path} cut within its last line")


def remove_the_configuration(random: Random, place: Place) -> Damage:
    """The one that the run is compared with."""
    (place.run / "config.json").unlink()
    return Damage("config.json removed")


def damage_the_configuration(random: Random, place: Place) -> Damage:
    """Cut anywhere."""
    path = place.run / "config.json"
    path.write_bytes(path.read_bytes()[: random.randrange(path.stat().st_size - 2)])
    return Damage(f"{path} cut to {path.stat().st_size} bytes")


def poison_the_configuration(random: Random, place: Place) -> Damage:
    """With one that would run a command if it were built."""
    path = place.run / "config.json"
    content = json.loads(path.read_text())
    chosen = random.choice([each for each in _symbols(content) if each["module"] != "builtins"])
    chosen["module"], chosen["name"] = random.choice(
        [("os", "system"), ("subprocess", "check_output"), ("pathlib", "Path.touch")]
    )
    path.write_text(json.dumps(content).replace('"data/', f'"touch {place.canary};'))
    return Damage(f"{path} names {chosen['module']}.{chosen['name']}")


def link_the_lock(random: Random, place: Place) -> Damage:
    """To a file that would be written to."""
    lock = place.run / ".lock"
    lock.unlink()
    lock.symlink_to(place.outside)
    return Damage(f"{lock} leads to {place.outside}")


def leave_a_stray_lock(random: Random, place: Place) -> Damage:
    """As of a process that is no more."""
    (place.run / ".lock").write_text(f"process {random.randrange(10**6)} on another-host\n")
    return Damage("a stray .lock")


def flip_a_bit_of_the_data(random: Random, place: Place) -> Damage:
    """In a file of the training split."""
    path = random.choice(sorted(place.data.glob("*/train-*")))
    return Damage(_flip(random, path))


DAMAGE: tuple[Fault, ...] = (
    *(flip_a_bit, zero_a_page, truncate, remove_a_file),
    *(rename_the_newest, replace_the_newest_by_a_file, remove_all_checkpoints),
    *(halve_the_metrics, tear_the_last_line),
    *(remove_the_configuration, damage_the_configuration, poison_the_configuration),
    *(link_the_lock, leave_a_stray_lock, flip_a_bit_of_the_data),
)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name)


def _file(random: Random, checkpoint: Path) -> Path:
    """A file that is read and is not empty."""
    files = [path for path in sorted(checkpoint.rglob("*")) if path.is_file()]
    used = [path for path in files if path.name != "commit_success.txt" and path.stat().st_size]
    return random.choice(used)


def _flip(random: Random, path: Path) -> str:
    content = bytearray(path.read_bytes())
    at = random.randrange(8 * len(content))
    content[at // 8] ^= 1 << at % 8
    path.write_bytes(content)
    return f"bit {at} of {path} flipped"


def _of_a_checkpoint(place: Place, what: str) -> Damage:
    return Damage(what, frozenset({_step(place.checkpoints()[-1])}), "is damaged")


def _symbols(content: object) -> list[dict[str, str]]:
    """Where a saved configuration names classes and functions."""
    if isinstance(content, list):
        return [each for part in content for each in _symbols(part)]
    if not isinstance(content, dict):
        return []
    inner = [each for part in content.values() for each in _symbols(part)]
    return [content, *inner] if {"module", "name"} <= content.keys() else inner
