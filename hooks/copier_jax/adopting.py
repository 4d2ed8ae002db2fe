"""A repository that was never made from the template adopts it: unrelated histories merge."""

import subprocess
import sys
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import copier

from .aftermath import LINTER, UNMERGED
from .project import ANSWERS, Project, UpdateError, git, paths
from .pyproject import FILE as PYPROJECT
from .pyproject import merge, stated
from .releases import SHORT, Template

ACCEPT = "--write-baseline"
NO_PACKAGES = {"docs", "test", "tests"}
READABLE = ("https://", "http://", "git+http", *SHORT)
MISTYPED = "Give the https:// address of the template, or the absolute path of a clone."


def adopt(
    folder: Path, address: str, to: str | None, data: dict[str, Any], *, defaults: bool
) -> None:
    """Merges a new project into a repository, and leaves it to the user to commit that.

    Args:
        folder: the top folder of the repository.
        address: where the template lies.
        to: the tag of a release; None for the newest.
        data: answers to the template's questions.
        defaults: whether questions without an answer get their defaults instead of being asked.

    Raises:
        UpdateError: the template cannot be adopted here; nothing has changed.
    """
    require_adoptable(folder)
    own = stated(folder)
    named = str(own.get("project", {}).get("name", folder.name))
    if Path(address).is_dir():
        address = str(Path(address).resolve())
    with TemporaryDirectory(prefix="copier-jax-") as scratch:
        release = choose(address, to, Path(scratch, "template"))
        new = Project(Path(scratch, "project"))
        options = {"user_defaults": {"project_name": named}, "defaults": defaults}
        copier.run_copy(address, new.folder, data, vcs_ref=release, quiet=True, **options)
        require_questions(new, data)
        require_room(folder, new)
        rendered = (new.folder / PYPROJECT).read_text()
        text, replaced = merge(rendered, own, installable(folder))
        ignored = with_lines((new.folder / ".gitignore").read_text(), folder)
        merge_histories(folder, new.folder, f"Adopt copier-jax {release}")
    settle(folder, PYPROJECT, text)
    settle(folder, ".gitignore", ignored)
    print("".join(f"the template's stands instead of {each}\n" for each in replaced), end="")
    hidden = paths(folder, "ls-files", "--cached", "--ignored", "--exclude-standard")
    print("".join(f"ignored from now on, though git has it: {each}\n" for each in hidden), end="")
    if not address.startswith(READABLE):
        print(f"{address} is recorded as the place of the template: CI and colleagues need another")
    finish(folder)


def require_adoptable(folder: Path) -> None:
    """Refuses a folder in which nothing could be merged, or a project of the template."""
    try:
        top = Project(folder).top
        git(folder, "rev-parse", "--verify", "HEAD")
    except UpdateError:
        raise UpdateError("this needs a git repository with a commit: start one first") from None
    if top.resolve() != folder.resolve():
        raise UpdateError(f"run this at the top of the repository, {top}")
    if (folder / ANSWERS).exists():
        another = "if it is another template's, rename that file first"
        raise UpdateError(f"{ANSWERS} is here: this is a project already; {another}")
    Project(folder).require_clean()


def choose(address: str, to: str | None, scratch: Path) -> str:
    """The release to adopt: the newest one, or that of a tag.

    Raises:
        UpdateError: there is no such release.
    """
    template = Template.clone(address, scratch, MISTYPED)
    newest, tags = template.newest(), template.tags()
    if to is not None and to not in tags:
        raise UpdateError(f"there is no release {to}; there are {', '.join(tags)}")
    return to or newest


def require_questions(new: Project, data: dict[str, Any]) -> None:
    """Refuses answers to questions that the template does not ask."""
    for name in data:
        if name not in new.questions:
            close = get_close_matches(name, new.questions, 1)
            guess = f" (did you mean {close[0]}?)" if close else ""
            raise UpdateError(f"the template asks no such question: {name}{guess}")


def require_room(folder: Path, new: Project) -> None:
    """Refuses a package that is there already, and files that git could not bring back."""
    package = new.questions["package_name"]
    for path in (f"src/{package}", package, f"src/{package}.py", f"{package}.py"):
        if (folder / path).exists():
            raise UpdateError(
                f"{path} is there already: give the new package another name, such as "
                f"--data package_name={package}_training"
            )
    tracked = set(paths(folder, "ls-files"))
    for file in (path for path in new.folder.rglob("*") if path.is_file()):
        path = file.relative_to(new.folder).as_posix()
        if (folder / path).exists() and path not in tracked:
            raise UpdateError(f"git does not have {path}, which would be overwritten: rename it")


def installable(folder: Path) -> list[str]:
    """The folders at the top of a repository, or of its `src`, that are packages."""
    found = [PurePosixPath(path).parent for path in paths(folder, "ls-files", "*/__init__.py")]
    tops = [each for each in found if each.parent.as_posix() in (".", "src")]
    return [each.as_posix() for each in tops if each.name not in NO_PACKAGES]


def merge_histories(folder: Path, new: Path, message: str) -> None:
    """Commits a new project by itself, and merges that commit without committing the merge.

    Raises:
        UpdateError: git refused to merge.
    """
    author = git(folder, "var", "GIT_AUTHOR_IDENT").rpartition(">")[0] + ">"
    name, _, mail = author.removesuffix(">").rpartition(" <")
    git(new, "init", "--quiet")
    git(new, "add", "--all", "--force")
    identity = ("-c", f"user.name={name}", "-c", f"user.email={mail}")
    git(new, *identity, "commit", "--quiet", "--no-verify", "--no-gpg-sign", "-m", message)
    git(folder, "fetch", "--quiet", "--no-tags", str(new), "HEAD")
    command = ["git", "merge", "--no-commit", "--no-ff", "--allow-unrelated-histories"]
    command += ["-m", message, "FETCH_HEAD"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode and not paths(folder, *UNMERGED):
        raise UpdateError(f"git merge: {done.stderr.strip()}")


def with_lines(rendered: str, folder: Path) -> str:
    """The template's `.gitignore` with the lines that only the repository's own has."""
    if ".gitignore" not in paths(folder, "ls-tree", "--name-only", "HEAD"):
        return rendered
    known, own = rendered.splitlines(), git(folder, "show", "HEAD:.gitignore").splitlines()
    return rendered + "".join(f"{line}\n" for line in own if line and line not in known)


def settle(folder: Path, path: str, text: str) -> None:
    """Writes what a file of both is to be, and resolves its conflict by that."""
    (folder / path).write_text(text)
    git(folder, "add", "--force", "--", path)


def finish(folder: Path) -> None:
    """Lets the linter tolerate what it finds today, and says what is left to do."""
    conflicts = paths(folder, *UNMERGED)
    steps = ["uv sync", "uv run pytest", "git commit"]
    if (folder / LINTER).exists() and any(path.endswith(".py") for path in conflicts):
        steps = [f"python {LINTER} {ACCEPT}", *steps]
    elif (folder / LINTER).exists():
        subprocess.run([sys.executable, LINTER, ACCEPT], cwd=folder, check=False)
        git(folder, "add", "--", *paths(folder, "ls-files", "--others", "--exclude-standard"))
    if conflicts:
        print("".join(f"conflict: {path}\n" for path in conflicts), end="")
        resolve = (
            "git checkout --ours FILE, or --theirs for the template's, or edit it; git add FILE"
        )
        steps = [resolve, *steps]
    print("Merged, and not committed; `git merge --abort` takes it all back. Next:\n")
    print("".join(f"  {step}\n" for step in steps))
