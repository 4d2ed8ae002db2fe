"""What the model makes of some held-out examples, at each evaluation."""

from pydantic import Field

from ..errors import UserError
from ..training.hook import Hook, Metrics, Run
from ..training.prediction import WritesSamples
from .shown import first_process_keeps, predict_evaluation


class Samples(Hook):
    """Writes what the model makes of the same held-out examples, in the run's folder ``samples``.

    What that is, the experiment's `prediction` says: texts, pictures of forecasts, images.

    Attributes:
        evaluation: After which evaluation; the examples are the first ones of its split.
        batches: Batches of examples.
    """

    evaluation: str = "eval"
    batches: int = Field(default=1, ge=1)

    def after_evaluation(self, run: Run, name: str, metrics: Metrics) -> None:
        """Predict the examples and write them."""
        if name != self.evaluation:
            return
        program, prediction = run.program, run.program.experiment.prediction
        if not isinstance(prediction, WritesSamples):
            raise UserError(
                "the hook Samples needs an experiment whose `prediction` has the method "
                "`write_samples` that training/prediction.py describes"
            )
        state, results = predict_evaluation(run, name, self.batches)
        results = list(results)
        with first_process_keeps(run) as folder:
            (folder / "samples").mkdir(exist_ok=True)
            path = folder / "samples" / f"{name}-{run.step}"
            prediction.write_samples(program.model(state), results, path)
