"""Who owns the paths of a project, as `ownership.yml` says it.

Run as a program, this copies what Copier has to know into `copier.yml`.
"""

import re

import pathspec
import yaml

from .rendering import ROOT

OWNERS: dict[str, list[str]] = yaml.safe_load((ROOT / "ownership.yml").read_text())
LEFT = OWNERS.pop("left")
"""Paths that projects of earlier releases have, and new ones do not."""

SKIPPED = "_skip_if_exists:"
UPDATE = "    {% if _copier_operation == 'update' %}\n"
SETTINGS = ROOT / "copier.yml"


def spec(patterns: list[str]) -> pathspec.PathSpec:
    """What patterns match, as Copier matches them."""
    return pathspec.PathSpec.from_lines("gitignore", patterns)


def with_owners(settings: str) -> str:
    """The text of `copier.yml` with the patterns of `ownership.yml` in both of their places."""
    seeded = OWNERS["seeded"]
    quoted = (f'"{pattern}"' if pattern.startswith("!") else pattern for pattern in seeded)
    listed = "".join(f"  - {pattern}\n" for pattern in quoted)
    excluded = "".join(f"    {pattern}\n" for pattern in [*seeded, *LEFT])
    settings = re.sub(rf"({SKIPPED}.*\n)(?:  - .*\n)+", rf"\g<1>{listed}", settings)
    return re.sub(rf"({re.escape(UPDATE)})(?:    [^{{].*\n)+", rf"\g<1>{excluded}", settings)


if __name__ == "__main__":
    SETTINGS.write_text(with_owners(SETTINGS.read_text()))
