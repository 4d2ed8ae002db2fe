"""What the template says of its files at a release: which an update does not merge."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jinja2.sandbox import SandboxedEnvironment
from pathspec import PathSpec

from .project import ANSWERS


@dataclass(frozen=True)
class Classes:
    """Patterns of what an update does not merge, or not as a whole."""

    seeded: PathSpec
    kept: PathSpec
    """What an update neither brings nor takes away."""
    seamed: PathSpec
    answers: str
    """The path of the answers file."""

    @classmethod
    def of(cls, template: Path) -> "Classes":
        """Reads from a template what `copier.yml` tells Copier, and the seams of `ownership.yml`.

        In a template without `ownership.yml` every file may have seams.
        """
        settings = _load(template / "copier.yml") or _load(template / "copier.yaml")
        owners = _load(template / "ownership.yml") or {"seamed": ["*"]}
        return cls(
            _spec(settings.get("_skip_if_exists")),
            _spec(settings.get("_exclude")),
            _spec(owners.get("seamed")),
            settings.get("_answers_file", ANSWERS),
        )


def _load(path: Path) -> dict[str, Any]:
    """What a file says; nothing if there is none, or if it is written in more than plain YAML."""
    try:
        loaded = yaml.safe_load(path.read_text())
    except (FileNotFoundError, yaml.YAMLError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _spec(patterns: list[str] | None) -> PathSpec:
    """What patterns match in an update, as Copier matches them."""
    render = SandboxedEnvironment().from_string
    lines = (render(each).render(_copier_operation="update") for each in patterns or [])
    return PathSpec.from_lines("gitignore", "\n".join(lines).splitlines())
