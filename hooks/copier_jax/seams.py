"""Lines of the user's between those of the template, below the markers that a file has for them."""

import itertools
from collections.abc import Iterator

MARKER = b"below this line"


def only_below(template: bytes, text: bytes) -> bool:
    """Whether a text is that of the template with lines added right below its markers."""
    first, *others = _sections(template)
    lines, at = text.splitlines(keepends=True), len(first)
    if lines[:at] != first:
        return False
    if not others:
        return at == len(lines)
    for section in others[:-1]:
        found = _find(section, lines, at)
        if found is None:
            return False
        at = found + len(section)
    end = len(lines) - len(others[-1])
    return end >= at and lines[end:] == others[-1]


def filled(template: bytes, text: bytes) -> bytes:
    """The text of the template with the lines that another text has below its markers.

    They end at the first line that the template has below the same marker. This is for people, who
    want to see the other differences.
    """
    lines = text.splitlines(keepends=True)
    sections = list(_sections(template))
    result = b"".join(sections[0])
    for above, below in itertools.pairwise(sections):
        at = lines.index(above[-1]) + 1 if above[-1] in lines else len(lines)
        known = {line for line in below if line.strip()}
        own = []
        for line in lines[at:]:
            if line in known:
                break
            own.append(line)
        while known and own and not own[-1].strip():
            own.pop()
        result += b"".join([*own, *below])
    return result


def _sections(template: bytes) -> Iterator[list[bytes]]:
    """The lines of a template, cut below each marker."""
    section = []
    for line in template.splitlines(keepends=True):
        section.append(line)
        if MARKER in line:
            yield section
            section = []
    yield section


def _find(section: list[bytes], lines: list[bytes], start: int) -> int | None:
    """Where lines contain a section for the first time."""
    ends = range(start, len(lines) - len(section) + 1)
    return next((at for at in ends if lines[at : at + len(section)] == section), None)
