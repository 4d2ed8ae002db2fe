"""`--fix` mends what is provably safe to mend, and nothing else changes."""

import ast
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jaxcheck.catalogue import rules
from jaxcheck.findings import Edit, Finding, Fix
from jaxcheck.project import Project
from jaxcheck.running import checking
from jaxcheck.running.edits import apply
from jaxcheck.running.fixing import fix
from jaxcheck.running.results import results
from jaxcheck.settings import Settings
from jaxcheck.source.module import Module

from .running import REUSED, codes, jaxcheck, project

MENDED = REUSED.replace("PRNGKey", "key")


def test_safe_fixes_are_applied_and_told(tmp_path: Path) -> None:
    project(tmp_path, reused=REUSED)
    done = jaxcheck("--fix", cwd=tmp_path)
    assert (tmp_path / "reused.py").read_text() == MENDED
    assert done.stderr == (
        "jaxcheck: fixed reused.py:5 JX1302[legacy-prng-key]: "
        "Replace `jax.random.PRNGKey` by `jax.random.key`\n"
    )
    assert done.returncode == 1
    assert "1 finding in 1 file." in done.stdout
    assert "JX1302" not in done.stdout


def test_what_is_suppressed_or_tolerated_stays(tmp_path: Path) -> None:
    excused = REUSED.replace("(seed)\n", "(seed)  # jaxcheck: ignore[JX1302] raw on disk\n")
    project(tmp_path, excused=excused, old=REUSED)
    jaxcheck("--write-baseline", cwd=tmp_path)
    jaxcheck("--fix", "--baseline", "jaxcheck-baseline.json", cwd=tmp_path)
    assert (tmp_path / "excused.py").read_text() == excused
    assert (tmp_path / "old.py").read_text() == REUSED


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_bytes_that_no_fix_concerns_stay(tmp_path: Path, end: str, mark: str) -> None:
    project(tmp_path)
    text = mark + REUSED.replace("import jax\n", "import jax  # Größe 研究室 🧪\n").replace(
        "\n", end
    )
    path = tmp_path / "reused.py"
    path.write_bytes(text.encode())
    path.chmod(0o640)
    jaxcheck("--fix", cwd=tmp_path)
    assert path.read_bytes().decode() == text.replace("PRNGKey", "key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert not list(tmp_path.glob(".*")), "a temporary file is left"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    project(tmp_path / "p")
    (tmp_path / "real.py").write_text(REUSED)
    (tmp_path / "p/link.py").symlink_to("../real.py")
    jaxcheck("--fix", cwd=tmp_path / "p")
    assert (tmp_path / "p/link.py").is_symlink()
    assert (tmp_path / "real.py").read_text() == MENDED


def test_needless_suppressions_go(tmp_path: Path) -> None:
    text = """\
import jax

x = 1  # jaxcheck: ignore[JX1302] old
# jaxcheck: ignore[JX1302] old
y = 2
key = jax.random.PRNGKey(0)  # jaxcheck: ignore[JX1302, JX1301] raw on disk
z = 3  # jaxcheck: ignore[JX1302] old  # noqa: F841
"""
    project(tmp_path, code=text)
    (tmp_path / "pyproject.toml").write_text('[tool.jaxcheck]\nselect = ["JX0", "JX13"]\n')
    jaxcheck("--fix", cwd=tmp_path)
    assert (
        (tmp_path / "code.py").read_text()
        == """\
import jax

x = 1
y = 2
key = jax.random.PRNGKey(0)  # jaxcheck: ignore[JX1302] raw on disk
z = 3  # noqa: F841
"""
    )
    assert codes(cwd=tmp_path) == []


Mending = Callable[[Module, ast.stmt], tuple[Edit, ...]]


def place(node: ast.stmt) -> tuple[int, int, int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.lineno, node.col_offset + 1, node.end_lineno, node.end_col_offset + 1


def to(text: str, importing: bool = False) -> Mending:
    """Replaces a statement, and imports numpy first if that is asked for and missing."""

    def mend(module: Module, node: ast.stmt) -> tuple[Edit, ...]:
        edit = Edit(*place(node), text)
        missing = importing and "numpy" not in module.source
        return (Edit(1, 1, 1, 1, "import numpy\n"), edit) if missing else (edit,)

    return mend


def fixed(
    monkeypatch: pytest.MonkeyPatch, path: Path, text: str, **mending: Mending
) -> tuple[str, list[str], list[str]]:
    """Fixes a file under a rule that finds words standing alone, and knows how to mend them.

    Returns:
        The text afterwards, the words that were mended, and those that were refused.
    """

    def find(module: Module, project: Project) -> Iterator[Finding]:
        for node in module.tree.body:
            if (word := module.text(node)) in mending:
                mend = Fix(word, mending[word](module, node), safe=True)
                yield module.finding("JX1302", node, word, fix=mend)

    monkeypatch.setattr(
        checking, "rules", lambda: {"JX1302": replace(rules()["JX1302"], check=find)}
    )
    path.write_text(text)
    done = fix([path], path.parent, Settings(select=("JX1302",)), results)
    applied, refused = ([f.message for f in listed] for listed in (done.applied, done.refused))
    return path.read_text(), applied, refused


def test_a_fix_that_does_not_help_is_undone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = "import jax\nbad\nworse\n"
    result = fixed(monkeypatch, tmp_path / "a.py", text, bad=to("bad  # !"), worse=to("fine"))
    assert result == ("import jax\nbad\nfine\n", ["worse"], ["bad"])


@pytest.mark.parametrize(
    "mending",
    [
        to("def ("),  # does not parse
        to("worse"),  # brings another finding
        lambda module, node: (Edit(9, 1, 9, 4, "x"),),  # outside the file
        lambda module, node: (Edit(2, 4, 2, 1, "x"),),  # ends before it starts
    ],
)
def test_a_fix_that_breaks_something_is_undone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mending: Mending
) -> None:
    text = "import jax\nbad\n"
    result = fixed(monkeypatch, tmp_path / "a.py", text, bad=mending, worse=to("worse"))
    assert result == (text, [], ["bad"])


def test_fixes_that_overlap_take_turns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = "import jax\nbad\nworse\n"
    mending = {"bad": to("fine", importing=True), "worse": to("finer", importing=True)}
    after, applied, refused = fixed(monkeypatch, tmp_path / "a.py", text, **mending)
    assert after == "import numpy\nimport jax\nfine\nfiner\n"
    assert (applied, refused) == (["bad", "worse"], [])


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anything")
    project(tmp_path, reused=REUSED)
    tmp_path.chmod(0o500)
    try:
        done = jaxcheck("--fix", cwd=tmp_path)
    finally:
        tmp_path.chmod(0o700)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


def test_edits() -> None:
    text = "one\r\ntwo\rthree\n"
    assert apply(text, [Edit(2, 1, 2, 4, "2")]) == "one\r\n2\rthree\n"
    assert apply(text, [Edit(1, 4, 1, 4, "\nnew")]) == "one\r\nnew\r\ntwo\rthree\n"
    assert apply(text, [Edit(2, 1, 3, 1, "")]) == "one\r\nthree\n"
    assert apply(text, [Edit(3, 6, 3, 6, "!"), Edit(1, 1, 1, 2, "O")]) == "One\r\ntwo\rthree!\n"
    with pytest.raises(ValueError, match="overlap"):
        apply(text, [Edit(1, 1, 1, 3, ""), Edit(1, 2, 1, 4, "")])
    with pytest.raises(ValueError, match="not in the text"):
        apply(text, [Edit(5, 9, 5, 9, "")])
