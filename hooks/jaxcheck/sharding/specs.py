"""Partition specs: the axis names that they spell, and functions that make specs of a parameter."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from ..findings import Confidence
from ..project import Project
from ..source.bindings import parameter_of, reaching
from ..source.declared import function_of
from ..source.module import Module
from ..source.scopes import FunctionNode
from .meshes import SPEC, axes, is_mesh, tables


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis name in the source: the expression that spells it, and where it stands.

    Attributes:
        where: What it stands in, for messages, such as "this PartitionSpec".
    """

    module: Module
    node: ast.expr
    name: str
    where: str


def specs(module: Module) -> list[ast.Call]:
    """Returns every `PartitionSpec(…)` of a module."""
    assert module.project is not None
    key = ("specs", id(module))
    found: list[ast.Call] | None = module.project.facts.get(key)
    if found is None:
        mentioned = "PartitionSpec" in module.source or "P" in module.index.module_scope.imports
        calls = module.nodes(ast.Call) if mentioned or "jax.P(" in module.source else []
        found = [call for call in calls if module.resolve(call.func) == SPEC]
        module.project.facts[key] = found
    return found


def rank(call: ast.Call) -> int | None:
    """Returns how many dimensions a spec speaks of; None where it unpacks something."""
    unpacks = any(isinstance(argument, ast.Starred) for argument in call.args)
    return None if unpacks else len(call.args)


def spelled(module: Module, project: Project) -> Iterator[Axis]:
    """Yields every axis name that a module spells as a mesh's: in specs, tables and sizes."""
    for call in specs(module):
        for argument in call.args:
            inside = argument.value if isinstance(argument, ast.Starred) else argument
            yield from _strings(module, inside, "this PartitionSpec")
    yield from _in_tables(module, project)
    yield from _sizes(module)
    yield from _handed_over(module, project)


def unknown(project: Project, name: str) -> tuple[Confidence | None, str]:
    """Judges an axis name: how surely no mesh has it (None: it is known), and the nearest one."""
    known = [*project.settings.mesh_axes, *sorted(axes(project).of_meshes)]
    if name in known:
        return None, ""
    near = nearest(name, known)
    found = axes(project)
    if found.logical and not near:
        return None, ""
    if found.open:
        return (Confidence.LIKELY if near else Confidence.HEURISTIC), near
    return (Confidence.PROVEN if found.meshes else Confidence.LIKELY), near


def nearest(name: str, known: list[str]) -> str:
    """Returns the known name that a misspelling was meant to be, or nothing."""
    lower = {each.lower(): each for each in reversed(known)}
    match = get_close_matches(name.lower(), lower, n=1, cutoff=0.7)
    return lower[match[0]] if match else ""


def _strings(module: Module, node: ast.expr, where: str) -> Iterator[Axis]:
    if isinstance(node, ast.Tuple | ast.List):
        for element in node.elts:
            yield from _strings(module, element, where)
    elif isinstance(node, ast.IfExp):
        yield from _strings(module, node.body, where)
        yield from _strings(module, node.orelse, where)
    elif isinstance(node, ast.Constant | ast.Name | ast.Attribute):
        value = module.literal(node)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, str):
                yield Axis(module, node, each, where)


def axis_tables(project: Project) -> list[tuple[Module, ast.Dict]]:
    """Returns the dictionaries that specs look their axes up in.

    Evidence is that one reaches a `PartitionSpec`, and that some of its values are axes or their
    misspellings.
    """
    found: dict[ast.Dict, Module] | None = project.facts.get("axis_tables")
    if found is None:
        found = project.facts["axis_tables"] = {}
        known = [*project.settings.mesh_axes, *axes(project).of_meshes]
        for module in project.modules.values():
            if not module.uses_jax or module.is_test:
                continue
            for call in specs(module):
                for argument in call.args:
                    if not isinstance(argument, ast.Constant):
                        for here, table in tables(module, argument):
                            if any(nearest(a.name, known) for a in _values(here, table)):
                                found[table] = here
    return [(module, table) for table, module in found.items()]


def _values(module: Module, table: ast.Dict) -> Iterator[Axis]:
    for key, value in zip(table.keys, table.values, strict=True):
        if key is not None:
            yield from _strings(module, value, "this table of axes")


def _in_tables(module: Module, project: Project) -> Iterator[Axis]:
    for here, table in axis_tables(project):
        if here is module:
            yield from _values(module, table)


def _sizes(module: Module) -> Iterator[Axis]:
    """Axis names in `mesh.shape["data"]`."""
    if "esh" not in module.source:
        return
    for node in module.nodes(ast.Subscript):
        base, index = node.value, node.slice
        if not (isinstance(index, ast.Constant) and isinstance(index.value, str)):
            continue
        if isinstance(base, ast.Attribute) and base.attr == "shape" and is_mesh(module, base.value):
            yield Axis(module, index, index.value, "the sizes of this mesh")


def _makers(project: Project) -> dict[FunctionNode, str]:
    """The functions that turn one parameter into a spec, `P(*spec)`, by the parameter's name."""
    found: dict[FunctionNode, str] | None = project.facts.get("spec_makers")
    if found is None:
        found = project.facts["spec_makers"] = {}
        for module in project.modules.values():
            for call in specs(module) if module.uses_jax else ():
                for argument in call.args:
                    if isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Name):
                        parameter = parameter_of(module, argument.value)
                        around = module.enclosing_function(call)
                        if parameter and around and around.parameter(parameter.name):
                            found[around.node] = parameter.name
    return found


def _handed_over(module: Module, project: Project) -> Iterator[Axis]:
    """Axis names in what such a function is called with."""
    makers = _makers(project)
    names = {getattr(node, "name", "") for node in makers} - {""}
    if not names:
        return
    for call in module.nodes(ast.Call):
        callee = call.func
        last = callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", "")
        if last not in names or (target := function_of(module, callee)) is None:
            continue
        wanted = makers.get(target.function.node)
        parameter = target.function.parameter(wanted) if wanted else None
        if parameter is None:
            continue
        given = [k.value for k in call.keywords if k.arg == wanted]
        if parameter.kind == "args":
            at = [p.kind for p in target.function.parameters].index("args") - target.bound
            given += call.args[at:]
        elif wanted in target.free and target.free.index(wanted) < len(call.args):
            given.append(call.args[target.free.index(wanted)])
        for node in given:
            yield from _strings(module, node, f"the spec for {target.function.name}")


def spec_of(module: Module, node: ast.expr | None) -> ast.Call | None:
    """Returns the `PartitionSpec(…)` behind a sharding expression, through names and shardings."""
    for _ in range(4):
        if isinstance(node, ast.Call):
            name = module.resolve(node.func)
            if name == SPEC:
                return node
            if name != "jax.sharding.NamedSharding":
                return None
            keywords = {k.arg: k.value for k in node.keywords}
            node = node.args[1] if len(node.args) > 1 else keywords.get("spec")
        elif isinstance(node, ast.Name):
            bound = reaching(module, node)
            node = bound[0].value if len(bound) == 1 and not bound[0].path else None
        else:
            return None
    return None
