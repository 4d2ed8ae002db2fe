"""Where the trained model goes wrong, as a picture at the end of a run."""

import jax

from ..errors import UserError
from ..training.hook import Hook, Run
from ..training.prediction import DrawsMistakes
from .shown import first_process_keeps, predict_evaluation


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
        prediction = run.program.experiment.prediction
        if not isinstance(prediction, DrawsMistakes):
            raise UserError(
                "the hook Mistakes needs an experiment whose `prediction` has the method "
                "`draw_mistakes` that training/prediction.py describes"
            )
        _, results = predict_evaluation(run, self.evaluation, self.batches)
        with first_process_keeps(run) as folder:
            prediction.draw_mistakes(folder / "mistakes.png", results)
        if jax.process_index() == 0:
            run.report.message(f"mistakes: {folder / 'mistakes.png'}")
