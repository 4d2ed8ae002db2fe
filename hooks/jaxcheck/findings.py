"""What a rule reports: a finding, the places that belong to it, and how sure it is."""

from dataclasses import dataclass, field
from enum import StrEnum


class Confidence(StrEnum):
    """How sure a finding is. Continuous integration fails on `proven` and `likely`."""

    PROVEN = "proven"
    LIKELY = "likely"
    HEURISTIC = "heuristic"

    @property
    def rank(self) -> int:
        """0 for the surest."""
        return _RANKS[self]


_RANKS = {Confidence.PROVEN: 0, Confidence.LIKELY: 1, Confidence.HEURISTIC: 2}


class Severity(StrEnum):
    """How loudly a finding is shown. A finding of severity `note` never fails a run."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file. Lines count from 1, columns from 1 (characters, not bytes)."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces the text between two positions; lines from 1, columns from 1, the end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int
    replacement: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits of one file that remove a finding. Only a safe one is applied by `--fix`."""

    description: str
    edits: tuple[Edit, ...]
    safe: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach of one convention at one place."""

    code: str
    name: str
    place: Place
    message: str
    confidence: Confidence
    severity: Severity = Severity.ERROR
    related: tuple[Place, ...] = ()
    fix: Fix | None = None
    tier: str = "static"
    function: str = ""
    fingerprint: str = field(default="", compare=False)

    @property
    def gates(self) -> bool:
        """Whether this finding fails a run."""
        return self.confidence is not Confidence.HEURISTIC and self.severity is not Severity.NOTE

    @property
    def item(self) -> int:
        """The item of the checklist that it belongs to; 0 for the linter's own findings."""
        return item_of(self.code)


def item_of(code: str) -> int:
    """Returns the checklist item of a code: 5 for `JX501`, 10 for `JX1001`, 0 for `JX000`."""
    return 0 if code in ("JX998", "JX999") else int(code[2:-2] or "0")
