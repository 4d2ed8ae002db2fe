"""What all tests share: isolation from the developer's machine, and the template to render."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from copier._main import Worker

from copier_jax import quick

from .support import rendering


def pytest_addoption(parser: pytest.Parser) -> None:
    """Lets other seeds be tried, and what takes hours be left to the night."""
    parser.addoption("--seed", type=int, default=0, help="that of the runs of post-training")
    parser.addoption("--nightly", action="store_true", help="what takes hours, too")


def pytest_configure(config: pytest.Config) -> None:
    """Sets how many answers are drawn. A failure is of the change at hand, not of new luck."""
    examples = 1000 if config.getoption("nightly") else 100
    hypothesis.settings.register_profile(
        "here", max_examples=examples, derandomize=True, database=None, deadline=None
    )
    hypothesis.settings.load_profile("here")


@pytest.fixture(scope="session", autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hides the developer's copier settings and git configuration: both change what copier does."""
    home = tmp_path_factory.mktemp("isolated")
    (home / "settings.yml").write_text("{}\n")
    (home / "gitconfig").write_text(
        "[user]\n\tname = Test\n\temail = test@example.org\n"
        "[init]\n\tdefaultBranch = main\n"
        "[safe]\n\tdirectory = *\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)  # such as GIT_DIR, when a git hook runs the tests
        # Programs that are started by the hundred would compile all that they import each time.
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("COPIER_SETTINGS_PATH", str(home / "settings.yml"))
        patch.setenv("COPIER_CACHE_DIR", str(home / "cache"))
        patch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield


@pytest.fixture(scope="session", autouse=True)
def rendered_quickly() -> Iterator[None]:
    """Spares copier what it does over and over: most of the time of a thousand renders.

    Beside what `quick` spares it, it gives each of the two thousand names in the template a context
    of its own, though most are plain words.
    """
    render_string, answers_file = Worker._render_string, Worker.answers_relpath

    def leave_plain(worker: Worker, string: str, *context: Any, **named: Any) -> str:
        return render_string(worker, string, *context, **named) if "{" in string else string

    def named_plainly(worker: Worker) -> Path:
        path = Path(worker.answers_file or worker.template.answers_relpath)
        return answers_file.__get__(worker) if "{" in str(path) else path

    with pytest.MonkeyPatch.context() as patch, quick.renders():
        patch.setattr(Worker, "_render_string", leave_plain)
        patch.setattr(Worker, "answers_relpath", property(named_plainly))
        yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as it stands, in a plain folder without git."""
    return rendering.export(tmp_path_factory.mktemp("template") / "copier-jax")


@pytest.fixture(scope="session", params=rendering.combinations(), ids=rendering.label)
def project(
    request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A project of each row of the answers that cover all pairs."""
    return rendering.render(template, tmp_path_factory.mktemp("project") / "p", **request.param)
