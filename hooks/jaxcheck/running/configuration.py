"""Reads settings: unknown keys and wrong types are errors that say what to do."""

import os.path
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any

from ..catalogue import PROFILES, RETIRED, matching, names, rules
from ..findings import Severity
from ..settings import Settings
from .loading import absolute
from .spelling import suggestion

_LIST, _LISTS, _SEVERITIES = tuple[str, ...], dict[str, tuple[str, ...]], dict[str, Severity]
_TYPES: dict[Any, tuple[str, dict[str, Any]]] = {
    str: ("a string", {"type": "string"}),
    bool: ("true or false", {"type": "boolean"}),
    _LIST: ("a list of strings", {"type": "array", "items": {"type": "string"}}),
    _LISTS: (
        'a table of lists, such as { "tests/**" = ["JX5"] }',
        {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
    ),
    _SEVERITIES: (
        'a table such as { JX709 = "warning" }; severities are error, warning and note',
        {"type": "object", "additionalProperties": {"enum": [str(each) for each in Severity]}},
    ),
}


class ConfigurationError(Exception):
    """The settings, the command line or a file of the linter's cannot be used."""


@dataclass(frozen=True)
class Configuration:
    """Where a project is, and what it says.

    Attributes:
        root: The folder that paths in findings, patterns and the baseline start from.
        settings: Its settings.
    """

    root: Path
    settings: Settings


def configuration(paths: Iterable[Path], file: Path | None = None) -> Configuration:
    """Finds the project that paths belong to, and reads its settings.

    The settings stand in the nearest `pyproject.toml`, from the folder that the paths share
    upwards, that has a table `[tool.jaxcheck]`; its folder is the root. Without one, the root is
    the folder of the nearest `pyproject.toml`, or else the current folder.

    Args:
        paths: The paths to check; none for the current folder.
        file: The file to read the settings from instead. It does not change the root.

    Raises:
        ConfigurationError: A file cannot be read or says something that is no setting.
    """
    folder = _shared_folder(paths)
    root, settings = None, None
    for up in (folder, *folder.parents):
        stated = up / "pyproject.toml"
        if stated.is_file():
            root = root or up
            table = _table(stated)
            if table is not None:
                root, settings = up, table
                break
    if file is not None:
        settings = _table(file)
        if settings is None:
            raise ConfigurationError(f"{file} has no table [tool.jaxcheck]")
    return Configuration(root or Path.cwd(), settings_from(settings or {}))


def settings_from(table: Mapping[str, Any]) -> Settings:
    """Returns the settings that a table `[tool.jaxcheck]` states.

    Raises:
        ConfigurationError: It has an unknown key, a value of the wrong type or an unknown rule.
    """
    known = {key_of(each): each for each in fields(Settings)}
    stated = {}
    for key, value in table.items():
        if key not in known:
            guess = suggestion(key.replace("_", "-"), known)
            raise ConfigurationError(f"[tool.jaxcheck] has no setting `{key}`{guess}")
        stated[known[key].name] = _value(key, value, known[key].type)
    settings = Settings(**stated)
    if not settings.select:
        raise ConfigurationError(
            f"`select` in [tool.jaxcheck] is empty; name {' or '.join(PROFILES)}, or rules"
        )
    check_selectors(settings.select, "select")
    check_selectors(settings.ignore, "ignore")
    check_selectors(settings.severity, "severity")
    for selectors in settings.per_file_ignores.values():
        check_selectors(selectors, "per-file-ignores")
    return settings


def check_selectors(selectors: Iterable[str], where: str) -> None:
    """Checks that each selector covers some rule, or did in a former release.

    Raises:
        ConfigurationError: One covers none.
    """
    for selector in selectors:
        if selector not in RETIRED and not any(True for _ in matching(selector)):
            items = sorted({f"JX{rule.item}" for rule in rules().values()})
            guess = suggestion(selector, [*rules(), *names(), *items, *PROFILES, "ALL"])
            raise ConfigurationError(
                f"{where}: there is no rule or profile `{selector}`{guess}; --list-rules lists them"
            )


def schema() -> dict[str, Any]:
    """Returns the JSON schema of the table `[tool.jaxcheck]`."""
    about = dict(re.findall(r"^ {8}(\w+): ((?:.|\n {12})+)", Settings.__doc__ or "", re.MULTILINE))
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "[tool.jaxcheck]",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            key_of(each): {
                "description": " ".join(about.get(each.name, "").split()),
                **_TYPES[each.type][1],
            }
            for each in fields(Settings)
        },
    }


def key_of(setting: Field[Any]) -> str:
    """Returns how a setting is spelt in `pyproject.toml`."""
    return setting.name.replace("_", "-")


def _value(key: str, value: Any, kind: Any) -> Any:
    """Returns a value as the type that the settings hold."""

    def strings(given: Any) -> bool:
        return isinstance(given, list) and all(isinstance(each, str) for each in given)

    if kind in (str, bool) and isinstance(value, kind):
        return value
    if kind == _LIST and strings(value):
        return tuple(value)
    if kind == _LISTS and isinstance(value, dict) and all(map(strings, value.values())):
        return {pattern: tuple(listed) for pattern, listed in value.items()}
    known = list(Severity)
    if kind == _SEVERITIES and isinstance(value, dict) and all(v in known for v in value.values()):
        return {selector: Severity(each) for selector, each in value.items()}
    raise ConfigurationError(f"`{key}` in [tool.jaxcheck] must be {_TYPES[kind][0]}")


def _table(file: Path) -> dict[str, Any] | None:
    """Returns the table `[tool.jaxcheck]` of a file, if it has one."""
    try:
        stated = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from None
    tools = stated.get("tool", {})
    table = tools.get("jaxcheck") if isinstance(tools, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigurationError(f"`tool.jaxcheck` in {file} must be a table")
    return table


def _shared_folder(paths: Iterable[Path]) -> Path:
    shared = Path(os.path.commonpath([absolute(path) for path in paths] or [Path.cwd()]))
    return shared if shared.is_dir() else shared.parent
