"""What the tests of variants share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What JAX compiles for the tests of one project the next take, if they ask for the same."""
    return tmp_path_factory.getbasetemp().parent / "compiled"


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where projects are installed one after the other; no other worker's projects are."""
    return tmp_path_factory.mktemp("environments")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest of all first; last, it would keep one worker while the other is idle."""
    items.sort(key=lambda item: "test_updates.py" not in item.nodeid)
