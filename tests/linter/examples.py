"""Executable examples: the code blocks of rule pages and of the corpus.

A block is one file under check; `# error: JX501` at the end of a line says that the rule must find
something there, and a block without such marks must be free of findings of its rule or item.
Further rules of the catalogue may well find something else, so each block is only judged by its own
item.

The opening fence may say more, after ```` ```python ````:

- `raises=KeyReuseError`: JAX must raise that error when the block runs.
- `runs`: it must run through.
- `todo`: a known gap; the marks are what should be found, and are not.
- `trace`: for the trace tier, which `test_trace.py` runs over it.

A line `# file: NAME` starts another file of the same project, and a ```` ```toml ```` block gives
the settings (`[tool.jaxcheck]` without the header) of the Python block after it.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "hooks/jaxcheck/docs"
CORPUS = Path(__file__).parent / "corpus"
_FENCE = re.compile(r"^```(\w+)?(.*)$")
_MARK = re.compile(r"#\s*error:\s*(JX\d+(?:\s*,\s*JX\d+)*)\s*$")


@dataclass(frozen=True)
class Example:
    """One code block.

    Attributes:
        source: The Markdown file that it stands in.
        line: Where its first line of code is.
        title: The heading that it stands under.
        scope: The rule's code on a page, the item (`JX5`) in the corpus.
        files: Its files: name and text.
        expected: What must be found: file, line and code.
        options: What the fence says: `runs`, `raises`, `todo`.
        settings: The settings to check it with.
    """

    source: Path
    line: int
    title: str
    scope: str
    files: dict[str, str]
    expected: frozenset[tuple[str, int, str]]
    options: dict[str, str] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """How a test names it."""
        return f"{self.source.stem}:{self.line}"

    @property
    def positive(self) -> bool:
        """Whether something must be found."""
        return bool(self.expected)


def examples(folder: Path) -> Iterator[Example]:
    """Yields every Python block of the Markdown files in a folder."""
    for source in sorted(folder.glob("JX*.md")):
        yield from _of(source)


def _of(source: Path) -> Iterator[Example]:
    title, language, options, start = "", None, "", 0
    settings: dict[str, object] = {}
    block: list[str] = []
    for number, line in enumerate(source.read_text("utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if language is None:
            if fence:
                language, options, start, block = fence[1] or "", fence[2], number + 1, []
            elif line.startswith("#"):
                title = line.lstrip("# ")
            continue
        if not fence:
            block.append(line)
            continue
        if language == "toml":
            settings = tomllib.loads("\n".join(block))
        elif language == "python":
            files = _files(block)
            expected = frozenset(
                (name, at, code.strip())
                for name, text in files.items()
                for at, content in enumerate(text.splitlines(), 1)
                if (mark := _MARK.search(content))
                for code in mark[1].split(",")
            )
            pairs = (word.partition("=") for word in options.split())
            said = {name: value for name, _, value in pairs}
            yield Example(source, start, title, source.stem, files, expected, said, settings)
            settings = {}
        language = None


def _files(block: list[str]) -> dict[str, str]:
    files: dict[str, list[str]] = {}
    name = "example.py"
    for line in block:
        if line.startswith("# file: "):
            name = line.removeprefix("# file: ").strip()
            files[name] = []
        else:
            files.setdefault(name, []).append(line)
    texts = {name: "\n".join(lines) + "\n" for name, lines in files.items()}
    for text in texts.values():
        ast.parse(text)
    return texts
