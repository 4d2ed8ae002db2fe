"""Published models in a project: what transformers computes with them, and what it reads back.

Each side has one process, in an environment of its own, for all families of models.
"""

import subprocess
from pathlib import Path

import pytest

from ..support import interpreters
from . import projects

PEERS = Path(__file__).parent / "peers"
PACKAGES = ("torch==2.13.0", "transformers==5.24.0", "peft==0.21.2")


@pytest.mark.xdist_group("pretrained")
def test_models_go_in_and_out_unchanged(template: Path, environments: Path, tmp_path: Path) -> None:
    oldest = next(iter(interpreters.ends().values()))
    environment, folder = tmp_path / "environment", tmp_path / "models"
    folder.mkdir()
    python = environment / "bin" / "python"
    subprocess.run([oldest, "-m", "venv", environment], check=True)
    # Not uv, which does not read where pip is told to look for builds of torch without CUDA.
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES)
    subprocess.run([python, *pip], check=True)
    transformers_side = [python, PEERS / "transformers_side.py"]
    offline = projects.shell(environment) | {"HF_HUB_OFFLINE": "1"}
    subprocess.run([*transformers_side, "make", folder], env=offline, check=True)

    project = projects.make(
        template, tmp_path / "project", oldest, environments, task="post-training"
    )
    script = PEERS / "project_side.py"
    print(project.tool("python", str(script), project.package, str(folder)))

    subprocess.run([*transformers_side, "check", folder], env=offline, check=True)
