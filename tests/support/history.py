"""A scratch clone in which every release has its tag, and the working tree is one more."""

import shutil
import subprocess
import sys
from pathlib import Path

from . import releases, rendering
from .rendering import ROOT, git

WORKING_TREE = "v9000.0.0"
NEXT = "v9001.0.0"


def clone(directory: Path) -> Path:
    """Clones this repository, tags its releases, and commits the working tree as `WORKING_TREE`."""
    git(ROOT, "clone", "--quiet", "--no-local", str(ROOT), str(directory))
    git(directory, "checkout", "--quiet", "-B", "main")
    for name in git(directory, "tag", "--list").split():
        git(directory, "tag", "--delete", name)  # what counts is the history
    for release in releases.releases():
        git(directory, "tag", release.tag, release.commit)
    git(directory, "rm", "-r", "--quiet", ".")
    for path in rendering.working_files():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, directory / path)
    commit(directory, WORKING_TREE)
    return directory


def commit(repository: Path, tag: str | None = None) -> None:
    """Commits all that stands in `repository` but ignored files, and tags it."""
    git(repository, "add", "--all")
    git(
        repository, "commit", "--quiet", "--allow-empty", "--no-verify", "--message", tag or "edits"
    )
    if tag:
        git(repository, "tag", tag)


def release_something(repository: Path) -> None:
    """Makes `NEXT`: a release that touches every class of file in the ways that releases do."""
    template = repository / "template"
    package = template / "src" / "{{ package_name }}"
    append(package / "errors.py", "\n\n# released: merged\n")
    append(package / "training" / "added.py", '"""A module that the release adds."""\n')
    for overlay in ("{{ language }}", "{{ decoder }}", "{{ transformer }}"):
        for module in (template / overlay).glob("src/*/*.py"):
            append(module, "\n# released: seeded\n")
    append(template / "README.md.jinja", "\nreleased: seeded\n")
    replace(
        template / "pyproject.toml.jinja",
        *('    "tqdm>=4.67,<5",\n', '    "tqdm>=4.68,<5",\n    "einops>=0.8,<0.9",\n'),
    )
    replace(template / ".gitignore", *("/runs/\n", "/runs/\n/released/\n"))
    append(repository / "hooks/jaxcheck/settings.py", "# released: replaced\n")
    subprocess.run([sys.executable, repository / "hooks/pack.py"], check=True)
    commit(repository, NEXT)


def append(path: Path, text: str) -> None:
    """Adds `text` at the end of a file, making it if there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + text)


def replace(path: Path, old: str, new: str) -> None:
    """Replaces the one place in a file that says `old`."""
    text = path.read_text()
    assert text.count(old) == 1, f"{path} says {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new))
