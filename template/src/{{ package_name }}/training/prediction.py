"""Predictions: what a trained model tells about examples that it has never seen."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np
from flax import nnx

Arrays = dict[str, np.ndarray]


class Chunk(NamedTuple):
    """Some examples of the user's own files.

    Attributes:
        batch: Arrays like those of a batch of training, in as few shapes as may be, since the model
            is compiled for each; behind the last example, padding of weight 0.
        rows: For each example but padding, what names it in the output.
    """

    batch: Arrays
    rows: list[dict[str, Any]]


class Result(NamedTuple):
    """What a model told about some examples, padding cut off.

    Attributes:
        rows: What names each example in the output; empty where it comes from a prepared split.
        batch: The arrays that the model was given, and the targets where they are known.
        outputs: What it made of them.
    """

    rows: list[dict[str, Any]]
    batch: Arrays
    outputs: Arrays


@runtime_checkable
class Prediction(Protocol):
    """How a task's model is used once it is trained."""

    def input_specs(self, data: Any) -> dict[str, jax.ShapeDtypeStruct]:
        """The arrays of a batch that the model needs, without their leading axis of examples."""
        ...

    def __call__(self, model: nnx.Module, inputs: dict[str, jax.Array]) -> dict[str, jax.Array]:
        """Predict a batch, inside a compiled function whose batch size may be symbolic.

        Args:
            model: The model, in evaluation.
            inputs: Arrays as `input_specs` describes them, with a leading axis ``batch``.

        Returns:
            Predictions by name, each with a leading axis ``batch``.
        """
        ...

    def read(self, data: Any, sources: Sequence[str], *, targets: bool) -> Iterable[Chunk]:
        """Read the user's own files.

        Args:
            data: The data settings of the experiment.
            sources: What stood behind ``--source``.
            targets: Whether the examples must come with their targets.

        Raises:
            UserError: A file cannot be used; the message says where and why.
        """
        ...

    def records(self, results: Iterable[Result]) -> Iterator[dict[str, Any]]:
        """Flat rows of an output file, the same keys in each."""
        ...


@runtime_checkable
class WritesSamples(Protocol):
    """A prediction that can be looked at while the model is trained."""

    def write_samples(self, model: nnx.Module, results: list[Result], path: Path) -> None:
        """Write what the model makes of some held-out examples.

        Args:
            model: The model, in evaluation.
            results: The examples with the predictions.
            path: Where the file goes; its suffix is this method's to choose.
        """


@runtime_checkable
class Calibrates(Protocol):
    """A prediction that held-out examples can correct once the model is trained."""

    def calibration(self, results: Iterable[Result]) -> dict[str, Any]:
        """What the validation split tells of the predictions, in JSON's types.

        Args:
            results: Its examples with what the model told of them, uncorrected.
        """
        ...

    def calibrated(self, calibration: Mapping[str, Any]) -> "Prediction":
        """A copy of this prediction that is corrected.

        Args:
            calibration: What `calibration` has found.
        """
        ...

    @property
    def note(self) -> str | None:
        """What people should know of the correction, in a line."""
        ...


@runtime_checkable
class Plots(Protocol):
    """A prediction that can be drawn."""

    def plot(self, path: Path, results: list[Result]) -> None:
        """Draw results as a PNG picture.

        Raises:
            UserError: The results lack what the picture shows, such as targets.
        """


@runtime_checkable
class DrawsMistakes(Protocol):
    """A prediction that shows where a model goes wrong."""

    def draw_mistakes(self, path: Path, results: Iterable[Result]) -> None:
        """Draw the worst mistakes and the least certain examples as a PNG picture.

        Args:
            path: Where it goes.
            results: As many as there are, one after the other.

        Raises:
            UserError: The results lack what the picture shows, such as targets.
        """


@runtime_checkable
class Explains(Protocol):
    """A prediction that shows what an answer depends on."""

    def explain(self, model: nnx.Module, result: Result, path: Path) -> None:
        """Draw examples as a PNG picture, each with the parts of it that its answer depends on.

        Args:
            model: The model, in evaluation.
            result: The examples with the predictions.
            path: Where the picture goes.
        """
