"""Fingerprints of findings: they stay the same when code above moves or a statement is reflowed."""

import ast
import hashlib
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from ..findings import Finding
from ..project import Project
from ..source.module import Module

_STRING = (
    r"""\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'"""
)
_TOKEN = re.compile(rf"(?P<string>{_STRING})|(?P<gap>#[^\n]*|\\\n|\s+)|\w+|.", re.DOTALL)


def with_fingerprints(project: Project, findings: Iterable[Finding]) -> list[Finding]:
    """Returns findings, in order of place, with their fingerprints.

    A fingerprint is made of the rule, the file, the function, the text of the statement without
    white space and comments, and a number that tells equal ones apart.
    """
    modules = {module.relative: module for module in project.modules.values()}
    seen: Counter[tuple[str, ...]] = Counter()
    done = []
    for finding in findings:
        module = modules.get(finding.place.path)
        statement = statement_of(module, finding) if module else ""
        key = (finding.code, finding.place.path, finding.function, statement)
        seen[key] += 1
        text = "\0".join((*key, str(seen[key])))
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        done.append(replace(finding, fingerprint=digest[:20]))
    return done


def statement_of(module: Module, finding: Finding) -> str:
    """Returns the text of the statement that a finding starts in, in a normal form.

    Of a statement that holds others it is the header; of a decorated definition, the decorators if
    the finding is in them.
    """
    where = (finding.place.line, finding.place.column)
    starts, statements = _statements(module)
    at = bisect_right(starts, where) - 1
    if at < 0:
        return ""
    # The last one that begins before, or the one around it that is not over yet.
    last = statements[at]
    around = [last, *(up for up in module.ancestors(last) if isinstance(up, ast.stmt))]
    node = next((each for each in around if _end(each)[0] >= where[0]), None)
    if node is None:
        return ""
    start = _start(module, node)
    header = (node.lineno, module.column(node.lineno, node.col_offset))
    if where < header:
        return normal_form(_between(module, start, header))
    inner = getattr(node, "body", None) or [case.pattern for case in getattr(node, "cases", ())]
    if inner:
        return normal_form(_between(module, header, _start(module, inner[0])))
    line, offset = _end(node)
    end = (line, module.column(line, offset))
    return normal_form(_between(module, header, end))


def _statements(module: Module) -> tuple[list[tuple[int, int]], list[ast.stmt]]:
    """Returns where the statements of a module begin, in order, and the statements."""
    assert module.project is not None
    key = ("statements", id(module))
    found = module.project.facts.get(key)
    if found is None:
        kinds = [kind for kind in module.index.nodes if issubclass(kind, ast.stmt)]
        pairs = [(_start(module, each), each) for kind in kinds for each in module.nodes(kind)]
        pairs.sort(key=lambda pair: pair[0])
        found = ([start for start, _ in pairs], [each for _, each in pairs])
        module.project.facts[key] = found
    return found


def _end(node: ast.stmt) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.end_lineno, node.end_col_offset


def _start(module: Module, node: ast.AST) -> tuple[int, int]:
    """Returns the line and the column that a statement starts at, its decorators included."""
    nodes = [node, *getattr(node, "decorator_list", ())]
    return min(
        (n.lineno, module.column(n.lineno, n.col_offset))  # pyright: ignore[reportAttributeAccessIssue]
        for n in nodes
    )


def _between(module: Module, start: tuple[int, int], end: tuple[int, int]) -> str:
    (first, column), (last, end_column) = start, end
    if first == last:
        return module.lines[first - 1][column - 1 : end_column - 1]
    inner = module.lines[first : last - 1]
    return "\n".join(
        [module.lines[first - 1][column - 1 :], *inner, module.lines[last - 1][: end_column - 1]]
    )


def normal_form(text: str) -> str:
    """Returns the text of a statement without white space, comments and trailing commas."""
    words: list[str] = []
    for token in _TOKEN.finditer(text):
        if token["gap"] is not None:
            continue
        word = token[0]
        if word in ")]}" and words and words[-1] == ",":
            words.pop()
        if words and _is_word(words[-1][-1]) and _is_word(word[0]):
            words.append(" ")
        words.append(word)
    return "".join(words)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
