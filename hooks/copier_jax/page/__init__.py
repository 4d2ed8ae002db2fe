"""The conformance of many projects as one page, which needs nothing but a browser.

The page is a template beside this module, with its style and its script. Whatever projects call
themselves is text there: Jinja escapes it, and the page's own policy runs no other script.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import jinja2

from ..comparison import Status
from ..conformance import Conformance
from ..fleet import Examined

HERE = Path(__file__).parent
STATES = {
    "broken": "Broken",
    "behind": "Behind",
    "drift": "Drift",
    "findings": "Findings",
    "conformant": "Conformant",
}


@dataclass(frozen=True)
class Row:
    """A project in the table."""

    folder: str
    name: str
    ci: str
    problem: str
    states: list[str]
    known: Conformance | None
    behind: int = 0
    """Files that an update would change."""


@dataclass(frozen=True)
class Release:
    """How many projects have a release of a template."""

    template: str
    name: str
    newest: bool
    projects: int


def page(fleet: list[Examined], made: datetime | None = None) -> str:
    """The page, projects that need most attention first.

    Args:
        fleet: the projects.
        made: when they were examined; None for now.
    """
    style, script = (HERE / "page.css").read_text(), (HERE / "page.js").read_text()
    rows = sorted(map(_row, fleet), key=_urgency)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja").render(
        rows=rows,
        counts=Counter(state for row in rows for state in row.states),
        states=STATES,
        releases=_releases(row.known for row in rows if row.known),
        with_ci=any(row.ci for row in rows),
        made=(made or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC"),
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}",
    )


def _row(one: Examined) -> Row:
    folder, known = str(one.member.folder), one.conformance
    if known is None:
        name = one.member.folder.resolve().name
        return Row(folder, name, one.member.ci, one.problem, ["broken"], None)
    states = [state for state in STATES if state in known.faults] or ["conformant"]
    behind = known.counts[Status.BEHIND] + known.counts[Status.EDITED_AND_BEHIND]
    return Row(folder, known.name, one.member.ci, "", states, known, behind)


def _urgency(row: Row) -> tuple[bool, int, int, str]:
    """Sorts broken projects first, then those furthest behind."""
    known = row.known
    if known is None:
        return False, 0, 0, row.name.casefold()
    return True, -known.standing.releases, -len(known.drift), row.name.casefold()


def _releases(known: Iterable[Conformance]) -> list[Release]:
    """The releases that projects have, oldest first within each template."""
    counted = Counter(
        (one.standing.template, -one.standing.releases, one.standing.release) for one in known
    )
    return [
        Release(template, name, not waiting, projects)
        for (template, waiting, name), projects in sorted(counted.items())
    ]


def _hash(text: str) -> str:
    """What names a text in a page's policy."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
