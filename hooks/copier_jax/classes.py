"""What the template says of its files at a release: which an update does not merge."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from copier._template import load_template_config
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
        settings = settings_of(template)
        owned = template / "ownership.yml"
        owners = yaml.safe_load(owned.read_text()) if owned.exists() else {"seamed": ["*"]}
        return cls(
            _spec(settings.get("_skip_if_exists")),
            _spec(settings.get("_exclude")),
            _spec(owners.get("seamed")),
            settings.get("_answers_file", ANSWERS),
        )


def settings_of(template: Path) -> dict[str, Any]:
    """The settings and questions of a template, whatever they include, as Copier reads them."""
    name = next(name for name in ("copier.yml", "copier.yaml") if (template / name).exists())
    return dict(load_template_config(template / name))


def _spec(patterns: list[str] | None) -> PathSpec:
    """What patterns match in an update, as Copier matches them."""
    render = SandboxedEnvironment().from_string
    lines = (render(each).render(_copier_operation="update") for each in patterns or [])
    return PathSpec.from_lines("gitignore", "\n".join(lines).splitlines())
