"""Sample data that is made here, since there is nothing to download: tasks with exact answers.

``reverse`` and ``copy`` are tasks on short strings, which a small model learns in minutes and
whose answers can be checked to the letter; ``docstrings`` has longer texts, from the sources of the
running Python's standard library. Each gives the records of any kind of example: the answer is the
response of a demonstration, and the chosen response of a preference. What is made is the same each
time, whatever the version of Python (but for ``docstrings``).

This module stays free of heavy imports, because the command line reads it for its help.
"""

import ast
import itertools
import os
import random
import string
import sysconfig
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .errors import UserError

Record = dict[str, str]

COUNT = 20_000  # examples of a sample, if there are as many

# Tests are left out because they hold odd data, applications and installed packages because not
# every Python has them.
_NO_SAMPLE = {"test", "tests", "idle_test", "idlelib", "lib2to3", "site-packages", "dist-packages"}
_LONGEST_PROMPT = 60  # characters of a docstring's signature
_LONGEST_RESPONSE = 80  # and of its first line


def reverse(count: int = COUNT) -> Iterator[tuple[str, str]]:
    """Words and what they are backwards: ``lamp>`` gives ``pmal``."""
    return ((f"{word}>", word[::-1]) for word in _words(count))


def copy(count: int = COUNT) -> Iterator[tuple[str, str]]:
    """Words and themselves: ``lamp=`` gives ``lamp``."""
    return ((f"{word}=", word) for word in _words(count))


def docstrings(count: int = COUNT) -> Iterator[tuple[str, str]]:
    """Functions of the standard library and the first lines of their docstrings.

    Raises:
        UserError: This Python comes without sources.
    """
    return itertools.islice(_documented(), count)


SAMPLES: dict[str, Callable[[int], Iterator[tuple[str, str]]]] = {
    "reverse": reverse,
    "copy": copy,
    "docstrings": docstrings,
}


def records(name: str, fields: Sequence[str], count: int = COUNT) -> Iterator[Record]:
    """A sample as examples.

    Args:
        name: Which one.
        fields: Their fields: the prompt, the right answer, and, if there are three, an answer that
            looks like it and is wrong.
        count: Examples at most.
    """
    draws = random.Random(1)
    for prompt, answer in SAMPLES[name](count):
        wrong = [_spoiled(answer, draws)] if len(fields) > 2 else []
        yield dict(zip(fields, [prompt, answer, *wrong], strict=True))


def _words(count: int) -> Iterator[str]:
    """Distinct words of three or four letters."""
    draws = random.Random(0)
    seen: set[str] = set()
    while len(seen) < count:
        length = 3 + _below(2, draws)
        word = "".join(string.ascii_lowercase[_below(26, draws)] for _ in range(length))
        if word not in seen:
            seen.add(word)
            yield word


def _spoiled(text: str, draws: random.Random) -> str:
    """The text with two neighbours swapped or one letter changed, never itself."""
    at = _below(len(text) - 1, draws)
    if text[at] != text[at + 1] and draws.random() < 0.5:
        return f"{text[:at]}{text[at + 1]}{text[at]}{text[at + 2 :]}"
    others = string.ascii_lowercase.replace(text[at], "")
    return f"{text[:at]}{others[_below(len(others), draws)]}{text[at + 1 :]}"


def _below(limit: int, draws: random.Random) -> int:
    """A number from 0; only `random` itself gives the same in every version of Python."""
    return int(draws.random() * limit)


def _documented() -> Iterator[tuple[str, str]]:
    """Signatures, each once, and first lines of docstrings, in the order of the files."""
    root = Path(sysconfig.get_path("stdlib"))
    seen: set[str] = set()
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _NO_SAMPLE)
        for name in sorted(names):
            if not name.endswith(".py"):
                continue
            for signature, line in _functions(Path(folder, name)):
                if signature not in seen:
                    seen.add(signature)
                    yield signature, line
    if not seen:
        raise UserError(f"this Python has no sources in {root}: choose another sample")


def _functions(path: Path) -> Iterator[tuple[str, str]]:
    """The documented functions of a file that are short enough."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the file does is not ours to mend
        try:
            tree = ast.parse(path.read_bytes())
        except SyntaxError:
            return  # some are templates
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        signature = f"def {node.name}({ast.unparse(node.args)}):"
        line = (ast.get_docstring(node) or "").partition("\n")[0].strip()
        if len(signature) <= _LONGEST_PROMPT and 2 <= len(line) <= _LONGEST_RESPONSE:
            yield signature, line
