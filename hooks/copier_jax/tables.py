"""Tables of a project's own at the end of `pyproject.toml`, where a release adds tables as well."""

import subprocess
import tomllib
from difflib import SequenceMatcher
from pathlib import Path
from tempfile import TemporaryDirectory

from .project import git

FILE = "pyproject.toml"
STAGES = {"base": 1, "yours": 2, "theirs": 3}


def keep_both(folder: Path) -> bool:
    """Resolves a conflict in which both sides only add different tables at the end of the file.

    The tables of the template come first and end with its marker. Any other conflict is left as
    it is.

    Returns:
        Whether there was such a conflict.
    """
    listed = git(folder, "ls-files", "--unmerged", "--", FILE)
    if {int(line.split()[2]) for line in listed.splitlines()} != set(STAGES.values()):
        return False
    sides = {side: git(folder, "show", f":{stage}:./{FILE}") for side, stage in STAGES.items()}
    above, own = split(sides["base"], sides["yours"])
    merged = own and merge(sides | {"yours": above})
    if not merged or not is_toml(merged + own):
        return False
    (folder / FILE).write_text(merged + own)
    git(folder, "reset", "--quiet", "--", FILE)  # it is a change like any other now
    return True


def split(base: str, yours: str) -> tuple[str, str]:
    """Splits a text before the tables that it adds at the end of `base`; there may be none."""
    before, after = base.splitlines(keepends=True), yours.splitlines(keepends=True)
    *_, (kind, begin, _, at, _) = SequenceMatcher(None, before, after, False).get_opcodes()
    own = "".join(after[at:])
    words = [line for line in own.splitlines() if line.strip() and not line.startswith("#")]
    if kind == "insert" and begin == len(before) and words and words[0].startswith("["):
        return "".join(after[:at]), own
    return yours, ""


def merge(sides: dict[str, str]) -> str:
    """Merges three texts; an empty string if they are in conflict."""
    with TemporaryDirectory(prefix="copier-jax-") as folder:
        for side, text in sides.items():
            Path(folder, side).write_text(text)
        command = ["git", "merge-file", "-p", "yours", "base", "theirs"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return "" if done.returncode else done.stdout


def is_toml(text: str) -> bool:
    """Whether a text can be read, which a table that stands there twice prevents."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True
