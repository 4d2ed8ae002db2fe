"""Notebooks: the cells of code as one text, in their order, and that text back in the cells."""

import ast
import json
import re
from pathlib import Path
from typing import Any

SUFFIX = ".ipynb"
_HEAD = "# %% jaxcheck: cell "
_KEPT = "# jaxcheck keeps: "
_RESTORED = re.compile(rf"^(\s*)(?:pass  )?{_KEPT}(.*)$", re.M)
_MAGIC = re.compile(r"\s*(?:[%!?]|[\w., ]+=\s*[%!]).*|.*\?\s*$")
# Magics of a cell whose further lines are Python.
_PYTHON = frozenset({"capture", "prun", "python", "python3", "time", "timeit"})


def is_notebook(path: Path | str) -> bool:
    """Whether a file is a notebook, by its name."""
    return str(path).endswith(SUFFIX)


def text_of(raw: str) -> str:
    """Returns the cells of code, each below a line with its number; lines of magics are kept so.

    Cells are counted from 1, those of text included.

    Raises:
        ValueError: It is no notebook.
    """
    notebook = json.loads(raw)
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise ValueError("it is no notebook of format 4")
    about = notebook.get("metadata", {})
    language = about.get("kernelspec", {}).get("language") or about.get("language_info", {}).get(
        "name"
    )
    if language not in (None, "python"):
        return ""
    return "".join(
        f"{_HEAD}{number}\n{_hidden(_source(cell))}\n"
        for number, cell in enumerate(notebook["cells"], 1)
        if cell.get("cell_type") == "code"
    )


def written(raw: str, text: str) -> str:
    """Returns a notebook with the cells of a text that `text_of` made and somebody edited."""
    notebook = json.loads(raw)
    parts = re.split(rf"^{_HEAD}(\d+)\n", text, flags=re.M)[1:]
    for number, source in zip(parts[::2], parts[1::2], strict=True):
        cell = notebook["cells"][int(number) - 1]
        shown = _RESTORED.sub(r"\1\2", source.removesuffix("\n"))
        if shown != _source(cell):
            is_list = isinstance(cell["source"], list)
            cell["source"] = shown.splitlines(keepends=True) if is_list else shown
    indent = re.match(r"\{\n(\s+)", raw)
    layout: dict[str, Any] = {"indent": indent[1] if indent else None}
    if indent is None and '": ' not in raw:
        layout["separators"] = (",", ":")
    return json.dumps(notebook, ensure_ascii=False, **layout) + "\n" * raw.endswith("\n")


def place_in(lines: list[str], line: int) -> tuple[int, int]:
    """Returns the cell that a line of the text stands in, and its number there."""
    head = next((at for at in range(line - 1, -1, -1) if lines[at].startswith(_HEAD)), 0)
    return int(lines[head].removeprefix(_HEAD) or 1), line - head - 1


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _hidden(source: str) -> str:
    """Returns a cell in which no magic stands in Python's way."""
    first = re.match(r"\s*%%(\w+).*\n?", source)
    if first and first[1] not in _PYTHON:
        return re.sub(r"^", _KEPT, source, flags=re.M)
    try:
        compile(source, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError):
        lines = source.split("\n")
        return "\n".join(_hidden_line(line) if _MAGIC.fullmatch(line) else line for line in lines)
    return source


def _hidden_line(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}pass  {_KEPT}{line.lstrip()}"
