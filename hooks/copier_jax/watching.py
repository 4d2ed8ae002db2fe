"""The commands that look at projects and change nothing: conformance, fleet, answers."""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from . import telling
from .conformance import Conformance, examine
from .fleet import survey
from .members import members
from .page import page
from .project import Project
from .standing import Templates

FAILURES = {
    "drift": lambda known: bool(known.drift),
    "behind": lambda known: known.standing.releases > 0,
    "findings": lambda known: known.findings > 0,
}


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the commands to a command line."""
    one = add(commands, "conformance", "compare a project with its release and the newest one")
    one.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="FOLDER")
    form = one.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for programs")
    form.add_argument("--diff", action="store_true", help="show the edits of the template's files")
    one.add_argument(
        "--fail-on",
        choices=("any", *FAILURES, "nothing"),
        default="any",
        help="what makes the exit status 1 (default: any)",
    )
    one.set_defaults(run=conformance)

    all_of_them = add(commands, "fleet", "the conformance of many projects; changes nothing")
    add_members(all_of_them)
    all_of_them.add_argument("--json", type=Path, metavar="FILE", help="write JSON there")
    all_of_them.add_argument("--html", type=Path, metavar="FILE", help="write a page there")
    all_of_them.set_defaults(run=fleet)


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
        print(known.diff if options.diff else telling.as_text(known), end="" if options.diff else "\n")
    return int(fails(known, options.fail_on))


def fails(known: Conformance, what: str) -> bool:
    """Whether a project is not as it has to be."""
    checked = FAILURES.values() if what == "any" else [FAILURES[what]] if what in FAILURES else []
    return any(check(known) for check in checked)


def fleet(options: argparse.Namespace) -> int:
    """Tells of many projects."""
    found = survey(members(options.folders, options.list), options.jobs)
    print(telling.fleet_as_text(found))
    if options.json:
        options.json.write_text(json.dumps(telling.fleet_as_json(found), indent=2) + "\n")
    if options.html:
        options.html.write_text(page(found))
    return 0
