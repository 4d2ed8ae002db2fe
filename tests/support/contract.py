"""What a release promises to projects: paths, questions and their answers, and protocols."""

import ast
import re
from collections.abc import Mapping
from typing import Any

import yaml

from .releases import ROOT, git

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


def paths(commit: str) -> set[str]:
    """The paths of files that projects may have, whatever their answers."""
    listed = git(ROOT, "ls-tree", "-r", "-z", "--name-only", commit, "template").split("\0")
    overlay = re.compile(r"^template/(\{\{ (?!_)\w+ \}\}/)?")
    return {overlay.sub("", name).removesuffix(".jinja") for name in listed if name}


def settings(commit: str) -> Settings:
    """What `copier.yml` says."""
    return yaml.safe_load(git(ROOT, "show", f"{commit}:copier.yml"))


def protocols(commit: str) -> dict[str, dict[str, str]]:
    """What training asks of a user's modules: the fields and methods of each protocol."""
    folder = ":(glob)template/**/training/*.py"
    found = git(ROOT, "grep", "--name-only", "-z", "(Protocol)", commit, "--", folder).split("\0")
    return {
        node.name: {
            ast.unparse(member.target) if isinstance(member, ast.AnnAssign) else member.name: (
                ast.unparse(member.annotation if isinstance(member, ast.AnnAssign) else member.args)
            )
            for member in node.body
            if isinstance(member, ast.AnnAssign | ast.FunctionDef)
        }
        for name in found
        if name
        for node in ast.parse(git(ROOT, "show", name)).body
        if isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases)
    }


def broken(old: str, new: str) -> list[str]:
    """What projects rely on in one commit of the template and can no longer in another."""
    before, after = protocols(old), protocols(new)
    return [
        *(f"path {path}" for path in sorted(paths(old) - paths(new))),
        *withdrawn(settings(old), settings(new)),
        *(f"protocol {name}" for name in before if after.get(name) != before[name]),
    ]
