"""Evaluation on held-out data."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np
from flax import nnx
from jax.sharding import NamedSharding

from ..numerics.precision import Precision, cast_floating
from ..parallel.rules import put_batch
from .experiment import Batch, Experiment
from .metrics import Means, add
from .prediction import Chunk, Prediction, Result
from .state import TrainState

EvalStep = Callable[[TrainState, Batch], Means]


@runtime_checkable
class Merges(Protocol):
    """A model that is trained in parts, and used as one."""

    def merged(self) -> nnx.Module:
        """The model as it is used."""
        ...


def make_eval_step(graphdef: nnx.GraphDef, experiment: Experiment) -> EvalStep:
    """The objective's means on one batch, without randomness and without changing anything."""

    def eval_step(state: TrainState, batch: Batch) -> Means:
        model = inference_model(graphdef, state, experiment.precision)
        return experiment.objective(model, batch, None)

    return eval_step


def inference_model(graphdef: nnx.GraphDef, state: TrainState, precision: Precision) -> Any:
    """The model of a state, as it is used after training: without randomness, nothing updated."""
    model, weights = nnx.merge(graphdef, state.params, state.variables), nnx.Param
    if isinstance(model, Merges):  # before anything is rounded
        model, weights = model.merged(), nnx.Variable
    nnx.update(model, cast_floating(nnx.state(model, weights), precision.param_dtype))
    return nnx.view(
        model,
        deterministic=True,
        use_running_average=True,
        raise_if_not_found=False,
    )


def evaluate(
    eval_step: EvalStep,
    state: TrainState,
    batches: Iterable[dict[str, Any]],
    sharding: NamedSharding,
) -> dict[str, float]:
    """Mean of every metric over all batches, each weighted by what it holds.

    Args:
        eval_step: The compiled step.
        state: The state to evaluate.
        batches: This process's share of every batch.
        sharding: Where a batch goes.
    """
    total: Means | None = None
    for batch in batches:
        means = eval_step(state, put_batch(batch, sharding))
        total = means if total is None else add(total, means)
    return {name: float(mean) for name, mean in (total or {}).items()}


def predict(
    prediction: Prediction,
    model: nnx.Module,
    data: Any,
    chunks: Iterable[Chunk],
    sharding: NamedSharding,
) -> Iterator[Result]:
    """What a model tells about examples, chunk by chunk.

    Args:
        prediction: What to ask it.
        model: The model, in evaluation.
        data: The data settings that the chunks were made with.
        chunks: The examples.
        sharding: Where a batch goes.
    """
    graphdef, state = nnx.split(model)
    names = prediction.input_specs(data)
    ask = jax.jit(lambda state, inputs: prediction(nnx.merge(graphdef, state), inputs))
    for batch, rows in chunks:
        outputs = ask(state, put_batch({name: batch[name] for name in names}, sharding))
        yield Result(rows, _first(len(rows), batch), _first(len(rows), outputs))


def split_chunks(batches: Iterable[dict[str, Any]]) -> Iterator[Chunk]:
    """The batches of a prepared split as chunks; nothing names their examples."""
    for batch in batches:
        weights = np.asarray(batch["weights"])
        real = weights.reshape(len(weights), -1).any(axis=1)
        order = np.argsort(~real, kind="stable")  # padding last
        yield Chunk({name: array[order] for name, array in batch.items()}, [{}] * int(real.sum()))


def _first(count: int, arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(array)[:count] for name, array in arrays.items()}
