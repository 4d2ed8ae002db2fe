"""Item 3: arrays with an axis of devices have it first, and call it num_gpu."""

import ast
from collections.abc import Iterator

from ..arrays.annotations import ArrayType, array_type, array_types
from ..arrays.devices import PMAPS, lacks_devices, local_functions, pmapped_calls, reshapes, stacks
from ..arrays.shapes import written_shapes
from ..arrays.vocabulary import BATCH, DEVICES
from ..catalogue import rule, subjects
from ..findings import Confidence, Finding, Severity
from ..project import Project
from ..source.bindings import parameter_of
from ..source.module import Module
from ..transforms.tracing import jit_sites

_SHARE = "batch_per_gpu"
# What gives an array an axis of devices cannot be written without one of these.
_WORDS = ("device", "gpu", "replicate", "shard")


@subjects(3, "arrays of several devices led by num_gpu")
def device_arrays(module: Module, project: Project) -> Iterator[ast.AST]:
    """Shape strings with an axis of devices or one device's share of the batch."""
    if module.is_test:
        return
    local = local_functions(project)
    for written in written_shapes(module, project):
        shared = {*DEVICES, _SHARE} & set(written.shape.names)
        if shared and (written.function is None or written.function.node not in local):
            yield written.node


@rule(
    "JX301",
    "share-without-devices",
    "An array is annotated as one device's share of the batch where whole arrays are seen.",
    confidences=(Confidence.LIKELY,),
)
def share_without_devices(module: Module, project: Project) -> Iterator[Finding]:
    """`batch_per_gpu` without `num_gpu`, outside of what shard_map and pmap run."""
    for found in _annotated(module, project):
        shape = found.shape
        at = shape.index(_SHARE) if shape is not None else None
        if shape is None or at is None or shape.index(*DEVICES) is not None:
            continue
        if any(each.variadic or not each.name for each in shape.dimensions[:at]):
            continue
        yield module.finding(
            "JX301",
            found.node,
            f'"{found.spec}" is one device\'s share, and outside shard_map and pmap an array holds '
            "all shares: the size of its first axis is wrong by a factor of the number of devices. "
            f'Write "num_gpu {found.spec}", or "batch" where the batch is not split by hand.',
        )


def _annotated(module: Module, project: Project) -> Iterator[ArrayType]:
    """The array types of signatures and fields where whole arrays are seen."""
    local = local_functions(project)
    annotations: list[ast.expr | None] = []
    for function in module.functions:
        if function.node not in local:
            annotations += [*(p.annotation for p in function.parameters), function.returns]
    annotations += [s.annotation for found in module.classes for s in found.fields.values()]
    for annotation in annotations:
        yield from array_types(module, annotation)


@rule(
    "JX302",
    "devices-not-first",
    "The axis of devices is not the first one.",
    confidences=(Confidence.PROVEN,),
    in_tests=Confidence.PROVEN,
)
def devices_not_first(module: Module, project: Project) -> Iterator[Finding]:
    """`"batch_per_gpu num_gpu d_model"`."""
    for written in written_shapes(module, project):
        at = written.shape.index(*DEVICES)
        if not at or any(each.variadic for each in written.shape.dimensions[:at]):
            continue
        name = written.shape.names[at]
        yield module.finding(
            "JX302",
            written.node,
            f'"{written.spec}" has {name!r} as axis {at}. Splitting over devices cuts axis 0: each '
            "device would get a slice of another dimension, and silently so where the sizes "
            f"divide. Put {name!r} first.",
        )


@rule(
    "JX303",
    "stack-without-devices",
    "An array that has an axis of devices is annotated without it.",
    confidences=(Confidence.LIKELY,),
)
def stack_without_devices(module: Module, project: Project) -> Iterator[Finding]:
    """What goes into a pmapped function, and what `replicate` and its like return."""
    for call, made in pmapped_calls(module):
        yield from _pmapped(module, call, made)
    for value, found, node in _claims(module):
        how = stacks(module, value)
        if how and lacks_devices(found):
            yield module.finding(
                "JX303",
                node,
                f'{how} puts an axis of devices in front, and "{found.spec}" has none: the '
                f'annotation is one axis short. Write "num_gpu {found.spec}".',
                related=(module.place(value, "made here"),),
            )


