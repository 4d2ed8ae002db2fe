"""What a run begins with: kept in its folder, as the reference and to be compared with."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
from jaxtyping import PyTree

from ..parallel.distributed import failing_together
from ..storage.checkpoints import Checkpoints, CheckpointSettings, NoData
from ..storage.run_directory import RunDirectory
from .weights import load_weights, select, union

FOLDER = "start"


class Start(NamedTuple):
    """The arrays of a model before the first step.

    Attributes:
        params: Those that are trained.
        variables: The others, such as the weights that LoRA leaves as they are.
    """

    params: PyTree
    variables: PyTree


Draw = Callable[[Callable[[Start], Start]], Start]
"""Makes the part of random arrays that a function takes of them."""


def begin(like: Start, draw: Draw, start_from: str | None, run: Path | None) -> Start:
    """What a run begins with; its first call decides, later ones find the same.

    Args:
        like: Shapes, dtypes and shardings of the model's arrays.
        draw: Makes random ones, those alone that it is asked for.
        start_from: Folder of the run whose weights take their place, if any.
        run: The folder of this run, where they are kept; None keeps nothing.

    Raises:
        UserError: The weights to start from are not there, or do not fit.
    """
    with failing_together():  # before the first process makes the folder, all have looked for it
        kept = read_start(run, like)
    if kept is not None:
        return kept
    if start_from is None:
        begun = draw(lambda start: start)
    elif "base" in like.variables:
        base = load_weights(Path(start_from), "start_from", like.variables["base"])
        begun = draw(_without_base)
        begun = begun._replace(variables={**begun.variables, "base": base})
    else:
        weights = load_weights(Path(start_from), "start_from", union(*like))
        begun = Start(*(select(weights, part) for part in like))
    if run is not None:
        with Checkpoints(run / FOLDER, CheckpointSettings()) as checkpoints:
            checkpoints.save(0, begun, NoData())
        if start_from is not None and jax.process_index() == 0:
            _keep_files(RunDirectory(Path(start_from)).pretrained, RunDirectory(run).pretrained)
    return begun


def _without_base(start: Start) -> Start:
    variables = {name: part for name, part in start.variables.items() if name != "base"}
    return start._replace(variables=variables)


def _keep_files(source: Path, target: Path) -> None:
    """Keep what lies beside published weights, such as their tokenizer."""
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)


def read_start(run: Path | None, like: Start) -> Start | None:
    """What a run began with; None where nothing is kept.

    Args:
        run: The folder of the run.
        like: Shapes, dtypes and shardings to restore to.
    """
    if run is None or not (run / FOLDER).exists():
        return None
    with Checkpoints(run / FOLDER, CheckpointSettings(), read_only=True) as checkpoints:
        restored = checkpoints.restore(like)
    return None if restored is None else restored.state
