"""The functions of a package whose signatures speak of arrays."""

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from flax import nnx

from ..project import Project
from ..source.module import Module
from ..source.scopes import Function
from .annotations import brief, evaluated, fields_of, is_array, is_host_array, within
from .sizes import UnguessableError


@dataclass(frozen=True, eq=False)
class Candidate:
    """A function or method to trace, or the constructor of a module.

    Attributes:
        module: The file that it stands in.
        function: It, in the source.
        target: It, at run time: with decorators, not bound to an instance.
        owner: The class whose instance is its first argument.
        constructs: The `nnx.Module` that it is the constructor of.
        parameters: Its parameters with evaluated annotations, without the instance.
        returns: What it is annotated to return; `inspect.Parameter.empty` where it does not say.
    """

    module: Module
    function: Function
    target: Callable[..., Any]
    owner: type | None
    constructs: type | None
    parameters: Mapping[str, inspect.Parameter]
    returns: Any

    @property
    def name(self) -> str:
        """Its dotted name."""
        return f"{self.module.name}.{self.function.qualname}"

    @property
    def class_name(self) -> str:
        """The name of the class that it belongs to; its own where it belongs to none."""
        return self.function.qualname.rpartition(".")[0] or self.function.name


@dataclass(frozen=True, eq=False)
class Unreadable:
    """A function whose signature cannot be evaluated."""

    module: Module
    function: Function
    reason: str


def candidates(
    project: Project, imported: Mapping[Module, ModuleType]
) -> Iterator[Candidate | Unreadable]:
    """Yields the functions that say something about arrays of JAX, in the order of the source.

    Nested functions are traced as part of those around them; functions of NumPy arrays belong to
    the host.
    """
    for module in project.modules.values():
        runtime = imported.get(module)
        if runtime is None:
            continue
        for function in module.functions:
            if function.name == "<lambda>" or function.parent is not None:
                continue
            try:
                found = _candidate(module, function, runtime)
            except Exception as error:  # attributes of odd objects may do anything
                found = Unreadable(module, function, brief(error))
            if found is not None:
                yield found


def _candidate(module: Module, function: Function, runtime: Any) -> Candidate | Unreadable | None:
    owner = None
    path = function.qualname.split(".")
    for name in path[:-1]:
        runtime = getattr(runtime, name, None)
        owner = runtime
    if path[:-1] and not isinstance(owner, type):
        return None
    target: Any = vars(runtime).get(path[-1]) if runtime is not None else None
    static = isinstance(target, staticmethod | classmethod)
    if isinstance(target, property):
        target = target.fget
    elif isinstance(target, classmethod | staticmethod):
        target = getattr(owner, path[-1])
    if not callable(target) or isinstance(target, type):
        return None
    if getattr(inspect.unwrap(target), "__name__", "") != function.name:
        return None  # the name was bound anew, and something else hides behind it
    constructs = None
    if owner is not None and function.name == "__init__":
        if not issubclass(owner, nnx.Module):
            return None
        constructs = owner
    if inspect.isgeneratorfunction(target) or inspect.iscoroutinefunction(target):
        return None  # calling it runs nothing
    try:
        parameters = evaluated(target, function.qualname)
        returns = _returns(target)
    except UnguessableError as error:
        about_arrays = "jaxtyping" in module.source and function.returns is not None
        return Unreadable(module, function, str(error)) if about_arrays else None
    if owner is not None and not static:
        parameters.pop(next(iter(parameters), ""), None)
    annotations = [p.annotation for p in parameters.values()]
    if constructs is None and not _is_about_arrays([*annotations, returns]):
        return None
    instance = owner if not static and constructs is None else None
    return Candidate(module, function, target, instance, constructs, parameters, returns)


def _returns(target: Callable[..., Any]) -> Any:
    hints = typing.get_type_hints(inspect.unwrap(target), include_extras=True)
    return hints.get("return", inspect.Parameter.empty)


def _is_about_arrays(annotations: list[Any]) -> bool:
    inside = [each for annotation in annotations for each in within(annotation)]
    for record in list(inside):
        for annotation, _ in (fields_of(record) or {}).values():
            inside += within(annotation)
    return any(map(is_array, inside)) and not any(map(is_host_array, inside))