def _pmapped(module: Module, call: ast.Call, made: ast.Call) -> Iterator[Finding]:
    axes = next((k.value for k in made.keywords if k.arg == "in_axes"), None)
    for at, argument in enumerate(call.args):
        if isinstance(argument, ast.Starred):
            return
        axis = module.literal(axes) if axes is not None else 0
        if isinstance(axis, tuple):
            axis = axis[at] if at < len(axis) else None
        parameter = parameter_of(module, argument) if isinstance(argument, ast.Name) else None
        found = array_type(module, parameter.annotation) if parameter is not None else None
        if axis == 0 and found is not None and lacks_devices(found):
            yield module.finding(
                "JX303",
                found.node,
                f"{module.text(argument)} goes into a pmapped function, which cuts axis 0 into one "
                f'slice per device, and "{found.spec}" has no such axis first. Write '
                '"num_gpu batch_per_gpu ..." (keys: Key[Array, "num_gpu"]).',
                related=(module.place(call, "mapped over devices here"),),
            )


def _claims(module: Module) -> Iterator[tuple[ast.expr, ArrayType, ast.AST]]:
    """The values that are returned or assigned under an annotation, with the type it claims."""
    if not any(word in module.source for word in _WORDS):
        return
    for statement in module.nodes(ast.AnnAssign):
        found = array_type(module, statement.annotation)
        if statement.value is not None and found is not None:
            yield statement.value, found, found.node
    for statement in module.nodes(ast.Return):
        around = module.enclosing_function(statement)
        annotation = around.returns if around is not None else None
        if statement.value is None or annotation is None:
            continue
        values, annotations = [statement.value], [annotation]
        pair = isinstance(statement.value, ast.Tuple) and isinstance(annotation, ast.Subscript)
        if pair and isinstance(statement.value, ast.Tuple):
            inside = annotation.slice if isinstance(annotation, ast.Subscript) else None
            values = statement.value.elts
            annotations = inside.elts if isinstance(inside, ast.Tuple) else []
        for value, each in zip(values, annotations, strict=False):
            found = array_type(module, each)
            if found is not None:
                yield value, found, found.node


@rule(
    "JX304",
    "reshaped-without-devices",
    "An array reshaped to an axis of devices is annotated without it.",
    confidences=(Confidence.LIKELY,),
)
def reshaped_without_devices(module: Module, project: Project) -> Iterator[Finding]:
    """`x.reshape(jax.device_count(), …)` returned as, or assigned to, `"batch …"`."""
    for value, found, node in _claims(module):
        if not lacks_devices(found):
            continue
        reshaped = reshapes(module, value)
        if reshaped is not None:
            first = found.shape.names[0] if found.shape and found.shape.dimensions else "no axis"
            wanted = f"num_gpu {_SHARE}" if first in BATCH else "num_gpu"
            yield module.finding(
                "JX304",
                node,
                f"The reshape makes axis 0 the devices, and the annotation begins with {first!r}: "
                f'every later axis is off by one. Begin it with "{wanted}".',
                related=(module.place(reshaped, "reshaped here"),),
            )


@rule(
    "JX305",
    "pmap",
    "jax.pmap maps over devices where jit with shardings would do.",
    confidences=(Confidence.PROVEN,),
    severity=Severity.NOTE,
)
def pmap(module: Module, project: Project) -> Iterator[Finding]:
    """A note: the conventions name pmap, and arrays sharded over a mesh need no axis of devices."""
    seen: set[ast.AST] = set()
    for site in jit_sites(module):
        if site.name in PMAPS and site.node not in seen:
            seen.add(site.node)
            yield module.finding(
                "JX305",
                site.node,
                "pmap needs every array stacked by device and copied into that layout. Under jit "
                "with NamedSharding over a (model, data) mesh, arrays keep their global shape and "
                "XLA splits them.",
            )
