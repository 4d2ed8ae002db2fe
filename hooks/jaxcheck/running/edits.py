"""Applies edits to text, whatever its line ends are."""

import re
from collections.abc import Iterable
from itertools import pairwise

from ..findings import Edit

_LINE_END = re.compile(r"\r\n|\r|\n")


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Returns a text with edits made, line ends in what they insert being those of their place.

    Raises:
        ValueError: Two edits overlap, or one lies outside the text.
    """
    starts = [0, *(end.end() for end in _LINE_END.finditer(text))]
    ends = [end[0] for end in _LINE_END.finditer(text)] or ["\n"]

    def offset(line: int, column: int) -> int:
        if not 1 <= line <= len(starts) + 1 or column < 1:
            raise ValueError(f"line {line}, column {column} is not in the text")
        at = [*starts, len(text)][line - 1] + column - 1
        if at > len(text):
            raise ValueError(f"line {line}, column {column} is not in the text")
        return at

    spans = sorted(
        (
            offset(edit.line, edit.column),
            offset(edit.end_line, edit.end_column),
            edit.replacement.replace("\n", ends[min(edit.line, len(ends)) - 1]),
        )
        for edit in edits
    )
    if any(start > end for start, end, _ in spans):
        raise ValueError("an edit ends before it starts")
    if any(first[1] > second[0] for first, second in pairwise(spans)):
        raise ValueError("edits overlap")
    for start, end, replacement in reversed(spans):
        text = text[:start] + replacement + text[end:]
    return text
