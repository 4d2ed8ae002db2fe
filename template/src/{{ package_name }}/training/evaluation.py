"""Evaluation on held-out data."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import NamedSharding
from jaxtyping import Array, Bool, Shaped

from ..errors import UserError
from ..numerics.checks import check_finite
from ..numerics.precision import Precision, cast_floating
from ..numerics.result import Err
from .experiment import Batch, Experiment
from .metrics import Means, Metric
from .prediction import Chunk, Prediction, Result
from .state import TrainState, evaluation_params

AnyArray = Array | np.ndarray
Examples = tuple[Bool[AnyArray, " batch"], tuple[Mapping[str, Shaped[AnyArray, "..."]], ...]]
"""Which examples of a batch are real, and what each metric has picked of all of them."""

EvalStep = Callable[[TrainState, Batch], tuple[Means, Examples]]


@runtime_checkable
class Merges(Protocol):
    """A model that is trained in parts, and used as one."""

    def merged(self) -> nnx.Module:
        """The model as it is used."""
        ...


def make_eval_step(
    graphdef: nnx.GraphDef, experiment: Experiment, metrics: Sequence[Metric] = ()
) -> EvalStep:
    """The numbers of one batch, without randomness and without changing anything.

    Args:
        graphdef: Structure of the model.
        experiment: Its objective gives means, its prediction what `metrics` are computed from.
        metrics: Metrics that are no means.
    """

    def eval_step(state: TrainState, batch: Batch) -> tuple[Means, Examples]:
        model = inference_model(graphdef, state, experiment.precision)
        means = experiment.objective(model, batch, None)
        if not metrics or experiment.prediction is None:
            return means, (jnp.zeros(0, bool), ())
        names = experiment.prediction.input_specs(experiment.data)
        outputs = experiment.prediction(model, {name: batch[name] for name in names})
        weights = batch["weights"]
        real = jnp.any(weights.reshape(len(weights), -1) > 0, axis=1)
        return means, (real, tuple(metric.collect(outputs, batch) for metric in metrics))

    return eval_step


def inference_model(graphdef: nnx.GraphDef, state: TrainState, precision: Precision) -> Any:
    """The model of a state, as it is used after training: without randomness, nothing updated."""
    model, weights = nnx.merge(graphdef, evaluation_params(state), state.variables), nnx.Param
    if isinstance(model, Merges):  # before anything is rounded
        model, weights = model.merged(), nnx.Variable
    nnx.update(model, cast_floating(nnx.state(model, weights), precision.param_dtype))
    mode = {"deterministic": True, "use_running_average": True}
    return nnx.view(model, raise_if_not_found=False, **mode)


def evaluate(
    evaluated: Iterable[tuple[Means, Examples]], metrics: Sequence[Metric]
) -> dict[str, float]:
    """Means over all batches, each weighted by what it holds, and metrics of all examples.

    Args:
        evaluated: What the step made of each batch.
        metrics: The metrics that the step was made for.
    """
    total: Means = {}
    picked: list[list[dict[str, np.ndarray]]] = [[] for _ in metrics]
    for means, (real, collected) in evaluated:
        total = jax.tree.map(jnp.add, total, means) if total else means
        for parts, arrays in zip(picked, collected, strict=True):
            parts.append({name: np.asarray(array)[real] for name, array in arrays.items()})
    results = {name: float(mean) for name, mean in total.items()}
    for metric, parts in zip(metrics, picked, strict=True):
        joined = jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts or [{}])
        results |= metric.compute(joined)
    return results


def split_chunks(batches: Iterable[dict[str, Any]]) -> Iterator[Chunk]:
    """The batches of a prepared split as chunks; nothing names their examples."""
    for batch in batches:
        weights = np.asarray(batch["weights"])
        real = weights.reshape(len(weights), -1).any(axis=1)
        order = np.argsort(~real, kind="stable")  # padding last
        yield Chunk({name: array[order] for name, array in batch.items()}, [{}] * int(real.sum()))


def predictions(
    ask: Callable[..., Any], names: Iterable[str], chunks: Iterable[Chunk], sharding: NamedSharding
) -> Iterator[Result]:
    """What a model tells about examples, chunk by chunk.

    Args:
        ask: The compiled prediction of a batch: outputs by name, for inputs by name.
        names: The arrays of a batch that it takes.
        chunks: The examples, all of them on each process.
        sharding: Where a batch goes.

    Raises:
        UserError: A prediction is NaN or infinite.
    """
    for batch, rows in chunks:
        inputs = jax.device_put({name: batch[name] for name in names}, sharding)
        outputs = _first(len(rows), ask(inputs))
        checked = check_finite(outputs, "prediction")
        if isinstance(checked, Err):
            raise UserError(f"{checked.error}; look at the inputs from {rows[0]} to {rows[-1]}")
        yield Result(rows, _first(len(rows), batch), outputs)


def predict(
    prediction: Prediction, model: Any, data: Any, chunks: Iterable[Chunk], sharding: NamedSharding
) -> Iterator[Result]:
    """`Program.predict` for a model alone, as the tests of projects up to 0.4.1 call it."""
    graphdef, state = nnx.split(model)
    ask = jax.jit(lambda state, inputs: prediction(nnx.merge(graphdef, state), inputs))
    return predictions(partial(ask, state), prediction.input_specs(data), chunks, sharding)


def _first(count: int, arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(array)[:count] for name, array in arrays.items()}
