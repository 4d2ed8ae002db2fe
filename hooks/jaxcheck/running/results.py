"""What a run reports: findings with the severities, suppressions and baseline of the project."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from ..catalogue import Rule, matching, rules
from ..findings import Confidence, Finding, Place
from ..project import Project
from ..settings import Settings
from ..source.module import Module
from . import baseline, suppression
from .checking import in_order, left_out, selected
from .fingerprints import with_fingerprints

CLEAN, FINDINGS, USAGE, INTERNAL = 0, 1, 2, 3
"""The exit statuses."""

_LAST = "JX999"  # a failure of the linter is never hidden


@dataclass
class Results:
    """What a run came to.

    Attributes:
        project: The files that were checked.
        findings: What is reported, in order of place.
        suppressed: What comments suppress.
        tolerated: What the baseline tolerates.
        gone: Entries of the baseline that no longer occur.
        tiers: The tiers that have run.
    """

    project: Project
    findings: list[Finding]
    suppressed: list[Finding] = field(default_factory=list)
    tolerated: list[Finding] = field(default_factory=list)
    gone: list[baseline.Entry] = field(default_factory=list)
    tiers: tuple[str, ...] = ("static",)

    @property
    def status(self) -> int:
        """The exit status that these findings call for."""
        if any(finding.code == _LAST for finding in self.findings):
            return INTERNAL
        return FINDINGS if any(finding.gates for finding in self.findings) else CLEAN

    @cached_property
    def modules(self) -> dict[str, Module]:
        """The files that parse, by their path."""
        return {module.relative: module for module in self.project.modules.values()}

    def spot(self, place: Place) -> str:
        """Returns how people find a place in its file; see `Module.spot`."""
        module = self.modules.get(place.path)
        return module.spot(place.line) if module is not None else str(place.line)


def results(
    project: Project,
    found: Iterable[Finding],
    entries: Iterable[baseline.Entry] = (),
    tiers: tuple[str, ...] = ("static",),
) -> Results:
    """Settles what is reported of all that was found.

    Args:
        project: The files that were checked.
        found: Everything that the tiers found.
        entries: The baseline.
        tiers: The tiers that have run.
    """
    settings = project.settings
    chosen = {rule.code: rule for rule in selected(settings)}
    judged = {code: _sureness(rule, tiers) for code, rule in chosen.items() if _ran(rule, tiers)}
    left, suppressed = suppression.apply(project, found, judged)
    modules = {module.relative: module for module in project.modules.values()}
    left = [f for f in left if not _is_unwanted(f, chosen, modules.get(f.place.path), settings)]
    left = with_fingerprints(project, in_order(_with_severities(left, settings)))
    entries = list(entries)
    new, tolerated = baseline.split(left, entries) if entries else (left, [])
    gone = baseline.gone(entries, tolerated, project.root, modules, chosen, tiers)
    return Results(project, new, suppressed, tolerated, gone, tiers)


def _ran(rule: Rule, tiers: tuple[str, ...]) -> bool:
    """Whether something has looked for what a rule finds."""
    return bool(set(rule.tiers) & set(tiers))


def _sureness(rule: Rule, tiers: tuple[str, ...]) -> Confidence:
    """Returns how sure it is that there is no more to find than what was found."""
    return Confidence.PROVEN if set(rule.tiers) <= set(tiers) else Confidence.HEURISTIC


def _is_unwanted(
    finding: Finding, chosen: dict[str, Rule], module: Module | None, settings: Settings
) -> bool:
    """Whether settings leave out what the suppressions said; the rules have asked already."""
    rule = rules()[finding.code]
    if rule.check is not None or rule.item != 0 or finding.code in ("JX000", _LAST):
        return False
    return rule.code not in chosen or (module is not None and left_out(rule, module, settings))


def _with_severities(findings: Iterable[Finding], settings: Settings) -> list[Finding]:
    stated = {
        code: severity
        for selector, severity in sorted(settings.severity.items(), key=lambda s: _width(s[0]))
        for code in matching(selector)
    }
    return [
        replace(finding, severity=stated[finding.code])
        if finding.code in stated and finding.code not in ("JX000", _LAST)
        else finding
        for finding in findings
    ]


def _width(selector: str) -> int:
    """Orders selectors so that the one that covers least has the last word."""
    return -sum(1 for _ in matching(selector))
