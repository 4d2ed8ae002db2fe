"""Whether there is room for a run: on the devices, and on the disk."""

import math
import os
import shutil
from pathlib import Path

import jax

from ...storage.checkpoints import CheckpointSettings
from ...storage.retention import saved_steps
from ...training.batches import training_batches
from ...training.memory import telling_what_is_too_large
from ...training.program import Program
from ...training.state import TrainState
from .finding import Finding

_TIGHT = 0.9  # of the memory: libraries and evaluations take some of it


def check_memory(program: Program) -> Finding:
    """Compile the step, and compare what it takes of each device with what there is.

    Raises:
        UserError: There is no data, or the compiler itself has found that it cannot fit.
    """
    if not hasattr(program.train_step, "lower"):
        return Finding("memory", "not known: the step is compiled when it is first made")
    with jax.set_mesh(program.mesh), telling_what_is_too_large(program.layout.abstract):
        batch = program.put(next(training_batches(program.experiment)))
        step = program.train_step.lower(program.layout.abstract, batch).compile()
    used = step.memory_analysis()
    if used is None:
        return Finding("memory", "not known: the compiler does not tell")
    outputs = used.output_size_in_bytes - used.alias_size_in_bytes
    needed = used.argument_size_in_bytes + outputs + used.temp_size_in_bytes
    there = device_memory()
    said = f"a step takes {needed / 1e9:.3g} GB of each device's {there / 1e9:.3g} GB"
    if needed > _TIGHT * there:
        said += ": make model or batch smaller, or set mesh.fsdp or loop.micro_batches"
        return Finding("memory", said, "wrong" if needed > there else "warning")
    return Finding("memory", said)


def device_memory() -> int:
    """Bytes of memory of a device of this process; those of CPUs share the machine's."""
    (first, *_) = devices = jax.local_devices()
    stats = first.memory_stats() or {}
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return stats.get("bytes_limit") or whole // len(devices)


def check_disk(abstract: TrainState, settings: CheckpointSettings, checkpoints: Path) -> Finding:
    """Compare what checkpoints will take with what is free.

    One more than are kept is there while it is written.

    Args:
        abstract: Shapes and dtypes of the state.
        settings: How many are kept.
        checkpoints: Where they will lie; those that are there count.
    """
    leaves = jax.tree.leaves(abstract)
    size = sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves)
    there = len(saved_steps(checkpoints))
    needed = size * (settings.keep + 1 - min(there, settings.keep))
    path = checkpoints.absolute()
    free = shutil.disk_usage(next(each for each in path.parents if each.is_dir())).free
    said = f"checkpoints will take {needed / 1e9:.3g} GB more of {free / 1e9:.3g} GB"
    if needed > free:
        said += " that are free: make room, or lower checkpoint.keep"
        return Finding("disk", said, "wrong")
    return Finding("disk", f"{said} that are free")
