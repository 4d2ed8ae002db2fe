"""The command line: ``python -m <package> COMMAND``, or the project's console script."""

import argparse
import errno
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence

from . import commands
from .errors import UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words of the command line; by default those of the process.

    Returns:
        The exit code: 0 for success, 2 for a mistake in what was asked, 1 for a run that failed,
        130 after Ctrl-C.
    """
    try:
        parsed = make_parser().parse_args(arguments)
        return parsed.run(parsed) or 0
    except UserError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of a pipe has gone; without this Python complains once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        print(f"error: {error.strerror}: make room and run the command again", file=sys.stderr)
        return 1


def make_parser() -> argparse.ArgumentParser:
    """The parser, with every module of `commands` as a command."""
    parser = argparse.ArgumentParser(prog=(__package__ or "").replace("_", "-"))
    choices = parser.add_subparsers(required=True, metavar="COMMAND")
    for found in pkgutil.iter_modules(commands.__path__):
        if found.name.startswith("_"):
            continue
        module = importlib.import_module(f".{found.name}", commands.__name__)
        summary = (module.__doc__ or "").partition("\n")[0]
        name = found.name.rstrip("_")  # a keyword is no name of a module
        command = choices.add_parser(name, help=summary, description=module.__doc__)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
