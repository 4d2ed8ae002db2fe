"""Faults at random lose nothing, and none is passed over in silence."""

import subprocess
import sys

import pytest

from ..support import rendering

MINUTES = 5


@pytest.mark.nightly
def test_runs_survive_what_is_injected() -> None:
    command = [sys.executable, "-m", "tests.variants.torture", str(MINUTES)]
    result = subprocess.run(
        command, cwd=rendering.ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
