"""Comments that suppress findings: `# jaxcheck: ignore[JX501] why`, and what is wrong with them."""

import ast
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..catalogue import RETIRED, names, rules
from ..findings import Confidence, Edit, Finding, Fix, Place
from ..project import Project
from ..source.module import Module
from .spelling import suggestion

MARKER = "jaxcheck:"
# A comment for another tool may follow in the same line, after white space and `# `.
_COMMENT = re.compile(r"(?:^|(?<=\s))#\s*jaxcheck:\s*(?P<text>.*?)\s*(?=\s#\s|$)")
_IGNORE = re.compile(r"(?P<kind>ignore-file|ignore)\s*\[(?P<rules>[^\]]*)\][\s:-]*(?P<reason>.*)")
_FORM = "`# jaxcheck: ignore[JX501] reason`"
_OWN = {"JX000", "JX001", "JX002", "JX003", "JX999"}
"""What comments cannot suppress: the state of the comments, and of the linter."""


@dataclass(eq=False)
class Comment:
    """One suppression.

    Attributes:
        module: Where it stands.
        line: Its line.
        column: Where it starts, from 1.
        end_column: Where it ends, exclusive.
        alone: Whether nothing else stands on its line.
        text: What it says after `jaxcheck:`.
        lines: The first and the last line whose findings it suppresses; (0, 0) if it stands above
            nothing.
        codes: The rules that it suppresses.
        unknown: What it names that is no rule, or none that can be suppressed.
        retired: Whether it names a rule of a former release.
        reason: Why; without it, nothing is suppressed.
        used: The rules of which it has suppressed something.
    """

    module: Module
    line: int
    column: int
    end_column: int
    alone: bool
    text: str
    lines: tuple[int, int]
    codes: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    retired: bool = False
    reason: str = ""
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        said = _IGNORE.match(self.text)
        if said is None:
            return
        self.reason = said["reason"]
        if said["kind"] == "ignore-file":
            self.lines = (1, len(self.module.lines))
        for name in filter(None, (part.strip() for part in said["rules"].split(","))):
            if name in RETIRED:
                self.retired = True
                continue
            code = names().get(name, name)
            known = code in rules() and code not in _OWN
            (self.codes if known else self.unknown).append(code if known else name)

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.module.relative, self.line, self.column, self.line, self.end_column)

    def covers(self, finding: Finding) -> bool:
        """Whether it suppresses a finding of its file."""
        first, last = self.lines
        return bool(self.reason) and finding.code in self.codes and (
            first <= finding.place.line <= last
        )  # fmt: skip


def apply(
    project: Project, findings: Iterable[Finding], judged: Mapping[str, Confidence]
) -> tuple[list[Finding], list[Finding]]:
    """Takes suppressed findings out, and adds what is wrong with the suppressions.

    Args:
        project: The files that were checked.
        findings: What was found in them.
        judged: The rules that have run, and how sure it is that a comment which suppresses
            nothing of one of them is needless.

    Returns:
        The findings that are left, and the suppressed ones.
    """
    comments = {
        module.relative: found
        for module in project.modules.values()
        if MARKER in module.source and (found := list(comments_of(module)))
    }
    left, suppressed = [], []
    for finding in findings:
        covering = [c for c in comments.get(finding.place.path, ()) if c.covers(finding)]
        for comment in covering:
            comment.used.add(finding.code)
        (suppressed if covering else left).append(finding)
    for of_file in comments.values():
        for comment in of_file:
            left += _wrong(comment, judged)
    return left, suppressed


def comments_of(module: Module) -> Iterator[Comment]:
    """Yields the suppressions of a file; text that looks like one inside a string is none."""
    import tokenize  # few projects need it

    found: list[tuple[int, str]] = []
    logical: list[tuple[int, int]] = []  # the lines from the start of a statement to its end
    first = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(module.source).readline):
            if token.type == tokenize.COMMENT:
                if MARKER in token.string:
                    found.append((token.start[0], token.string))
            elif token.type == tokenize.NEWLINE:
                logical.append((first, token.start[0]))
                first = 0
            elif not first and token.type not in (
                tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER
            ):  # fmt: skip
                first = token.start[0]
    except (tokenize.TokenError, SyntaxError):
        return  # the findings stay
    for line, string in found:
        if said := _COMMENT.search(string):
            start = len(module.lines[line - 1]) - len(string) + said.start() + 1
            end = len(module.lines[line - 1]) - len(string) + said.end() + 1
            alone = module.lines[line - 1][: start - 1].strip() == ""
            covered = _covered(module, line, logical)
            yield Comment(module, line, start, end, alone, said["text"], covered)


