"""What a run begins with: kept in its folder, as the reference and to be compared with."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import jax
import optax
from jaxtyping import PyTree

from ..parallel.distributed import failing_together
from ..storage.checkpoints import Checkpoints, CheckpointSettings, NoData
from ..storage.run_directory import RunDirectory
from .experiment import Experiment
from .state import StateLayout, TrainState, initial_state
from .weights import fit_weights, read_weights, select, union


class Start(NamedTuple):
    """The arrays of a model before the first step.

    Attributes:
        params: Those that are trained.
        variables: The others, such as the weights that LoRA leaves as they are.
    """

    params: PyTree
    variables: PyTree

    @classmethod
    def of(cls, state: TrainState) -> "Start":
        """Those of a state, or what is known of them."""
        return cls(state.params, state.variables)


@runtime_checkable
class AdaptsWeights(Protocol):
    """Settings of a model that begins with weights of one that differs in what data decide."""

    def adapted(self, weights: PyTree, like: PyTree) -> tuple[PyTree, list[str]]:
        """Make weights fit, and say in words what was done to that end.

        Args:
            weights: Those of another run, nested dictionaries.
            like: Shapes, dtypes and shardings of this model's.
        """
        ...


def begin(
    like: Start, make: Callable[[], Start], start_from: str | None, run: Path | None
) -> Start:
    """What a run begins with; its first call decides, later ones find the same.

    Args:
        like: Shapes, dtypes and shardings of the model's arrays.
        make: Makes them where nothing is kept.
        start_from: Folder of the run whose weights they are, if any.
        run: The folder of this run, where they are kept; None keeps nothing.
    """
    with failing_together():  # all look for it before the first process makes the folder
        kept = read_start(run, like)
    if kept is not None:
        return kept
    begun = make()
    if run is not None:
        with Checkpoints(run / "start", CheckpointSettings()) as checkpoints:
            checkpoints.save(0, begun, NoData())
        if start_from is not None and jax.process_index() == 0:
            beside = RunDirectory(Path(start_from)).pretrained  # such as the tokenizer's files
            if beside.is_dir():
                shutil.copytree(beside, RunDirectory(run).pretrained, dirs_exist_ok=True)
    return begun


def kept_start(run: Path | None) -> Path | None:
    """The folder of what a run began with; None where it keeps nothing."""
    folder = None if run is None else run / "start"
    return folder if folder is not None and (folder / "0").exists() else None


def read_start(run: Path | None, like: Start) -> Start | None:
    """What a run began with; None where nothing is kept.

    Args:
        run: The folder of the run.
        like: Shapes, dtypes and shardings to restore to.
    """
    folder = kept_start(run)
    if folder is None:
        return None
    with Checkpoints(folder, CheckpointSettings(), read_only=True) as checkpoints:
        restored = checkpoints.restore(like)
    return None if restored is None else restored.state


def started(
    experiment: Experiment, optimizer: optax.GradientTransformation, start: Start
) -> TrainState:
    """The state before the first step of a run that begins with these arrays."""
    state = initial_state(experiment, optimizer)  # of which, compiled, only keys are computed
    return state._replace(**start._asdict(), opt_state=optimizer.init(start.params))


def continued_state(
    experiment: Experiment,
    optimizer: optax.GradientTransformation,
    layout: StateLayout,
    run: Path | None,
) -> TrainState:
    """The state before the first step of a run that starts from another.

    Raises:
        UserError: The other run has no weights, or those of another model.
    """
    like, source = Start.of(layout.abstract), str(experiment.start_from)

    def load() -> Start:
        everything = union(*like)
        weights = read_weights(Path(source), "start_from", everything)
        if isinstance(experiment.model, AdaptsWeights):
            weights, notes = experiment.model.adapted(weights, everything)
            for note in notes if jax.process_index() == 0 else ():
                print(f"start_from {source}: {note}", flush=True)
        weights = fit_weights(weights, everything, f"start_from: {source}")
        return Start(*(select(weights, part) for part in like))

    start = begin(like, load, source, run)

    def complete(start: Start) -> TrainState:
        return started(experiment, optimizer, start)

    return jax.jit(complete, out_shardings=layout.shardings, donate_argnums=0)(start)
