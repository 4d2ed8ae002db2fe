"""What is known of projects, as text and as JSON."""

from shlex import quote
from typing import Any

from .branches import Branched
from .comparison import Status
from .conformance import Conformance
from .fleet import Examined
from .standing import Standing

WIDTH = max(len(status) for status in Status)


def as_text(known: Conformance) -> str:
    """The conformance of one project, for people."""
    counts = ", ".join(f"{count} {status}" for status, count in known.counts.items() if count)
    lines = [
        f"{line(known.name)}: {lag(known.standing)}",
        f"template: {line(known.standing.template)}",
        f"files: {counts}",
        *(f"  {status:{WIDTH}}  {line(path)}" for path, status in known.differing.items()),
    ]
    if known.conventions:
        kept, items = known.conventions.kept, known.conventions.items
        lines += [
            f"conventions: {kept} of {len(items)} kept, {counted(known.findings, 'finding')}",
            *(
                f"  {item['passed']} of {item['total']}: {item['title']}"
                for item in items
                if item["status"] != "pass"
            ),
        ]
    return "\n".join(lines)


def lag(standing: Standing) -> str:
    """How far a project is behind, in words."""
    if not standing.releases:
        return f"{standing.release}, the newest release"
    later = f"{counted(standing.releases, 'release')} and {counted(standing.days, 'day')}"
    return f"{standing.release}, {later} behind {standing.newest}"


def counted(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def as_json(known: Conformance) -> dict[str, Any]:
    """The conformance of one project, for programs."""
    standing = known.standing
    return {
        "name": known.name,
        "template": standing.template,
        "release": standing.release,
        "newest": standing.newest,
        "releases_behind": standing.releases,
        "days_behind": standing.days,
        "drift": len(known.drift),
        "counts": {str(status): count for status, count in known.counts.items()},
        "files": {path: str(status) for path, status in known.files.items()},
        "conventions": known.conventions
        and {
            "kept": known.conventions.kept,
            "applicable": len(known.conventions.items),
            "failing": known.conventions.failing,
            "items": known.conventions.items,
        },
    }


def fleet_as_json(fleet: list[Examined]) -> dict[str, Any]:
    """The conformance of many projects; of their files only those that differ."""
    projects = []
    for one in fleet:
        told: dict[str, Any] = {"folder": str(one.member.folder), "ci": one.member.ci or None}
        if one.conformance is None:
            told |= {"problem": one.problem}
        else:
            told |= as_json(one.conformance)
            told["files"] = one.conformance.differing
        projects.append(told)
    return {"projects": projects}


def fleet_as_text(fleet: list[Examined]) -> str:
    """One line for each project."""
    rows = [("project", "release", "behind", "drift", "conventions", "folder")]
    problems = []
    for one in fleet:
        known, folder = one.conformance, line(str(one.member.folder))
        if known is None:
            problems.append(f"{folder}: {line(one.problem)}")
            continue
        kept, releases = known.conventions, known.standing.releases
        coverage = f"{kept.kept} of {len(kept.items)}" if kept else "not known"
        numbers = (str(releases), str(len(known.drift)))
        rows.append((line(known.name), known.standing.release, *numbers, coverage, folder))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(map(str.ljust, row, widths)).rstrip() for row in (rows if len(rows) > 1 else [])
    ]
    return "\n".join([*lines, *problems])


def branches_as_text(branched: list[Branched]) -> str:
    """What has become of each member, and how to publish the branches that there are."""
    lines, commands = [], []
    for one in branched:
        folder = line(str(one.member.folder))
        if one.problem:
            lines.append(f"no branch    {folder}: {line(one.problem)}")
        elif not one.branch:
            lines.append(f"up to date   {folder}: {one.release}")
        else:
            state = "conflicting" if one.left else "clean"
            before = ", made by an earlier run" if one.resumed else ""
            lines.append(f"{state:11}  {folder}: {one.branch}{before}")
            lines += [f"  {line(each)}" for each in one.left]
            commands.append(f"git -C {quote(folder)} push origin {quote(one.branch)}")
    if commands:
        lines += ["", "To publish the branches:", *commands]
    return "\n".join(lines)


def line(text: str) -> str:
    """A text that others have written, as one line that does nothing to a terminal."""
    words = " ".join(text.split())
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in words)
