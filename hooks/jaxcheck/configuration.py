"""Reads settings: unknown keys and wrong types are errors that say what to do."""

from .settings import Settings


def settings_from(table):
    return Settings(**{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()})
