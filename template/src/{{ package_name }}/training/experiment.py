"""An experiment: everything that decides what a run computes, in one frozen object."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

import jax
from flax import nnx
from jax.sharding import Mesh
from pydantic import Field, model_validator

from ..errors import UserError
from ..numerics.precision import Precision
from ..parallel.mesh import MeshSettings, create_mesh
from ..settings import FREE, Settings
from ..storage.checkpoints import CheckpointSettings
from .data_settings import DataSettings
from .hook import Hook
from .metrics import Means, Metric
from .optimizer import Optimizer
from .prediction import Prediction
from .safety import SafetySettings

Batch = dict[str, jax.Array]
Objective = Callable[[nnx.Module, Batch, jax.Array | None], Means]


@runtime_checkable
class ModelSettings(Protocol):
    """Settings of a model, which know how to build it."""

    def build(self, *, rngs: nnx.Rngs, precision: Precision) -> nnx.Module:
        """Build the module with freshly initialised parameters."""
        ...


@runtime_checkable
class FitsData(Protocol):
    """A part of an experiment some of whose settings follow from the data."""

    def fitted(self, info: Mapping[str, Any]) -> Any:
        """A copy with what follows from the data set's `info`, such as the number of classes."""
        ...


def fitted_to(info: Mapping[str, Any], part: Any) -> Any:
    """A part of an experiment, fitted to the data if it can be."""
    return part.fitted(info) if isinstance(part, FitsData) else part


class LoopSettings(Settings):
    """How long a run is and what happens on the way.

    Attributes:
        steps: Updates in the whole run.
        log_every: Steps between two lines of metrics.
        eval_every: Steps between two evaluations; the last step is always evaluated.
        eval_batches: Batches in such an evaluation, spread over the split.
        overfit_batches: Train on the first so many batches over and over, to see whether the model
            can learn them by heart; 0 trains on all.
        micro_batches: Parts that a batch is computed in, one after the other, to save memory
            (gradient accumulation). The result is that of the whole batch.
        hang_seconds: Write the stacks of all threads to ``hang-PROCESS.txt`` of the run when so
            long no step, evaluation or checkpoint was done; None never does. It counts from the
            first step on. What is compiled when it is first made, such as an evaluation, takes its
            time too, so give several times what the longest takes.
        end_when_hung: End the process then, with exit code 75; the same command resumes.
    """

    steps: int = Field(default=1000, ge=1)
    log_every: Annotated[int, FREE] = Field(default=1, ge=1)
    eval_every: int = Field(default=250, ge=1)
    eval_batches: int = Field(default=32, ge=1)
    overfit_batches: int = Field(default=0, ge=0)
    micro_batches: int = Field(default=1, ge=1)
    hang_seconds: Annotated[float | None, FREE] = Field(default=None, ge=1, le=1e6)
    end_when_hung: Annotated[bool, FREE] = False


class Evaluation(Settings):
    """What a run is measured on while it trains, and how often.

    Attributes:
        split: Split of the data.
        data: Data to evaluate on in the place of the experiment's.
        metrics: Metrics beside those of the objective.
        every: Steps between two evaluations; None for ``loop.eval_every``. The last step of a run
            is always evaluated.
        batches: Batches in an evaluation, spread over the split; None for ``loop.eval_batches``.
        weights: ``trained`` weights, or ``ema``, their moving average, where a hook keeps one.
    """

    split: str = "validation"
    data: DataSettings | None = None
    metrics: tuple[Metric, ...] = ()
    every: int | None = Field(default=None, ge=1)
    batches: int | None = Field(default=None, ge=1)
    weights: Literal["trained", "ema"] = "trained"

    def due(self, step: int, loop: LoopSettings) -> bool:
        """Whether to evaluate after `step`."""
        return step == loop.steps or step % (self.every or loop.eval_every) == 0


class Experiment(Settings):
    """A run's whole configuration, built by Fiddle from `experiments.py`.

    Attributes:
        start_from: Folder of the run whose weights this one begins with; its model must be the
            same, but for what it can adapt. None begins with random weights. A run keeps a copy of
            the weights in its folder, so the other run may go on or away.
    """

    seed: int = Field(default=0, ge=0, lt=2**32)
    model: ModelSettings
    data: DataSettings
    objective: Objective
    optimizer: Optimizer
    mesh: Annotated[MeshSettings, FREE] = MeshSettings()
    precision: Precision = Precision()
    loop: LoopSettings
    checkpoint: Annotated[CheckpointSettings, FREE]
    safety: SafetySettings = SafetySettings()
    prediction: Annotated[Prediction | None, FREE] = None
    evaluations: Annotated[dict[str, Evaluation], FREE] = Field(
        default_factory=lambda: {"eval": Evaluation()}
    )
    hooks: Annotated[tuple[Hook, ...], FREE] = ()
    start_from: str | None = None

    @property
    def sources(self) -> dict[str, str]:
        """Folders of the runs whose weights this one needs, by the fields that name them."""
        return {} if self.start_from is None else {"start_from": self.start_from}

    @property
    def updates_per_step(self) -> int:
        """Updates of the weights in a step of the run."""
        return 1

    @property
    def throughput(self) -> tuple[int, str]:
        """What a global batch counts for in rates: how many, and of what."""
        tokens = getattr(self.data, "tokens_per_batch", None)
        return (self.data.batch_size, "examples") if tokens is None else (tokens, "tokens")

    def fitted(self, info: Mapping[str, Any]) -> "Experiment":
        """This experiment for a data set, with every setting in place that follows from `info`.

        Raises:
            UserError: `info` lacks something that a part follows from.
        """

        def fit(name: str, part: Any) -> Any:
            try:
                return fitted_to(info, part)
            except KeyError as error:
                problem = f"{name}: follows from the data, whose info() has no {error}"
                raise UserError(problem) from error

        fitted = {name: fit(name, getattr(self, name)) for name in type(self).model_fields}
        evaluations = {
            name: each.model_copy(update={"data": fit(f"evaluations[{name!r}].data", each.data)})
            for name, each in self.evaluations.items()
        }
        return self.model_copy(update={**fitted, "evaluations": evaluations})

    @model_validator(mode="after")
    def _fits_together(self) -> "Experiment":
        for name, evaluation in self.evaluations.items():
            if not name.isidentifier() or name == "train":
                raise ValueError(
                    f"evaluations: {name!r} cannot stand before the / of a metric's name"
                )
            if evaluation.metrics and self.prediction is None:
                raise ValueError(f"prediction: the metrics of evaluation {name!r} need one")
        if self.data.batch_size % self.loop.micro_batches:
            raise ValueError(
                f"loop.micro_batches: {self.loop.micro_batches} does not divide "
                f"data.batch_size={self.data.batch_size}"
            )
        return self

    def make_mesh(self) -> Mesh:
        """The mesh over all devices.

        Raises:
            UserError: Its sizes do not fit the devices, or a micro-batch cannot be spread evenly
                over the ``data`` axis.
        """
        mesh = create_mesh(self.mesh)
        micro_batch = self.data.batch_size // self.loop.micro_batches
        if micro_batch % mesh.shape["data"]:
            raise UserError(
                f"data.batch_size: a micro-batch of {micro_batch} examples does not divide over "
                f"the data axis of {mesh.shape['data']} devices"
            )
        return mesh
