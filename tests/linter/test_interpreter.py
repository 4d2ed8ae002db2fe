"""The abstract interpreter fails on one function at most."""

from pathlib import Path

import pytest

from jaxcheck.flow import engine
from jaxcheck.flow.run import Run
from jaxcheck.flow.summary import Summary
from jaxcheck.running.checking import check_paths
from jaxcheck.settings import Settings

SOURCE = """\
import jax


def broken(key):
    return jax.random.normal(key)


def reused(key):
    return broken(key), jax.random.normal(key) + jax.random.normal(key)
"""


def test_a_failure_hides_nothing_of_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpret = engine.interpret

    def failing(run: Run) -> Summary:
        if run.function is not None and run.function.name == "broken":
            raise RuntimeError("no way")
        return interpret(run)

    monkeypatch.setattr(engine, "interpret", failing)
    (tmp_path / "example.py").write_text(SOURCE)
    _, found = check_paths([tmp_path], tmp_path, Settings(select=("JX5",)))
    assert {(f.code, f.place.line) for f in found} >= {("JX999", 4), ("JX501", 9)}
    [failure] = [f for f in found if f.code == "JX999"]
    assert "RuntimeError: no way" in failure.message
