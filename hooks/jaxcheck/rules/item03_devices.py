"""Item 3: arrays with an axis of devices have it first, and call it num_gpu."""

import ast
from collections.abc import Iterator

from ..arrays.annotations import ArrayType, array_types
from ..arrays.devices import PMAPS, local_functions
from ..arrays.shapes import written_shapes
from ..arrays.vocabulary import DEVICES
from ..catalogue import rule, subjects
from ..findings import Confidence, Finding, Severity
from ..project import Project
from ..source.module import Module
from ..transforms.tracing import jit_sites

_SHARE = "batch_per_gpu"


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
