"""Inputs that a project supplies, where a signature does not say enough.

A module of the project, `tests/jaxcheck_inputs.py` unless `--inputs` names another one, may define

- `INPUTS`: by dotted name. For a class, a function that returns an instance; a module is built
  under `nnx.eval_shape`. For a function or method, a function that returns a dictionary of
  arguments, with `jax.ShapeDtypeStruct` for arrays; what is not in it is made up as elsewhere.
- `SIZES`: the sizes of dimensions, by name.
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..running.configuration import ConfigurationError
from ..running.loading import dotted_name

DEFAULT = "tests/jaxcheck_inputs.py"


@dataclass(frozen=True)
class Registry:
    """What a project says about inputs; see the module."""

    inputs: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    def instance(self, kind: type) -> Callable[[], Any] | None:
        """Returns what makes an instance of a class, if the project says so."""
        return self.inputs.get(f"{kind.__module__}.{kind.__qualname__}")

    def arguments(self, function: str) -> dict[str, Any]:
        """Returns the arguments that the project supplies for a function, by its dotted name.

        Raises:
            ConfigurationError: They are no dictionary, or making them fails.
        """
        make = self.inputs.get(function)
        if make is None:
            return {}
        try:
            made = make()
        except Exception as error:
            raise ConfigurationError(f"INPUTS[{function!r}] fails: {error}") from error
        if not isinstance(made, dict):
            raise ConfigurationError(f"INPUTS[{function!r}] must return a dictionary of arguments")
        return made


def load_registry(root: Path, named: str | None) -> Registry:
    """Imports the project's inputs.

    Args:
        root: The project's folder.
        named: The module that `--inputs` names.

    Raises:
        ConfigurationError: The module cannot be imported, or holds something else.
    """
    file = root / DEFAULT
    if named is None and not file.is_file():
        return Registry()
    try:
        module = importlib.import_module(named) if named else _import_file(file)
    except Exception as error:
        raise ConfigurationError(f"{named or DEFAULT} cannot be imported: {error}") from error
    inputs, sizes = getattr(module, "INPUTS", {}), getattr(module, "SIZES", {})
    if not (isinstance(inputs, dict) and all(map(callable, inputs.values()))):
        raise ConfigurationError(f"{named or DEFAULT}: INPUTS must map dotted names to functions")
    if not (isinstance(sizes, dict) and all(type(size) is int for size in sizes.values())):
        raise ConfigurationError(f"{named or DEFAULT}: SIZES must map dimension names to integers")
    return Registry(inputs, sizes)


def _import_file(file: Path) -> Any:
    name = dotted_name(file)
    outside = file.parents[name.count(".")]
    sys.path.insert(0, str(outside))
    return importlib.import_module(name)
