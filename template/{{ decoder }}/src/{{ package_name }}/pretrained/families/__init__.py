"""The families of models that are understood: a file for each, called as `config.json` does.

A file that is added here, with a `Family` called ``FAMILY``, is a family.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

from ...errors import UserError
from ..family import Family


def families() -> dict[str, Family]:
    """All families by their ``model_type``, in the order of their names."""
    names = sorted(found.name for found in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f".{name}", __name__).FAMILY for name in names}


def family_of(config: Mapping[str, Any]) -> Family:
    """The family of a model.

    Args:
        config: The content of its `config.json`.

    Raises:
        UserError: It is of none that is understood.
    """
    known, kind = families(), config.get("model_type")
    if kind not in known:
        raise UserError(f"model_type = {kind!r} is not supported, only {', '.join(known)}")
    family = known[kind]
    if config.get("architectures") not in (None, [family.architecture]):
        raise UserError(
            f"architectures = {config['architectures']!r} is not supported, only "
            f"{family.architecture}"
        )
    return family
