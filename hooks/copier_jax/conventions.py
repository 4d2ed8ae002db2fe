"""How far a project keeps the conventions, by the linter of the release that it comes from."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LINTERS = ("tools/jaxcheck.pyz", "tools/jaxcheck")
"""The place of the linter, and that of releases up to 0.4.1."""


@dataclass(frozen=True)
class Conventions:
    """The coverage of the conventions that apply to a project."""

    items: list[dict[str, Any]]
    failing: int
    """Findings that fail."""

    @property
    def kept(self) -> int:
        """How many of the conventions are kept everywhere."""
        return sum(item["status"] == "pass" for item in self.items)


def conventions(project: Path, pristine: Path) -> Conventions | None:
    """Checks a project; None if its release has no linter that tells.

    The linter is that of the release, not the project's copy: no code of a project is run.
    """
    linter = next((pristine / name for name in LINTERS if (pristine / name).exists()), None)
    if linter is None:
        return None
    done = subprocess.run(
        [sys.executable, linter, "--report", "--format", "json"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        told = json.loads(done.stdout)
        told_of = ("item", "title", "status", "passed", "total")
        items = [{name: item[name] for name in told_of} for item in told["coverage"]]
        applicable = [item for item in items if item["status"] != "not applicable"]
        return Conventions(applicable, told["summary"]["failing"])
    except (json.JSONDecodeError, KeyError):
        return None
