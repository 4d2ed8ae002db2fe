"""What the tests of variants share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What JAX compiles for the tests of one project the next take, if they ask for the same."""
    return tmp_path_factory.getbasetemp().parent / "compiled"
