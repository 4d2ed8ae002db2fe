"""What a run begins with: kept in its folder, as the reference and to be compared with."""

from pathlib import Path
from typing import NamedTuple

from jaxtyping import PyTree
from orbax.checkpoint import v1 as ocp

from .weights import fit_weights, read_model, read_weights, select, union

FOLDER = "start"


class Start(NamedTuple):
    """The arrays of a model before the first step.

    Attributes:
        params: Those that are trained.
        variables: The others, such as the weights that LoRA leaves as they are.
    """

    params: PyTree
    variables: PyTree


def begin(fresh: Start, start_from: str | None, run: Path | None) -> Start:
    """What a run begins with; its first call decides, later ones find the same.

    Args:
        fresh: Random weights of the model.
        start_from: Folder of the run whose weights take their place, if any.
        run: The folder of this run, where they are kept; None keeps nothing.

    Raises:
        UserError: The weights to start from are not there, or do not fit.
    """
    kept = read_start(run, fresh)
    if kept is not None:
        return kept
    if start_from is not None:
        weights, source = read_weights(Path(start_from), "start_from"), f"start_from: {start_from}"
        if "base" in fresh.variables:
            base = fit_weights(weights, fresh.variables["base"], source)
            fresh = fresh._replace(variables={**fresh.variables, "base": base})
        else:
            fitted = fit_weights(weights, union(*fresh), source)
            fresh = Start(*(select(fitted, part) for part in fresh))
    if run is not None:
        ocp.save_checkpointables(str(_folder(run).absolute()), {"state": fresh})
    return fresh


def read_start(run: Path | None, like: Start) -> Start | None:
    """What a run began with; None where nothing is kept.

    Args:
        run: The folder of the run.
        like: Shapes, dtypes and shardings to restore to.
    """
    if run is None or not _folder(run).exists():
        return None
    read = read_model(run / FOLDER, FOLDER)
    return Start(*(fit_weights(read[name], part, FOLDER) for name, part in like._asdict().items()))


def _folder(run: Path) -> Path:
    return run / FOLDER / "0"
