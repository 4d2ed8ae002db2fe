"""The commands of an organisation, which change no working tree and no branch that is there."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from . import telling
from .branches import update_all
from .conformance import FAULTS, examine
from .fleet import survey
from .members import members
from .page import page
from .project import Project, UpdateError
from .questions import wrong_answers
from .standing import Templates

FLEET_UPDATE = "fleet update"


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the commands to a command line."""
    one = add(commands, "conformance", "compare a project with its release and the newest one")
    one.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="FOLDER")
    form = one.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for programs")
    form.add_argument("--diff", action="store_true", help="show the edits of the template's files")
    one.add_argument(
        "--fail-on",
        choices=("any", *FAULTS, "nothing"),
        default="any",
        help="what makes the exit status 1 (default: any)",
    )
    one.set_defaults(run=conformance)

    all_of_them = add(commands, "fleet", "the conformance of many projects; changes nothing")
    add_members(all_of_them)
    all_of_them.add_argument("--json", type=Path, metavar="FILE", help="write JSON there")
    all_of_them.add_argument("--html", type=Path, metavar="FILE", help="write a page there")
    all_of_them.set_defaults(run=fleet)

    updates = add(commands, FLEET_UPDATE, "make a branch with an update in each repository")
    add_members(updates)
    updates.add_argument("--to", metavar="RELEASE", help="not the next release but this one")
    updates.set_defaults(run=fleet_update)

    check = add(commands, "answers", "check a data file against the questions of the template")
    check.add_argument("file", type=Path, metavar="FILE", help="for `copier copy --data-file`")
    check.add_argument("address", metavar="ADDRESS", help="that of the template")
    check.set_defaults(run=answers)


def add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, told: str
) -> argparse.ArgumentParser:
    """Adds a command."""
    return commands.add_parser(name, help=told, description=told)


def add_members(command: argparse.ArgumentParser) -> None:
    """Adds the arguments that say which projects there are."""
    command.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER", help="a clone, or a folder of clones"
    )
    command.add_argument(
        "--list", type=Path, metavar="FILE", help="folders one a line, or CSV: folder, ci"
    )
    command.add_argument("--jobs", type=int, metavar="N", help="how many at once (default: cores)")


def conformance(options: argparse.Namespace) -> int:
    """Tells of one project."""
    with TemporaryDirectory(prefix="copier-jax-") as scratch:
        project = Project(options.folder)
        known = next(examine([project], Templates(Path(scratch)).standing(project)))
    if isinstance(known, Exception):
        raise known
    if options.json:
        print(json.dumps(telling.as_json(known), indent=2))
    else:
        print(
            known.diff if options.diff else telling.as_text(known), end="" if options.diff else "\n"
        )
    looked_at = FAULTS if options.fail_on == "any" else (options.fail_on,)
    return int(not set(known.faults).isdisjoint(looked_at))


def fleet(options: argparse.Namespace) -> int:
    """Tells of many projects."""
    found = survey(members(options.folders, options.list), options.jobs)
    print(telling.fleet_as_text(found))
    if options.json:
        _write(options.json, json.dumps(telling.fleet_as_json(found), indent=2) + "\n")
    if options.html:
        _write(options.html, page(found))
    return 0


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8", errors="replace")  # of folders with odd names
    except OSError as error:
        raise UpdateError(f"{file} cannot be written: {error.strerror}") from None


def fleet_update(options: argparse.Namespace) -> int:
    """Makes update branches; the exit status is 1 if any of them needs a person."""
    branched = update_all(members(options.folders, options.list), options.to, options.jobs)
    print(telling.branches_as_text(branched))
    return int(any(one.left or one.problem for one in branched))


def answers(options: argparse.Namespace) -> int:
    """Checks a data file."""
    found = wrong_answers(options.file, options.address)
    print("".join(f"{line}\n" for line in found), end="")
    return int(bool(found))


def words(arguments: Sequence[str]) -> list[str]:
    """The words of a command line, of which the first is the whole name of a command."""
    split = FLEET_UPDATE.split()
    several = list(arguments[: len(split)]) == split
    return [FLEET_UPDATE, *arguments[len(split) :]] if several else list(arguments)
