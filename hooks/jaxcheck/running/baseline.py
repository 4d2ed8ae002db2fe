"""The baseline: findings that a project lives with for now. It only ever shrinks."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..findings import Finding
from ..settings import Settings
from .configuration import ConfigurationError
from .replacing import replace_text

DEFAULT = "jaxcheck-baseline.json"
_ABOUT = "What jaxcheck tolerates here. `jaxcheck --write-baseline` takes out what is mended."


@dataclass(frozen=True, slots=True)
class Entry:
    """One tolerated finding; only the fingerprint counts, the rest is for people.

    Attributes:
        tier: The tier that found it: the other one cannot say that it is gone.
    """

    path: str
    code: str
    function: str
    tier: str
    fingerprint: str

    @classmethod
    def of(cls, finding: Finding) -> "Entry":
        """Returns the entry that tolerates a finding."""
        place = finding.place
        return cls(place.path, finding.code, finding.function, finding.tier, finding.fingerprint)


def file_of(root: Path, settings: Settings) -> Path:
    """Returns where a project's baseline is, or would be."""
    return root / (settings.baseline or DEFAULT)


def entries_of(root: Path, settings: Settings) -> list[Entry]:
    """Returns the baseline of a project: the one that it names, or one of the usual name.

    Raises:
        ConfigurationError: The one that it names does not exist, or cannot be read.
    """
    file = file_of(root, settings)
    return read(file) if settings.baseline or file.exists() else []


def read(path: Path) -> list[Entry]:
    """Reads a baseline.

    Raises:
        ConfigurationError: There is none, or it is none.
    """
    try:
        stated = json.loads(path.read_text("utf-8"))
        return [Entry(**entry) for entry in stated["findings"]]
    except FileNotFoundError:
        raise ConfigurationError(
            f"the baseline {path} does not exist; write it with --write-baseline, or take "
            f"`baseline` out of the settings"
        ) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(
            f"the baseline {path} cannot be read ({error}); restore it from version control, or "
            f"delete it and write it anew with --write-baseline"
        ) from None


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Writes a baseline in a form that merges and reads well."""
    keys = ("path", "code", "function", "tier", "fingerprint")
    listed = sorted({tuple(getattr(entry, key) for key in keys) for entry in entries})
    lines = [json.dumps(dict(zip(keys, entry, strict=True))) for entry in listed]
    body = ",\n".join(f"    {line}" for line in lines)
    text = f'{{\n  "about": {json.dumps(_ABOUT)},\n  "findings": [\n{body}\n  ]\n}}\n'
    replace_text(path, text)


def split(
    findings: Iterable[Finding], entries: Iterable[Entry]
) -> tuple[list[Finding], list[Finding]]:
    """Returns the findings that a baseline does not tolerate, and those that it does."""
    tolerated = {entry.fingerprint for entry in entries}
    new: list[Finding] = []
    known: list[Finding] = []
    for finding in findings:
        (known if finding.fingerprint in tolerated else new).append(finding)
    return new, known


def gone(
    entries: Iterable[Entry],
    findings: Iterable[Finding],
    root: Path,
    checked: Iterable[str],
    judged: Iterable[str],
    tiers: Iterable[str],
) -> list[Entry]:
    """Returns the entries that no longer occur.

    Args:
        entries: The baseline.
        findings: Everything that was found, tolerated or not.
        root: The project's folder.
        checked: The files that were checked: an entry of another file stays while that exists.
        judged: The rules that have run: an entry of another rule stays.
        tiers: The tiers that have run.
    """
    files, codes, ran = set(checked), set(judged), set(tiers)
    found = {finding.fingerprint for finding in findings}
    return [
        entry
        for entry in entries
        if entry.fingerprint not in found
        and entry.code in codes
        and entry.tier in ran
        and (entry.path in files or not (root / entry.path).exists())
    ]
