"""What the trained model tells of an image: the probability of each class."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32
from pydantic import Field

from .confusion import plot_confusion
from .data import fill_up, make_batch
from .errors import UserError
from .image_grid import draw_images
from .images import load_all
from .objective import Classifier
from .scores import confusion_matrix
from .settings import Settings
from .sources import ImageFile, find, scan
from .training.prediction import Chunk, Result

Probabilities = Float32[np.ndarray, " num_classes"]

_MOST_COLUMNS = 20  # classes that get a column each
_SAMPLES = 32
_TOP = 5  # with more classes, the so many likeliest are told


class ClassPrediction(Settings):
    """The classes' probabilities.

    Attributes:
        info: What the data set says about itself; a configuration leaves it empty.
    """

    info: dict[str, Any] = Field(default_factory=dict, max_length=0)  # `fitted` passes by this

    def fitted(self, info: Mapping[str, Any]) -> "ClassPrediction":
        """This prediction for models that were trained on the data set that `info` describes."""
        return self.model_copy(update={"info": dict(info)})

    def input_specs(self, data: Any) -> dict[str, jax.ShapeDtypeStruct]:
        """Normalised images, of shape (height, width, channels)."""
        return {"images": jax.ShapeDtypeStruct(data.shape, jnp.float32)}

    def __call__(self, model: Classifier, inputs: dict[str, Array]) -> dict[str, Array]:
        """Float32 ``probabilities``, (batch, num_classes)."""
        return {"probabilities": jax.nn.softmax(model(inputs["images"]), axis=-1)}

    def read(self, data: Any, sources: Sequence[str], *, targets: bool) -> Iterable[Chunk]:
        """Images of the user's own.

        Args:
            data: The data settings of the experiment.
            sources: With targets, folders that hold a folder for each class. Without, image files,
                patterns, or folders of images, however deep.
            targets: Whether the classes must be known.

        Raises:
            UserError: A file cannot be read, a folder is not laid out as it should be, or a class
                is none of the model's.
        """
        if not targets:
            return self._chunks(data, find(sources), None)
        files = [file for source in sources for file in _labelled(Path(source).expanduser())]
        classes = self.info["classes"]
        for file in files:
            if file.label not in classes:
                known = ", ".join(classes)
                raise UserError(f"{file.path}: the model knows no class {file.label!r} but {known}")
        labels = [classes.index(file.label) for file in files]
        return self._chunks(data, [file.path for file in files], labels)

    def records(self, results: Iterable[Result]) -> Iterator[dict[str, Any]]:
        """One row for each image: the likeliest class, and how likely which classes are.

        With more than 20 classes these are the five likeliest, otherwise all. Where the right class
        is known it stands in the column ``label``.
        """
        classes = self.info["classes"]
        for rows, batch, outputs in results:
            for number, (row, told) in enumerate(zip(rows, outputs["probabilities"], strict=True)):
                known = {"label": classes[batch["labels"][number]]} if "labels" in batch else {}
                yield {**row, **known, **_tell(classes, told)}

    def plot(self, path: Path, results: list[Result]) -> None:
        """Draw the confusion matrix.

        Raises:
            UserError: The images' classes are not known.
        """
        if not all("labels" in result.batch for result in results):
            raise UserError("--plot: a confusion matrix needs images whose classes are known")
        classes = self.info["classes"]
        labels = np.concatenate([result.batch["labels"] for result in results])
        shares = np.concatenate([result.outputs["probabilities"] for result in results])
        counts = confusion_matrix(labels, shares.argmax(axis=-1), len(classes))
        plot_confusion(path, counts, classes, "images by class")

    def write_samples(self, model: Classifier, results: list[Result], path: Path) -> None:
        """Draw images with the likeliest class of each, and the right one where it differs."""
        classes, info = self.info["classes"], self.info
        titled = []
        for _, batch, outputs in results:
            pixels = batch["images"] * np.asarray(info["std"]) + np.asarray(info["mean"])
            likeliest = outputs["probabilities"].argmax(axis=-1)
            for image, guess, label in zip(pixels, likeliest, batch["labels"], strict=True):
                right = "" if guess == label else f", not {classes[label]}"
                titled.append((image, f"{classes[guess]}{right}"))
        draw_images(path.with_suffix(".png"), titled[:_SAMPLES])

    def _chunks(
        self, data: Any, files: Sequence[Path], labels: Sequence[int] | None
    ) -> Iterator[Chunk]:
        pictures = load_all(files, data.shape)
        for start in range(0, len(files), data.batch_size):
            part = slice(start, start + data.batch_size)
            rows = [{"file": str(path)} for path in files[part]]
            pixels = np.stack([next(pictures).pixels for _ in rows])
            numbers = None if labels is None else np.asarray(labels[part], np.int32)
            yield Chunk(fill_up(make_batch(pixels, numbers, self.info), data.batch_size), rows)


def _labelled(folder: Path) -> list[ImageFile]:
    if not folder.is_dir():
        raise UserError(f"--source {folder} is no folder; with classes to compare to, give one")
    files = scan(folder)
    if files[0].split:
        raise UserError(f"--source {folder} holds several splits: give one, such as {folder}/test")
    return files


def _tell(classes: Sequence[str], probabilities: Probabilities) -> dict[str, Any]:
    """The columns of one image."""
    order = np.argsort(-probabilities, kind="stable")
    told: dict[str, Any] = {"class": classes[order[0]], "probability": probabilities[order[0]]}
    if len(classes) <= _MOST_COLUMNS:
        columns = zip(classes, probabilities, strict=True)
        return told | {f"probability_{name}": probability for name, probability in columns}
    for place, number in enumerate(order[1:_TOP], start=2):
        told[f"class_{place}"] = classes[number]
        told[f"probability_{place}"] = probabilities[number]
    return told
