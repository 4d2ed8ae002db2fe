"""Which classes of a project are settings: no pytrees, so no arguments that jit could trace."""

import ast

from ..project import Project
from ..source.module import Module
from ..source.scopes import Class

# Bases whose instances JAX sees as leaves, and refuses because they are no arrays.
_PLAIN_BASES = frozenset({"enum.Enum", "enum.StrEnum", "enum.Flag", "pydantic.BaseModel"})
_REGISTER = ("jax.tree_util.register_", "jax.tree.register_")


def is_setting(project: Project, module: Module, cls: Class) -> bool:
    """Whether a class is a plain dataclass, an enumeration or a model of pydantic."""
    if is_registered(project, module, cls):
        return False
    bases = set(project.bases(module, cls))
    if bases & _PLAIN_BASES:
        return True
    if bases:
        return False  # whatever it derives from may make it a pytree
    if len(cls.node.decorator_list) != 1:
        return False
    decorator = cls.node.decorator_list[0]
    name = module.resolve(decorator.func if isinstance(decorator, ast.Call) else decorator)
    return name == "dataclasses.dataclass"


def is_registered(project: Project, module: Module, cls: Class) -> bool:
    """Whether a call registers a class as a pytree."""
    name = f"{module.name}.{cls.qualname}" if module.name else cls.qualname
    return name in _registered(project)


def _registered(project: Project) -> set[str]:
    """Returns the classes that are registered as pytrees by a call."""
    found: set[str] | None = project.facts.get("registered_pytrees")
    if found is None:
        found = set()
        for module in list(project.modules.values()):
            if module.uses_jax and "register_" in module.source:
                for call in module.nodes(ast.Call):
                    name = module.resolve(call.func)
                    if name and name.startswith(_REGISTER) and call.args:
                        found.add(module.resolve(call.args[0]) or "")
        project.facts["registered_pytrees"] = found
    return found
