"""What a release promises to projects: their questions and the answers that these take."""

from collections.abc import Mapping
from typing import Any

Settings = Mapping[str, Any]


def questions(settings: Settings) -> dict[str, Any]:
    """The questions whose answers a project records."""
    return {
        name: details
        for name, details in settings.items()
        if not name.startswith("_") and details.get("when") is not False
    }


def choices(details: Mapping[str, Any]) -> list[str]:
    """The values that a question takes; none if it takes any text."""
    declared = details.get("choices", [])
    return list(declared.values() if isinstance(declared, dict) else declared)


def withdrawn(old: Settings, new: Settings) -> list[str]:
    """What a project of an older release may have answered and a newer one does not take.

    Copier says nothing of either: the answer to a question that is gone is dropped, and a choice
    that is gone becomes the default.
    """
    before, after = questions(old), questions(new)
    return [
        *(f"question {name}" for name in before if name not in after),
        *(
            f"choice {choice} of {name}"
            for name, details in before.items()
            if name in after and choices(after[name])
            for choice in choices(details)
            if choice not in choices(after[name])
        ),
    ]


def required(old: Settings, new: Settings) -> list[str]:
    """New questions without a default, which an unattended update cannot answer."""
    added = questions(new).keys() - questions(old).keys()
    return sorted(name for name in added if "default" not in new[name])
