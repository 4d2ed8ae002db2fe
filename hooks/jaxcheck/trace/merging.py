"""Puts the findings of both tiers together: what one proves settles the other's doubt."""

from collections.abc import Mapping
from dataclasses import replace

from ..findings import Confidence, Finding
from ..running.checking import in_order
from .judging import Verdict

_CONTROL_FLOW = {
    "JX602", "JX607", "JX701", "JX702", "JX703", "JX704", "JX705", "JX706", "JX707", "JX708",
}  # fmt: skip
_KEYS = {"JX501", "JX502"}
_PARAMETERS = {"JX401", "JX402"}
_FAMILIES = (_CONTROL_FLOW, _KEYS, _PARAMETERS)  # codes for one thing, seen from different sides


def merge(
    static: list[Finding], traced: list[Finding], verdicts: Mapping[tuple[str, str], Verdict]
) -> list[Finding]:
    """Returns the findings of both tiers, each thing once.

    Args:
        static: The findings of the static tier.
        traced: Those of the trace tier.
        verdicts: What tracing came to, by a function's file and qualified name.
    """
    left = [finding for finding in static if not _settled(finding, verdicts)]
    proofs: list[Finding] = []
    for proof in in_order(traced):  # each once, whichever way of calling showed it
        same = [f for f in left if _is_same(f, proof)]
        if same:
            left = [finding for finding in left if finding not in same]
            was = min(same, key=lambda finding: finding.confidence.rank)
            proofs.append(
                replace(
                    proof,
                    code=was.code,
                    name=was.name,
                    place=was.place,
                    related=proof.related or was.related,
                    fix=was.fix,
                    severity=was.severity,
                )
            )
        else:
            proofs.append(proof)
    return in_order([*left, *proofs])


def may_be_settled(finding: Finding) -> bool:
    """Whether a clean trace could show that a finding of the static tier is wrong."""
    doubtful = finding.confidence is not Confidence.PROVEN
    return doubtful and finding.code in _CONTROL_FLOW | _KEYS | _PARAMETERS


def _settled(finding: Finding, verdicts: Mapping[tuple[str, str], Verdict]) -> bool:
    if not may_be_settled(finding):
        return False
    outer = finding.function.partition(".<locals>")[0]
    verdict = verdicts.get((finding.place.path, outer))
    if verdict is None or not verdict.clean or verdict.undecided:
        return False
    if finding.code in _KEYS and not verdict.keys:
        return False
    places = [finding.place, *finding.related]
    return all(
        place.path == finding.place.path
        and verdict.lines & set(range(place.line, place.end_line + 1))
        for place in places
    )


def _is_same(static: Finding, proof: Finding) -> bool:
    """Whether two findings speak of one thing: they share a line, and a code or its family.

    A leak is seen after the function that has leaked, so only the function tells.
    """
    if static.code == proof.code == "JX1303":
        return (static.place.path, static.function) == (proof.place.path, proof.function)
    alike = static.code == proof.code or any({static.code, proof.code} <= f for f in _FAMILIES)
    return alike and any(
        place.path == proof.place.path and place.line <= proof.place.line <= place.end_line
        for place in (static.place, *static.related)
    )
