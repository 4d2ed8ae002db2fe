"""Notebooks are read cell by cell, magics stay out of the way, and `--fix` writes them back."""

import json
from pathlib import Path
from typing import Any

import pytest

from .running import REUSED, RULES, findings, jaxcheck

SPLIT = REUSED.partition("def sample")[0], "def sample" + REUSED.partition("def sample")[2]


def notebook(*cells: str, language: str = "python", **more: Any) -> dict[str, Any]:
    """A notebook with a cell of text and these cells of code."""
    code = [
        {
            "cell_type": "code",
            "execution_count": number,
            "metadata": {},
            "outputs": [{"name": "stdout", "output_type": "stream", "text": ["größer\n"]}],
            "source": text.splitlines(keepends=True),
        }
        for number, text in enumerate(cells)
    ]
    return {
        "cells": [{"cell_type": "markdown", "metadata": {}, "source": ["# Title"]}, *code],
        "metadata": {"kernelspec": {"language": language, "name": "kernel"}, **more},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def write(folder: Path, content: dict[str, Any], name: str = "nb.ipynb") -> Path:
    """Writes a notebook as Jupyter does."""
    (folder / "pyproject.toml").write_text(RULES)
    path = folder / name
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def test_findings_name_cell_and_line(tmp_path: Path) -> None:
    write(tmp_path, notebook("%load_ext autoreload\n" + SPLIT[0], SPLIT[1]))
    done = jaxcheck(cwd=tmp_path)
    assert "nb.ipynb:cell 3:4:14: JX501" in done.stdout
    assert "on line 3 of cell 3 " in done.stdout
    assert "second = jax.random.normal(key, (3,))" in done.stdout
    [first, second] = findings(cwd=tmp_path)
    assert [(f["cell"], f["line"], f["code"]) for f in (first, second)] == [
        (3, 2, "JX1302"),
        (3, 4, "JX501"),
    ]
    assert [(r["cell"], r["line"]) for r in second["related"]] == [(3, 3)]
    annotated = jaxcheck("--format", "github", cwd=tmp_path).stdout
    assert "::error file=nb.ipynb,title=JX501 key-reused::cell 3:4: `key` was" in annotated
    sarif = json.loads(jaxcheck("--format", "sarif", cwd=tmp_path).stdout)["runs"][0]["results"]
    assert [set(r["locations"][0]["physicalLocation"]) for r in sarif] == [{"artifactLocation"}] * 2
    assert sarif[1]["message"]["text"].startswith("cell 3:4: ")


MAGICS = [
    ("%matplotlib inline\n!pip install jax\n", "?jax.jit\njax.jit?\n"),
    ("%%time\n", "if True:\n    %timeit key\nfiles = !ls\nn = %env N\n"),
    ("await start()\n", "async for x in y:\n    pass\n"),
    ("%%bash\nls -la | grep x\n", "%%html\n<b>\n"),
]


@pytest.mark.parametrize("magics", MAGICS)
def test_magics_are_no_python(magics: tuple[str, str], tmp_path: Path) -> None:
    before, after = magics
    code = REUSED if before.startswith("%%bash") else before + REUSED
    cells = [before, code, after] if before.startswith("%%bash") else [code, after]
    write(tmp_path, notebook(*cells))
    shift = 0 if before.startswith("%%bash") else before.count("\n")
    number = 3 if before.startswith("%%bash") else 2
    assert [(f["cell"], f["line"], f["code"]) for f in findings(cwd=tmp_path)] == [
        (number, 5 + shift, "JX1302"),
        (number, 7 + shift, "JX501"),
    ]


@pytest.mark.parametrize("magics", MAGICS)
def test_fixes_are_written_back_and_nothing_else_is(
    magics: tuple[str, str], tmp_path: Path
) -> None:
    content = notebook(magics[0], REUSED, magics[1])
    path = write(tmp_path, content)
    jaxcheck("--fix", cwd=tmp_path)
    mended = REUSED.replace("PRNGKey", "key")
    content["cells"][2]["source"] = mended.splitlines(keepends=True)
    assert (
        path.read_text(encoding="utf-8") == json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    )


def test_a_comment_suppresses_in_its_cell(tmp_path: Path) -> None:
    excused = REUSED.replace("(seed)\n", "(seed)  # jaxcheck: ignore[JX1302] raw on disk\n")
    write(tmp_path, notebook(excused))
    assert [f["code"] for f in findings(cwd=tmp_path)] == ["JX501"]


def test_other_languages_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, notebook("this is R <- 1", language="R"))
    assert findings(cwd=tmp_path) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [("{", "cannot be read"), ("[]", "no notebook"), ('{"worksheets": []}', "no notebook")],
)
def test_what_is_no_notebook_is_told(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "nb.ipynb").write_text(text)
    [finding] = findings("nb.ipynb", cwd=tmp_path)
    assert finding["code"] == "JX000"
    assert told in finding["message"]


def test_a_cell_that_does_not_parse_is_named(tmp_path: Path) -> None:
    write(tmp_path, notebook("import jax\n", "x = 1\ny = (\n"))
    [finding] = findings(cwd=tmp_path)
    assert finding["code"] == "JX000"
    assert "cell 3, line 2: cannot be parsed by Python 3." in finding["message"]
