"""What is known of projects, as text and as JSON."""

from typing import Any

from .conformance import DRIFT, Conformance
from .comparison import Status
from .fleet import Examined
from .standing import Standing

WIDTH = max(len(status) for status in Status)


def as_text(known: Conformance) -> str:
    """The conformance of one project, for people."""
    counts = ", ".join(f"{count} {status}" for status, count in known.counts.items() if count)
    lines = [
        f"{known.name}: {lag(known.standing)}",
        f"template: {known.standing.template}",
        f"files: {counts}",
        *(
            f"  {status:{WIDTH}}  {path}"
            for path, status in known.files.items()
            if status not in (Status.SAME, Status.YOURS)
        ),
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
    """The conformance of many projects; of their files only those that are not as they should be."""
    projects = []
    for one in fleet:
        told: dict[str, Any] = {"folder": str(one.member.folder), "ci": one.member.ci or None}
        if one.conformance is None:
            told |= {"problem": one.problem}
        else:
            told |= as_json(one.conformance)
            shown = {*map(str, DRIFT), str(Status.BEHIND)}
            told["files"] = {path: each for path, each in told["files"].items() if each in shown}
        projects.append(told)
    return {"projects": projects}


def fleet_as_text(fleet: list[Examined]) -> str:
    """One line for each project."""
    rows = [("project", "release", "behind", "drift", "conventions", "folder")]
    for one in fleet:
        known, folder = one.conformance, str(one.member.folder)
        if known is None:
            continue
        behind, kept = str(known.standing.releases), known.conventions
        coverage = f"{kept.kept} of {len(kept.items)}" if kept else "not known"
        rows.append((known.name, known.standing.release, behind, str(len(known.drift)), coverage, folder))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    problems = [f"{one.member.folder}: {one.problem}" for one in fleet if one.conformance is None]
    return "\n".join([*lines, *problems])
