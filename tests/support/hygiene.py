"""What holds for every file of every project, whatever the answers."""

import ast
import functools
import io
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import yaml

from .rendering import ROOT

READERS = {
    ".py": ast.parse,
    ".toml": tomllib.loads,
    ".yml": yaml.safe_load,
    ".yaml": lambda text: list(yaml.safe_load_all(text)),
    ".json": json.loads,
}
RESERVED_ON_WINDOWS = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
TEMPLATED = {
    path.name.removesuffix(".jinja").replace(
        "{{ _copier_conf.answers_file }}", ".copier-answers.yml"
    )
    for path in (ROOT / "template").rglob("*.jinja")
}
"""Names of the files that Jinja makes; the others are copied byte for byte."""
RESIDUE = re.compile(r"\{\{|\{%|\{#")


@functools.cache  # most files are the same in all projects
def read(suffix: str, content: bytes) -> bool:
    """Fails if a file is no clean text or its format cannot be read; whether it has a format."""
    if suffix == ".pyz":
        return zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    text = content.decode()
    assert "\r" not in text
    assert not text or text.endswith("\n")
    assert not text.endswith("\n\n"), "an empty line at the end"
    assert "\n\n\n\n" not in text, "three empty lines"
    assert not re.search(r"[ \t]$", text, re.MULTILINE), "white space at the end of a line"
    if reader := READERS.get(suffix):
        reader(text)
    return reader is not None


def check(files: Mapping[str, bytes], given: Iterable[str] = ()) -> None:
    """Fails if a file cannot be read, or tells of the template, or some system cannot hold it.

    Args:
        files: contents by path.
        given: answers, which may say anything.
    """
    assert sum(_read(name, content) for name, content in files.items()) > 20
    ambiguous = any(map(RESIDUE.search, given))
    for name, content in files.items():
        assert not re.search(r"[{}]|\.jinja$", name)
        if PurePosixPath(name).name in TEMPLATED and not ambiguous:
            assert not RESIDUE.search(content.decode()), f"{name} holds text of the template"
    check_names(files)


def _read(name: str, content: bytes) -> bool:
    try:
        return read(PurePosixPath(name).suffix, content)
    except Exception as error:
        error.add_note(f"in {name}")
        raise


def check_names(names: Iterable[str]) -> None:
    """Fails if a path is too long, or some file system cannot hold it beside the others."""
    names = list(names)
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        assert len(name) <= 120, name
        for part in name.split("/"):
            assert not re.search(r'[<>:"\\|?*\x00-\x1f]|[ .]$', part), name
            assert not RESERVED_ON_WINDOWS.match(part), name


def check_formatted(folder: Path) -> None:
    """Fails if formatter or linter find anything in a project, or in a folder of projects."""
    for check in (["check"], ["format", "--check"]):
        tool = [sys.executable, "-m", "ruff", *check, "--no-cache", "."]
        result = subprocess.run(tool, cwd=folder, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout
