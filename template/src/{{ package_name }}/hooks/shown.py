"""What hooks that show predictions share: those of an evaluation, and where they are shown."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import jax

from ..training.averaging import with_weights
from ..training.evaluation import split_chunks
from ..training.hook import Run
from ..training.prediction import Result
from ..training.state import TrainState


def predict_evaluation(
    run: Run, name: str, batches: int | None
) -> tuple[TrainState, Iterator[Result]]:
    """Predict the examples of an evaluation, by its weights.

    Args:
        run: The run.
        name: The evaluation.
        batches: At most so many batches, spread over its split; None for all.

    Returns:
        The state with these weights, and the predictions, which are computed as they are taken.
    """
    experiment = run.program.experiment
    evaluation = experiment.evaluations[name]
    data = evaluation.data or experiment.data
    examples = data.eval_batches(evaluation.split, limit=batches, process=0, processes=1)
    state = with_weights(run.state, evaluation.weights)
    return state, run.program.predict(state, split_chunks(examples))


@contextlib.contextmanager
def first_process_keeps(run: Run) -> Iterator[Path]:
    """The folder of the run, or on all processes but the first one a folder that vanishes.

    A prediction may compute with the model, so all processes call it.
    """
    with TemporaryDirectory() as elsewhere:
        yield run.directory.path if jax.process_index() == 0 else Path(elsewhere)
