"""What `tools/jaxcheck.pyz trace` needs of every task: the inputs of the training functions."""

from collections.abc import Callable
from typing import Any

from . import tiny
from .project import package, training

Given = dict[str, Any]


def training_inputs(
    experiment: Callable[[], training.experiment.Experiment], batch: Callable[[], Given]
) -> dict[str, Callable[[], Given]]:
    """Arguments of the functions of a training step, by their names.

    Args:
        experiment: Makes an experiment of the task that knows its data.
        batch: Makes what the task's objective needs: ``batch``, perhaps among other things.
    """

    def start() -> Given:
        """What a run starts from."""
        made = experiment()
        return {"experiment": made, "optimizer": made.optimizer.build(10)}

    def step() -> Given:
        """What a training step starts from."""
        given = start()
        layout = training.state.state_layout(**given, mesh=tiny.make_mesh())
        arrays = {"batch": batch()["batch"], "state": layout.abstract}
        return {**given, **arrays, "graphdef": layout.graphdef}

    return {
        f"{package.__name__}.training.state.initial_state": start,
        f"{package.__name__}.training.step._gradients": step,
        f"{package.__name__}.training.evaluation.inference_model": step,
    }
