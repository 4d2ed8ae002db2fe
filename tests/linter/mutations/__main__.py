"""Prints the mutation recall of jaxcheck on a project: ``python -m tests.linter.mutations``.

Usage: ``python -m tests.linter.mutations [--item N] [ROOT FOLDER...]`` from the root of this
repository, with ``hooks`` on the path; without a project, the specimens are mutated.
"""

import argparse
from pathlib import Path

from .recall import SPECIMENS, Subject, recall, table


def main() -> None:
    """Print a line per operator, and the survivors."""
    parser = argparse.ArgumentParser(prog="python -m tests.linter.mutations")
    parser.add_argument("--item", type=int)
    parser.add_argument("root", nargs="?", type=Path, default=SPECIMENS)
    parser.add_argument("folders", nargs="*", default=["."])
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    subject = Subject(root, arguments.folders)
    for item in [arguments.item] if arguments.item else range(1, 13):
        mutants = list(subject.mutants(item))
        print(table(mutants))
        clean = dict(subject.clean(item)) or "nothing"
        print(f"item {item:2}  found in the clean code: {clean}; recall {recall(mutants):.1%}\n")


main()
