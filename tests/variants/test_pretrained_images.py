"""Published models of images in a project: what timm and torchvision compute with them."""

from pathlib import Path

import pytest

from . import peer as peers
from . import projects
from .peer import Peer

pytestmark = pytest.mark.xdist_group("pretrained")


def test_models_of_timm_and_torchvision_compute_the_same(
    template: Path, oldest: str, environments: Path, peer: Peer, tmp_path: Path
) -> None:
    """ResNets and ViTs with random weights; of timm's ViTs also for images of other sizes."""
    answers = {"task": "image", "architecture": "resnet"}
    project = projects.make(template, tmp_path / "project", oldest, environments, **answers)
    folder = tmp_path / "models"
    folder.mkdir()
    peer.vision.run("timm_side", "make", folder)
    script = str(peers.SCRIPTS / "images_in_project.py")
    print(project.tool("python", script, project.package, str(folder)))
    peer.vision.run("timm_side", "check", folder)
