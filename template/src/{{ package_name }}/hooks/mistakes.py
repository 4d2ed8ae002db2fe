"""Where the trained model goes wrong, as a picture at the end of a run."""

from pathlib import Path
from tempfile import TemporaryDirectory

import jax

from ..errors import UserError
from ..training.averaging import with_weights
from ..training.evaluation import split_chunks
from ..training.hook import Hook, Run
from ..training.prediction import DrawsMistakes


class Mistakes(Hook):
    """Draws the worst mistakes and the least certain examples, as ``mistakes.png`` of the run.

    Attributes:
        evaluation: The evaluation whose data and weights are used.
        batches: Batches of examples, spread over the split; None for all.
    """

    evaluation: str = "eval"
    batches: int | None = None

    def at_end(self, run: Run) -> None:
        """Draw, unless the run was interrupted."""
        if not run.finished:
            return
        program = run.program
        experiment, prediction = program.experiment, program.experiment.prediction
        if not isinstance(prediction, DrawsMistakes):
            raise UserError(
                "the hook Mistakes needs an experiment whose `prediction` has the method "
                "`draw_mistakes` that training/prediction.py describes"
            )
        evaluation = experiment.evaluations[self.evaluation]
        data = evaluation.data or experiment.data
        batches = data.eval_batches(evaluation.split, limit=self.batches, process=0, processes=1)
        state = with_weights(run.state, evaluation.weights)
        results = program.predict(state, split_chunks(batches))
        with TemporaryDirectory() as elsewhere:
            # All processes compute; the first one's file stays.
            folder = run.directory.path if jax.process_index() == 0 else Path(elsewhere)
            prediction.draw_mistakes(folder / "mistakes.png", results)
        if jax.process_index() == 0:
            run.report.message(f"mistakes: {folder / 'mistakes.png'}")
