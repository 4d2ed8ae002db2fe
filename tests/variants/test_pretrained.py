"""Published models in a project: what transformers computes with them, and what it reads back.

Each side has one process, in an environment of its own, for all families of models.
"""

import re
import subprocess
from pathlib import Path

import pytest

from ..support import rendering
from . import peer as peers
from . import projects
from .peer import Peer
from .projects import Project

pytestmark = pytest.mark.xdist_group("pretrained")

SCRIPTS = {
    "transformers_side": ("project_side",),
    "tokenizers_side": ("chats_in_project", "tokenizers_in_project"),
}
GUIDE = "### From a downloaded model to a fine-tuned one\n"


@pytest.fixture(scope="module")
def project(
    template: Path, oldest: str, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    path = tmp_path_factory.mktemp("pretrained") / "project"
    return projects.make(template, path, oldest, environments, task="post-training")


def test_models_and_tokenizers_go_in_and_out_unchanged(
    template: Path, peer: Peer, project: Project, tmp_path: Path
) -> None:
    language = tmp_path / "language"
    rendering.render(template, language, project_name="Proof Lab", task="language")
    for theirs, ours in SCRIPTS.items():
        folder = tmp_path / theirs
        folder.mkdir()
        peer.run(theirs, "make", folder)
        for script in (str(peers.SCRIPTS / f"{name}.py") for name in ours):
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
    print(project.tool("python", str(peers.SCRIPTS / "guide_in_project.py"), project.package))
    peer.run("guide_side", "check", project.path)