def _covered(module: Module, line: int, logical: list[tuple[int, int]]) -> tuple[int, int]:
    """Returns the lines that a comment speaks of: its statement, or the one right below it."""
    inside = next((lines for lines in logical if lines[0] <= line <= lines[1]), None)
    while inside is None and line < len(module.lines):
        line += 1
        if not module.lines[line - 1].lstrip().startswith("#"):
            inside = next((lines for lines in logical if lines[0] == line), (0, 0))
    first, last = inside or (0, 0)
    for kind in (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
        for node in module.nodes(kind):
            starts = [node.lineno, *(decorator.lineno for decorator in node.decorator_list)]
            if any(first <= start <= last for start in starts):
                return min(starts), node.end_lineno or node.lineno
    return first, last


def _wrong(comment: Comment, judged: Mapping[str, Confidence]) -> Iterator[Finding]:
    def finding(
        code: str,
        message: str,
        confidence: Confidence = Confidence.PROVEN,
        fix: Fix | None = None,
    ) -> Finding:
        rule = rules()[code]
        return Finding(code, rule.name, comment.place, message, confidence, rule.severity, fix=fix)

    for name in comment.unknown:
        if name in rules() or name in names():
            problem = f"{name} is about the linter itself and cannot be suppressed."
        else:
            problem = f"There is no rule `{name}`{suggestion(name, [*rules(), *names()])}."
        yield finding("JX002", f"{problem} This comment does not suppress it.")
    if not comment.codes:
        if not (comment.unknown or comment.retired):
            yield finding("JX002", f"This comment suppresses nothing. Write {_FORM}.")
    elif not comment.reason:
        yield finding(
            "JX001",
            "This comment says no reason, so it suppresses nothing. Say after the bracket why the "
            f"finding is wrong or meant here: {_FORM}.",
        )
    else:
        needless = [c for c in comment.codes if c in judged and c not in comment.used]
        if needless:
            sure = max((judged[code] for code in needless), key=lambda each: each.rank)
            listed = ", ".join(f"{code} {rules()[code].name}" for code in needless)
            message = f"Nothing here breaks {listed}, so this comment would only hide later ones."
            if sure is Confidence.PROVEN:
                yield finding("JX003", f"{message} Take it out.", sure, _without(comment, needless))
            else:
                unless = "Take it out, unless the trace tier finds something here."
                yield finding("JX003", f"{message} {unless}", sure)


def _without(comment: Comment, needless: list[str]) -> Fix:
    """Returns the edit that takes rules out of a comment, or all of it."""
    line, end = comment.line, comment.end_column
    left = [code for code in comment.codes if code not in needless] + comment.unknown
    if left:
        said = _IGNORE.match(comment.text)
        assert said is not None
        text = f"# jaxcheck: {said['kind']}[{', '.join(left)}] {comment.reason}"
        return Fix("Take the rule out of the comment", (_edit(comment, text),), safe=True)
    content = comment.module.lines[line - 1]
    if comment.alone and end > len(content.rstrip()):
        whole = Edit(line, 1, line + 1, 1, "")
        return Fix("Delete the comment", (whole,), safe=True)
    if after := content[end - 1 :]:  # a comment for another tool takes its place
        gap = Edit(line, comment.column, line, end + len(after) - len(after.lstrip()), "")
    else:
        gap = Edit(line, len(content[: comment.column - 1].rstrip()) + 1, line, end, "")
    return Fix("Delete the comment", (gap,), safe=True)


def _edit(comment: Comment, text: str) -> Edit:
    return Edit(comment.line, comment.column, comment.line, comment.end_column, text)
