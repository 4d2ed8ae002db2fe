"""What the model makes of some held-out examples, at each evaluation."""

from pathlib import Path
from tempfile import TemporaryDirectory

import jax
from pydantic import Field

from ..errors import UserError
from ..training.averaging import with_weights
from ..training.evaluation import split_chunks
from ..training.hook import Hook, Metrics, Run
from ..training.prediction import WritesSamples


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
        program = run.program
        experiment, prediction = program.experiment, program.experiment.prediction
        if not isinstance(prediction, WritesSamples):
            raise UserError(
                "the hook Samples needs an experiment whose `prediction` has the method "
                "`write_samples` that training/prediction.py describes"
            )
        evaluation = experiment.evaluations[name]
        data = evaluation.data or experiment.data
        batches = data.eval_batches(evaluation.split, limit=self.batches, process=0, processes=1)
        state = with_weights(run.state, evaluation.weights)
        results = list(program.predict(state, split_chunks(batches)))
        with TemporaryDirectory() as elsewhere:
            # A prediction may compute with the model, so all processes call it; the first one's
            # files stay.
            folder = run.directory.path if jax.process_index() == 0 else Path(elsewhere)
            (folder / "samples").mkdir(exist_ok=True)
            path = folder / "samples" / f"{name}-{run.step}"
            prediction.write_samples(program.model(state), results, path)
