"""The command `copier-jax`: updates and compares projects, and starts one in a repository."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

try:
    from copier.errors import CopierError
    from plumbum import ProcessExecutionError  # what Copier raises where git fails
except ModuleNotFoundError:
    sys.exit("copier-jax: this needs Copier; install copier-jax[update]")

from yaml import YAMLError

from .adopting import adopt
from .project import Project, UpdateError
from .updating import preflight, update, verify
from .watching import add_commands, words

# Copier has no error of its own for answers of a wrong type, or that it cannot read.
FAILURES = (UpdateError, CopierError, ProcessExecutionError, TypeError, ValueError, YAMLError)
COMMANDS = {
    "check": "list what an update would overwrite, delete, orphan or bring into conflict",
    "update": "check, update to the next release, verify; nothing is committed",
    "verify": "fail where conflicts, markers or rejected changes are left, or the linter finds any",
}
ADOPT = "merge a new project into a repository that was not made from the template"


def answer(text: str) -> tuple[str, str]:
    """Splits `NAME=VALUE`."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("give NAME=VALUE")
    return name, value


def add_answers(command: argparse.ArgumentParser, to: str, data: str, defaults: str) -> None:
    """Adds the options that choose a release and answers."""
    command.add_argument("--to", metavar="RELEASE", help=to)
    command.add_argument(
        *("--data", "-d"),
        action="append",
        default=[],
        type=answer,
        metavar="NAME=VALUE",
        help=data,
    )
    command.add_argument("--defaults", action="store_true", help=defaults)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="copier-jax", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help_text in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=help_text)
        if name == "verify":
            continue
        add_answers(
            command,
            to="not the next release but this one",
            data="change an answer; without --to, at the release that the project has",
            defaults="take the defaults of new questions",
        )
        if name == "update":
            command.add_argument(
                "--anyway", action="store_true", help="update even if files would be lost"
            )
    add_commands(commands)
    adopting = commands.add_parser("adopt", help=ADOPT, description=ADOPT)
    adopting.add_argument("address", metavar="ADDRESS", help="where the template lies")
    add_answers(
        adopting,
        to="not the newest release but this one",
        data="answer a question of the template",
        defaults="take the defaults of the other questions",
    )
    return parser.parse_args(words(sys.argv[1:] if arguments is None else arguments))


def run(options: argparse.Namespace) -> int:
    """Runs a command, most of them in the current folder; 1 means that it found something."""
    if "run" in options:
        return options.run(options)
    project = Project(Path.cwd())
    if options.command == "verify":
        return 0 if verify(project) else 1
    if options.command == "adopt":
        data = dict(options.data)
        adopt(project.folder, options.address, options.to, data, defaults=options.defaults)
        return 0
    plan = preflight(project, options.to, dict(options.data), defaults=options.defaults)
    if plan is None:
        return 0
    release, rehearsal = plan
    if options.command == "check":
        return 1 if rehearsal.losses else 0
    if rehearsal.losses and not options.anyway:
        raise UpdateError("rename what you want to keep, or give --anyway")
    update(project, release, rehearsal)
    if not verify(project):
        told = "resolve this, then `copier-jax verify`, the project's tests, and commit"
        print(f"copier-jax: {told}", file=sys.stderr)
        return 1
    print("updated: run the project's tests and commit")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; what is refused or fails is told without a traceback, and returns 2."""
    try:
        return run(parse(arguments))
    except FAILURES as error:
        print(f"copier-jax: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader of a pipe has gone; without this Python complains once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
