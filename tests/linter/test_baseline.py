"""The baseline: it tolerates what was there, follows it around, and only shrinks."""

import json
from pathlib import Path

from .running import CLEAN, REUSED, codes, jaxcheck, project

NAME = "jaxcheck-baseline.json"
THIRD = "    third = jax.random.normal(key, (3,))\n"


def entries(folder: Path) -> list[tuple[str, str]]:
    stated = json.loads((folder / NAME).read_text())["findings"]
    return [(entry["path"], entry["code"]) for entry in stated]


def adopted(folder: Path) -> Path:
    """A project with old findings in its baseline."""
    project(folder, old=REUSED, clean=CLEAN)
    first = jaxcheck("--write-baseline", cwd=folder)
    assert first.returncode == 0
    assert f"{NAME}: 2 entries written" in first.stderr
    return folder


def test_old_findings_are_tolerated_and_new_ones_are_not(tmp_path: Path) -> None:
    adopted(tmp_path)
    clean = jaxcheck(cwd=tmp_path)
    assert (clean.returncode, clean.stdout) == (0, "No findings in 2 files (2 tolerated).\n")
    (tmp_path / "new.py").write_text(REUSED)
    assert codes(cwd=tmp_path) == [("new.py", 5, "JX1302"), ("new.py", 7, "JX501")]


def test_it_holds_no_line_numbers(tmp_path: Path) -> None:
    adopted(tmp_path)
    moved = REUSED.replace("import jax\n", "import jax\n\n\nUNUSED = 1\n")
    reflowed = moved.replace(
        "second = jax.random.normal(key, (3,))",
        "second = jax.random.normal(\n        key,  # as ever\n        (3,),\n    )",
    )
    assert reflowed != moved
    (tmp_path / "old.py").write_text(reflowed)
    assert codes(cwd=tmp_path) == []


def test_a_second_finding_of_the_same_text_is_new(tmp_path: Path) -> None:
    adopted(tmp_path)
    again = REUSED.replace("    return", "    second = jax.random.normal(key, (3,))\n    return")
    (tmp_path / "old.py").write_text(again)
    assert codes(cwd=tmp_path) == [("old.py", 8, "JX501")]


def test_it_shrinks_and_never_grows(tmp_path: Path) -> None:
    adopted(tmp_path)
    mended = REUSED.replace("PRNGKey", "key")
    (tmp_path / "old.py").write_text(mended.replace("    return", f"{THIRD}    return"))
    hint = jaxcheck(cwd=tmp_path)
    assert "1 entries of the baseline occur no more: run --write-baseline" in hint.stderr
    done = jaxcheck("--write-baseline", cwd=tmp_path)
    assert done.returncode == 1, "the new finding is still one"
    assert "taken out of the baseline: old.py JX1302 sample" in done.stderr
    assert f"not added to the baseline: 1 findings; delete {tmp_path / NAME}" in done.stderr
    assert entries(tmp_path) == [("old.py", "JX501")]
    (tmp_path / "old.py").write_text(REUSED)
    assert codes(cwd=tmp_path) == [("old.py", 5, "JX1302")], "what was mended is new again"


def test_what_was_not_checked_stays(tmp_path: Path) -> None:
    adopted(tmp_path)
    (tmp_path / "old.py").write_text(CLEAN)
    jaxcheck("--write-baseline", "clean.py", cwd=tmp_path)
    assert len(entries(tmp_path)) == 2, "old.py was not looked at"
    jaxcheck("--write-baseline", "--select", "JX501", cwd=tmp_path)
    assert entries(tmp_path) == [("old.py", "JX1302")], "JX1302 has not run"
    (tmp_path / "old.py").unlink()
    jaxcheck("--write-baseline", cwd=tmp_path)
    assert entries(tmp_path) == [], "a deleted file breaks nothing"


def test_problems_of_the_linter_itself_are_not_tolerated(tmp_path: Path) -> None:
    project(tmp_path, broken="import jax\ndef f(:\n", reasonless="x = 1  # jaxcheck: ignore[JX501]")
    done = jaxcheck("--write-baseline", cwd=tmp_path)
    assert done.returncode == 1
    assert entries(tmp_path) == []
    assert "JX000" in done.stdout
    assert "JX001" in done.stdout


def test_a_damaged_one_is_told(tmp_path: Path) -> None:
    adopted(tmp_path)
    (tmp_path / NAME).write_text("{")
    done = jaxcheck(cwd=tmp_path)
    assert done.returncode == 2
    assert "restore it from version control" in done.stderr
