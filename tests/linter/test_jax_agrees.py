"""JAX itself says of the examples what the linter says: where it can judge, they agree."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .examples import CORPUS, PAGES, Example, examples

JUDGED = [
    e for e in (*examples(PAGES), *examples(CORPUS)) if {"raises", "runs"}.intersection(e.options)
]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, list[str]]:
    """What each example raised under JAX; one process runs them all, as imports take longest."""
    asked = {example.id: example.files for example in JUDGED}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("executing.py"))],
        input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("example", JUDGED, ids=lambda e: e.id)
def test_jax_raises_what_the_example_says(example: Example, outcomes: dict[str, list[str]]) -> None:
    raised = outcomes[example.id]
    if "runs" in example.options:
        assert not raised
    else:
        allowed = example.options["raises"].split("|")  # releases of JAX differ
        assert set(allowed).intersection(raised), raised or "it ran through"


def test_what_jax_refuses_is_found() -> None:
    """The other way round does not hold: there is reuse that JAX lets pass (`runs`, with marks)."""
    refused = [example for example in JUDGED if "raises" in example.options]
    assert all(example.positive for example in refused)
