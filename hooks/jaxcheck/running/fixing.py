"""Applies safe fixes, and keeps only those after which the linter is content."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..findings import Finding
from ..project import Project
from ..settings import Settings
from ..source import notebook
from ..source.module import Module
from .checking import check, in_order
from .edits import apply
from .loading import load, parse, python_files, read
from .replacing import replace_text
from .results import Results

Judge = Callable[[Project, list[Finding]], Results]


@dataclass
class Fixed:
    """What fixing came to.

    Attributes:
        results: What is left to report.
        applied: The findings whose fixes were applied, at the places that they had.
        refused: The findings whose fixes would not have removed them, or would have brought others.
    """

    results: Results
    applied: list[Finding] = field(default_factory=list)
    refused: list[Finding] = field(default_factory=list)


@dataclass
class _Session:
    """The files of a project, with the texts that fixes have given to some of them."""

    files: list[Path]
    root: Path
    settings: Settings
    judge: Judge
    texts: dict[Path, str] = field(default_factory=dict)

    def lint(self, texts: dict[Path, str]) -> Results:
        """Checks the project as it would be with these texts."""
        loaded = [
            parse(texts[path], path, self.root) if path in texts else load(path, self.root)
            for path in self.files
        ]
        unreadable = [each for each in loaded if isinstance(each, Finding)]
        modules = [each for each in loaded if isinstance(each, Module)]
        project = Project.of(self.root, self.settings, modules)
        return self.judge(project, in_order([*unreadable, *check(project)]))

    def edited(self, findings: Iterable[Finding], modules: dict[str, Module]) -> dict[Path, str]:
        """Returns all texts with the fixes of some findings made.

        Raises:
            ValueError: A fix does not fit its file.
        """
        texts = dict(self.texts)
        by_file: dict[Path, list[Finding]] = {}
        for finding in findings:
            by_file.setdefault(modules[finding.place.path].path, []).append(finding)
        for path, of_file in by_file.items():
            edits = {edit for f in of_file if f.fix is not None for edit in f.fix.edits}
            text = texts[path] if path in texts else read(path)[0]
            texts[path] = apply(text, edits)
        return texts


def fix(paths: Iterable[Path], root: Path, settings: Settings, judge: Judge) -> Fixed:
    """Applies the safe fixes of what is found under paths, and writes the files.

    Args:
        paths: What to check.
        root: The project's folder.
        settings: The project's settings.
        judge: Settles what is reported of the findings.

    Raises:
        OSError: A file cannot be written.
    """
    session = _Session(list(python_files(paths, root, settings)), root, settings, judge)
    done = Fixed(session.lint(session.texts))
    # It ends, because each step leaves fewer findings or refuses one.
    while chosen := _fitting(done):
        if not _try(session, done, chosen) and not _try(session, done, chosen[:1]):
            done.refused.append(chosen[0])
    left = {finding.fingerprint for finding in done.results.findings}
    done.refused = [finding for finding in done.refused if finding.fingerprint in left]
    for path, text in session.texts.items():
        _write(path, text)
    return done


def _write(path: Path, text: str) -> None:
    encoding = read(path)[1]
    if notebook.is_notebook(path):
        text = notebook.written(path.read_text(encoding="utf-8"), text)
    replace_text(path, text, encoding)


def _fitting(done: Fixed) -> list[Finding]:
    """Returns the findings whose fixes are safe, not refused, and do not touch one before."""
    refused = {finding.fingerprint for finding in done.refused}
    chosen: list[Finding] = []
    taken: dict[str, list[tuple[tuple[int, int], tuple[int, int]]]] = {}
    for finding in done.results.findings:
        if finding.fix is None or not finding.fix.safe or finding.fingerprint in refused:
            continue
        others = taken.setdefault(finding.place.path, [])
        spans = [((e.line, e.column), (e.end_line, e.end_column)) for e in finding.fix.edits]
        if all(end < first or last < start for start, end in spans for first, last in others):
            others += spans
            chosen.append(finding)
    return chosen


def _try(session: _Session, done: Fixed, chosen: list[Finding]) -> bool:
    """Applies fixes if they remove their findings and bring no other ones."""
    try:
        texts = session.edited(chosen, done.results.modules)
    except ValueError:
        return False
    after = session.lint(texts)
    was, now = _counted(done.results.findings), _counted(after.findings)
    wanted = was - _counted(chosen)
    if now - wanted:
        return False
    session.texts, done.results = texts, after
    done.applied += chosen
    return True


def _counted(findings: Iterable[Finding]) -> Counter[tuple[str, str]]:
    """Counts findings by file and rule: their places and statements change with the text."""
    return Counter((finding.place.path, finding.code) for finding in findings)
