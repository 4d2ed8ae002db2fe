"""What the tests of variants share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support import interpreters
from . import peer as peers
from .peer import Peer
from .shown import Shown


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this session, the same for all workers."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session", autouse=True)
def compiled_once(common: Path) -> Iterator[None]:
    """What one command compiles, the next takes, whatever its project, if it asks for the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(common / "compiled"))
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
        yield


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where projects are installed one after the other; no other worker's projects are."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture(scope="session")
def oldest() -> str:
    """The oldest interpreter."""
    return next(iter(interpreters.ends().values()))


@pytest.fixture(scope="session")
def peer(oldest: str, tmp_path_factory: pytest.TempPathFactory) -> Peer:
    """An environment with transformers."""
    return peers.install(tmp_path_factory.mktemp("peer"), oldest)


@pytest.fixture(scope="session")
def shown(common: Path) -> Shown:
    """What any worker has shown of any project in this session."""
    return Shown(common / "shown")


@pytest.fixture(scope="session")
def nightly(pytestconfig: pytest.Config) -> bool:
    """Whether there is time for everything."""
    return pytestconfig.getoption("nightly") is True


def pytest_configure(config: pytest.Config) -> None:
    """Declares what marks tests that only `nox -s nightly` runs."""
    config.addinivalue_line("markers", "nightly: too long for every change")


LONGEST = ("test_post_training.py", "language-", "test_updates.py", "test_rows.py")
"""What is longest, first; last, it would keep one worker while the other is idle."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is for the night, and puts the longest first."""
    if not config.getoption("nightly"):
        late = [item for item in items if item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=late)
        items[:] = [item for item in items if item not in late]

    def rank(item: pytest.Item) -> int:
        return next((at for at, name in enumerate(LONGEST) if name in item.nodeid), len(LONGEST))

    items.sort(key=rank)
