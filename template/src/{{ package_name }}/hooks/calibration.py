"""What predictions are corrected by: measured on the validation split, saved with checkpoints."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ..errors import UserError
from ..training.averaging import with_weights
from ..training.evaluation import split_chunks
from ..training.experiment import Experiment
from ..training.hook import Hook, Run
from ..training.prediction import Calibrates
from ..training.program import Program
from ..training.state import TrainState
from .ema import EMA


class Calibration(Hook):
    """Calibrates the experiment's `prediction` on the validation split, for each checkpoint.

    What it finds is saved with the checkpoint, and every command that uses the model uses it;
    training does not. The evaluations during training show the model as it is without.

    Attributes:
        batches: At most so many batches, spread over the split.
    """

    batches: int = Field(default=64, ge=1)

    def before_checkpoint(self, run: Run) -> None:
        """Predict the split and remember what that tells, for each kind of weights."""
        program = run.program
        averaged = any(isinstance(hook, EMA) for hook in program.experiment.hooks)
        _of(program)  # complains
        run.memory.clear()
        for weights in ("trained", "ema") if averaged else ("trained",):
            state = with_weights(run.state, weights)
            try:
                run.memory[weights] = self.measure(program, state)
            except UserError as error:  # which later steps may mend
                run.report.message(f"no calibration after step {run.step}: {error}")

    def at_end(self, run: Run) -> None:
        """Tell what could not be calibrated."""
        known = run.memory.get("trained")
        if known and (note := note_of(calibrated(run.program, known))):
            run.report.message(note)

    def measure(self, program: Program, state: TrainState) -> dict[str, Any]:
        """What the validation split tells of the predictions with the weights of a state.

        Raises:
            UserError: The experiment's prediction cannot be calibrated, or a prediction is NaN or
                infinite.
        """
        data = program.experiment.data
        batches = data.eval_batches("validation", limit=self.batches, process=0, processes=1)
        return _of(program).calibration(program.predict(state, split_chunks(batches)))


def find_calibration(
    experiment: Experiment, memories: Mapping[str, Any], weights: str
) -> dict[str, Any]:
    """What a checkpoint holds to calibrate an experiment's prediction by; nothing in many.

    Args:
        experiment: The experiment.
        memories: What the hooks of the run remember, by their settings.
        weights: Which weights are used, ``trained`` or ``ema``.
    """
    hooks = (hook for hook in experiment.hooks if isinstance(hook, Calibration))
    found = (memories.get(repr(hook), {}).get(weights, {}) for hook in hooks)
    return next(filter(None, found), {})


def calibrated(program: Program, calibration: Mapping[str, Any]) -> Program:
    """A program whose prediction is calibrated, where there is anything to do so by."""
    experiment, prediction = program.experiment, program.experiment.prediction
    if not calibration or not isinstance(prediction, Calibrates):
        return program
    found = experiment.model_copy(update={"prediction": prediction.calibrated(calibration)})
    return dataclasses.replace(program, experiment=found)


def note_of(program: Program) -> str | None:
    """What people should know of how the prediction is calibrated, in a line."""
    prediction = program.experiment.prediction
    return prediction.note if isinstance(prediction, Calibrates) else None


def _of(program: Program) -> Calibrates:
    """The prediction of a program, which can be calibrated.

    Raises:
        UserError: It cannot.
    """
    prediction = program.prediction
    if not isinstance(prediction, Calibrates):
        raise UserError(
            "the hook Calibration needs an experiment whose `prediction` has the methods "
            "`calibration` and `calibrated` that training/prediction.py describes"
        )
    return prediction
