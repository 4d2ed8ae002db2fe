"""Makes each kind of file that projects meet, prepares it, and writes docs/files.md.

``python -m tests.variants.files`` renders a project of each task for that and installs it with uv.
"""

import itertools
import json
import sys
import tempfile
from pathlib import Path

from ..support import rendering
from . import projects

DOCUMENT = rendering.ROOT / "docs" / "files.md"
HEAD = "| file | what happens |\n|---|---|\n"

SECTIONS = {
    "Tables": ("tabular", "test_table_kinds"),
    "Series": ("forecasting", "test_series_kinds"),
    "Texts": ("language", "test_text_kinds"),
    "Images": ("image", "test_image_kinds"),
    "Weights of models of images": ("image", "test_weight_kinds"),
}
"""The headings of the document, with the task whose tests make the files, and which of them do."""

# Runs in the project: what a command says of each kind, or why it refuses it.
TOLD = """
import importlib, json, pathlib, sys, tempfile
from tests.project import errors

kinds = importlib.import_module(f"tests.{sys.argv[2]}")
told = []
for kind in kinds.KINDS.values():
    folder = pathlib.Path(tempfile.mkdtemp(dir=sys.argv[1]))
    try:
        said = kinds.prepared(kind, folder)
    except errors.UserError as error:
        said = str(error)
    lines = said.replace(f"{folder}/", "").splitlines()
    lines = [line for line in lines if any(words in line for words in kind.says)]
    told.append([kind.name, kind.fails, lines])
print(json.dumps(told))
"""


def row(name: str, fails: bool, lines: list[str]) -> str:
    """A line of the table."""
    said = "; ".join(" ".join(line.split()).removeprefix("read as ") for line in lines)
    happens = f"{'refused' if fails else 'read'}{': ' * bool(said)}{said}"
    return f"| {name} | {happens.replace('|', chr(92) + '|')} |\n"


def table(template: Path, folder: Path, task: str, module: str) -> str:
    """What a project of a task does with each kind of file."""
    folder.mkdir()
    project = projects.make(template, folder / "project", sys.executable, folder, task=task)
    told = project.tool("python", "-c", TOLD, str(folder), module, JAX_PLATFORMS="cpu")
    return HEAD + "".join(row(*each) for each in json.loads(told))


def main() -> None:
    """Writes the tables of the document anew."""
    document = DOCUMENT.read_text()
    with tempfile.TemporaryDirectory() as folder:
        template = rendering.export(Path(folder) / "template")
        for heading, (task, module) in SECTIONS.items():
            before, _, rest = document.partition(f"## {heading}\n")
            prose, _, rows = rest.partition(HEAD)
            after = itertools.dropwhile(
                lambda line: line.startswith("|"), rows.splitlines(keepends=True)
            )
            new = table(template, Path(folder) / task, task, module)
            document = f"{before}## {heading}\n{prose}{new}{''.join(after)}"
    DOCUMENT.write_text(document)


if __name__ == "__main__":
    main()
