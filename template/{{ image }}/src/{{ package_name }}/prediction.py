"""What the trained model tells of an image: its class, its labels, or numbers."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32
from pydantic import Field

from .collection import to_predict, with_targets
from .confusion import plot_confusion
from .data import fill_up, make_batch
from .errors import UserError
from .folders import Item
from .image_grid import draw_images
from .images import Picture, Pixels, load_some, mapped
from .objective import Network
from .saliency import saliency
from .scatter import plot_scatter, r_squared
from .schema import ImageSchema
from .scores import confusion_matrix
from .settings import Settings
from .sheets import SHOWN, described, draw_mistakes
from .skipping import unreadable
from .training.prediction import Chunk, Result

Probabilities = Float32[np.ndarray, " num_classes"]

_MOST_COLUMNS = 20  # classes that get a column each
_TOP = 5  # with more classes, the so many likeliest are told
_EXPLAINED = 8  # images that are explained


class ImagePrediction(Settings):
    """The probabilities of classes or labels, or numbers in their own units.

    Attributes:
        info: What the data set says about itself; a configuration leaves it empty.
    """

    info: dict[str, Any] = Field(default_factory=dict, max_length=0)  # `fitted` passes by this

    def fitted(self, info: Mapping[str, Any]) -> "ImagePrediction":
        """This prediction for models that were trained on the data set that `info` describes."""
        return self.model_copy(update={"info": dict(info)})

    @property
    def known(self) -> ImageSchema:
        """How images and targets are read."""
        return ImageSchema.of(self.info)

    def input_specs(self, data: Any) -> dict[str, jax.ShapeDtypeStruct]:
        """Normalised images, of shape (height, width, channels)."""
        return {"images": jax.ShapeDtypeStruct(self.known.form.shape, jnp.float32)}

    def __call__(self, model: Network, inputs: dict[str, Array]) -> dict[str, Array]:
        """Float32 ``probabilities`` or ``label_probabilities``, (batch, names), or ``values``."""
        logits, targets = model(inputs["images"]), self.known.targets
        if targets.task == "multilabel":
            return {"label_probabilities": jax.nn.sigmoid(logits)}
        if targets.task == "regression":
            std, mean = (jnp.array(each, jnp.float32)[None] for each in (targets.std, targets.mean))
            return {"values": logits * std + mean}
        return {"probabilities": jax.nn.softmax(logits, axis=-1)}

    def read(self, data: Any, sources: Sequence[str], *, targets: bool) -> Iterable[Chunk]:
        """Images of the user's own, read as those of the data set.

        Args:
            data: The data settings of the experiment.
            sources: With targets, folders that hold a folder for each class. Without, image files,
                patterns, or folders of images, however deep. Either way, tables and arrays.
            targets: Whether the targets must be known.

        Raises:
            UserError: A file cannot be read, a folder is not laid out as it should be, or a class
                is none of the model's.
        """
        schema = self.known
        if not targets:
            return self._chunks(data, to_predict(sources, schema), None)
        items, again = itertools.tee(
            item for source in sources for item in with_targets(source, schema)
        )
        return self._chunks(data, items, (schema.encoded(item, required=True) for item in again))

    def records(self, results: Iterable[Result]) -> Iterator[dict[str, Any]]:
        """One row for each image: the likeliest class, and how likely which classes are.

        With more than 20 classes these are the five likeliest, otherwise all. Where the right class
        is known it stands in the column ``label``. Of labels, those that are likelier than not are
        told, and how likely each is; of numbers, each.
        """
        targets = self.known.targets
        names = targets.names
        for rows, batch, outputs in results:
            labels: Any = batch.get("labels", [None] * len(rows))
            (told,) = outputs.values()
            for row, label, values in zip(rows, labels, told, strict=True):
                if targets.task == "classification":
                    known = {} if label is None else {"label": names[label]}
                    yield {**row, **known, **_tell(names, values)}
                elif targets.task == "multilabel":
                    known = {} if label is None else {"true_labels": _joined(names, label)}
                    shares = {
                        f"probability_{name}": p for name, p in zip(names, values, strict=True)
                    }
                    yield {**row, **known, "labels": _joined(names, values), **shares}
                else:
                    if label is not None:
                        label = label * np.asarray(targets.std) + np.asarray(targets.mean)
                        row = row | {f"true_{n}": v for n, v in zip(names, label, strict=True)}
                    yield row | {f"predicted_{n}": v for n, v in zip(names, values, strict=True)}

    def plot(self, path: Path, results: list[Result]) -> None:
        """Draw the confusion matrix, or predicted numbers against the true ones.

        Raises:
            UserError: The images' targets are not known, or are several.
        """
        if not all("labels" in result.batch for result in results):
            raise UserError("--plot: a picture needs images whose targets are known")
        targets = self.known.targets
        labels = np.concatenate([result.batch["labels"] for result in results])
        if targets.task == "classification":
            shares = np.concatenate([result.outputs["probabilities"] for result in results])
            counts = confusion_matrix(labels, shares.argmax(axis=-1), len(targets.names))
            plot_confusion(path, counts, targets.names, "images by class")
            return
        if targets.task == "multilabel" or len(targets.names) > 1:
            raise UserError("--plot draws one class or number an image; --mistakes draws others")
        true = labels[:, 0] * targets.std[0] + targets.mean[0]
        predicted = np.concatenate([result.outputs["values"][:, 0] for result in results])
        error = np.abs(true - predicted).mean()
        title = f"{targets.names[0]}: R² {r_squared(true, predicted):.3f}, mean error {error:.4g}"
        plot_scatter(path, true, predicted, title)

    def write_samples(self, model: Network, results: list[Result], path: Path) -> None:
        """Draw images with what is told of each, and what is right where that differs."""
        titled = [each for result in results for each in described(self.known, self.info, result)]
        draw_images(path.with_suffix(".png"), {"": titled[:SHOWN]})

    def draw_mistakes(self, path: Path, results: Iterable[Result]) -> None:
        """Draw the worst mistakes and the least certain images."""
        draw_mistakes(path, results, self.info)

    def explain(self, model: Network, result: Result, path: Path) -> None:
        """Draw the first images, each with the pixels that the answer depends on behind it."""
        images = result.batch["images"][:_EXPLAINED]
        titled = []
        found = np.asarray(saliency(model, jnp.asarray(images)))
        for each, map_ in zip(described(self.known, self.info, result), found, strict=False):
            titled += [each, (map_[..., None], "depends on")]
        draw_images(path, {"": titled})

    def _chunks(
        self, data: Any, items: Iterable[Item], labels: Iterator[Any] | None
    ) -> Iterator[Chunk]:
        schema = self.known
        parts = mapped(partial(load_some, schema.form), items)
        pairs = itertools.chain.from_iterable(zip(*part, strict=True) for part in parts)
        while part := list(itertools.islice(pairs, data.batch_size)):
            pixels = np.stack([_pixels(item, picture) for item, picture in part])
            known = None
            if labels is not None:
                known = np.array(
                    list(itertools.islice(labels, len(part))), schema.targets.dtype.base
                )
            batch = fill_up(make_batch(pixels, known, self.info), data.batch_size)
            yield Chunk(batch, [{"file": item.where} for item, _ in part])


def _pixels(item: Item, picture: Picture | str) -> Pixels:
    if isinstance(picture, str):
        raise unreadable(item.where, picture)
    return picture.pixels


def _joined(names: Sequence[str], values: Iterable[Any]) -> str:
    return "|".join(name for name, value in zip(names, values, strict=True) if value > 0.5)


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
