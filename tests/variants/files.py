"""Makes each kind of file that projects meet, prepares it, and writes docs/files.md.

``python -m tests.variants.files`` renders a project for that and installs it with uv.
"""

import json
import sys
import tempfile
from pathlib import Path

from ..support import rendering
from . import projects

DOCUMENT = rendering.ROOT / "docs" / "files.md"
HEAD = "| file | what happens |\n|---|---|\n"

# Runs in the project: what `prepare` says of each kind, or why it refuses it.
TOLD = """
import json, pathlib, sys, tempfile
from tests import test_table_kinds as kinds
from tests.project import errors

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


def main() -> None:
    """Writes the table of the document anew."""
    with tempfile.TemporaryDirectory() as folder:
        template = rendering.export(Path(folder) / "template")
        project = projects.make(
            template, Path(folder) / "project", sys.executable, Path(folder), task="tabular"
        )
        told = json.loads(project.tool("python", "-c", TOLD, folder, JAX_PLATFORMS="cpu"))
    before, _, rest = DOCUMENT.read_text().partition(HEAD)
    after = rest[rest.index("\n\n") :] if "\n\n" in rest else "\n"
    table = "".join(row(*each) for each in told).rstrip("\n")
    DOCUMENT.write_text(f"{before}{HEAD}{table}{after}")


if __name__ == "__main__":
    main()
