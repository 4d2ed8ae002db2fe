"""Paths as the services that show findings expect them: from the root of the repository."""

import os
from pathlib import Path


def from_repository(path: str, root: Path) -> str:
    """Returns a path from the root of the repository, with forward slashes.

    In a workflow of GitHub that is the folder of the checkout, of which the project may be a part;
    elsewhere the project's root stands for it.
    """
    workspace = os.environ.get("GITHUB_WORKSPACE")
    absolute = Path(root, path)
    for base in filter(None, (workspace, root)):
        if absolute.is_relative_to(base):
            return absolute.relative_to(base).as_posix()
    return absolute.as_posix()
