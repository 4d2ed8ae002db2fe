"""Sheets of images for people: examples as training sees them, and what the model makes of some."""

import heapq
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Num

from .augmentation import DRAWS, Augmentation
from .errors import UserError
from .image_grid import Titled, draw_images
from .schema import ImageSchema
from .storage.dataset import DataSet
from .storage.splitting import SPLITS
from .training.prediction import Arrays, Result

Labels = Num[np.ndarray, "batch ..."]

SHOWN = 24  # images of a kind on a sheet

_CHANGES = 7  # of each example, beside the original
_EXAMPLES = 6


def draw_changes(path: Path, data_set: DataSet, augmentation: Augmentation) -> str:
    """Draw training examples, each behind its original as it may be changed at random.

    Raises:
        UserError: The file cannot be written.
    """
    schema = ImageSchema.of(data_set.info)
    records = data_set.source(SPLITS[0])
    chosen = np.linspace(0, len(records) - 1, min(_EXAMPLES, len(records))).astype(int)
    found = np.frombuffer(b"".join(records[at] for at in chosen.tolist()), schema.record_type)
    random, titled = np.random.default_rng(0), []
    for record in found:
        copies = np.repeat(record["image"][None], _CHANGES, axis=0)
        changed = augmentation.apply(copies, random.random((_CHANGES, DRAWS)))
        titled.append((record["image"] / schema.form.most, _name(schema, record["label"])))
        titled += [(each / schema.form.most, "") for each in changed]
    _draw(path, {"": titled})
    return f"examples as training changes them: {path}"


def draw_mistakes(path: Path, results: Iterable[Result], info: Mapping[str, Any]) -> None:
    """Draw the images that a model is most wrong about, and those that it is least sure of.

    Memory holds the images that are drawn. Of numbers there are only the largest errors.

    Raises:
        UserError: The targets are not known, or the file cannot be written.
    """
    schema = ImageSchema.of(info)
    worst: list[tuple[float, int, Titled]] = []
    unsure: list[tuple[float, int, Titled]] = []
    number = itertools.count()
    for result in results:
        if "labels" not in result.batch:
            raise UserError("mistakes need images whose targets are known")
        wrong, doubt = _judged(schema, result)
        keep = [(worst, wrong), (unsure, doubt)]
        for at, titled in enumerate(described(schema, info, result)):
            for heap, scores in keep:
                if np.isfinite(scores[at]):
                    heapq.heappush(heap, (float(scores[at]), next(number), titled))
                    if len(heap) > SHOWN:
                        heapq.heappop(heap)
    sections = {"worst mistakes": worst, "least certain": unsure}
    _draw(
        path,
        {
            name: [titled for *_, titled in sorted(heap, reverse=True)]
            for name, heap in sections.items()
            if heap
        },
    )


def described(schema: ImageSchema, info: Mapping[str, Any], result: Result) -> list[Titled]:
    """The images of a result, each with what the model tells, and what is right if it differs."""
    batch, outputs = result.batch, result.outputs
    pixels = batch["images"] * np.asarray(info["std"]) + np.asarray(info["mean"])
    told = [_told(schema, outputs, at) for at in range(len(pixels))]
    if "labels" not in batch:
        return list(zip(pixels, told, strict=True))
    right = [_name(schema, label) for label in _own_units(schema, batch["labels"])]
    return [
        (image, said if said == name else f"{said}, not {name}")
        for image, said, name in zip(pixels, told, right, strict=True)
    ]


def _judged(
    schema: ImageSchema, result: Result
) -> tuple[Float[np.ndarray, " batch"], Float[np.ndarray, " batch"]]:
    """How wrong the model is about each image, and how unsure; minus infinity where it is not."""
    labels, outputs, tiny = result.batch["labels"], result.outputs, 1e-12
    none = np.full(len(labels), -np.inf)
    if schema.targets.task == "regression":
        true = _own_units(schema, labels)
        error = np.abs(outputs["values"] - true) / np.asarray(schema.targets.std)
        return error.mean(axis=-1), none
    if schema.targets.task == "multilabel":
        shares = outputs["label_probabilities"].astype(np.float64)
        nats = -np.log(np.where(labels > 0.5, shares, 1 - shares) + tiny).mean(axis=-1)
        right = ((shares > 0.5) == (labels > 0.5)).all(axis=-1)
        return np.where(right, -np.inf, nats), -np.abs(shares - 0.5).min(axis=-1)
    shares = outputs["probabilities"].astype(np.float64)
    nats = -np.log(shares[np.arange(len(labels)), labels] + tiny)
    return np.where(shares.argmax(axis=-1) == labels, -np.inf, nats), -shares.max(axis=-1)


def _told(schema: ImageSchema, outputs: Arrays, at: int) -> str:
    if schema.targets.task == "regression":
        return _name(schema, outputs["values"][at])
    if schema.targets.task == "multilabel":
        return _name(schema, outputs["label_probabilities"][at] > 0.5)
    return schema.targets.names[int(outputs["probabilities"][at].argmax())]


def _own_units(schema: ImageSchema, labels: Labels) -> Labels:
    """Targets of a batch as they are stored."""
    if schema.targets.task != "regression":
        return labels
    return labels * np.asarray(schema.targets.std) + np.asarray(schema.targets.mean)


def _name(schema: ImageSchema, label: Any) -> str:
    """A target as it is stored, for a reader."""
    names, task = schema.targets.names, schema.targets.task
    if task == "classification":
        return names[int(label)]
    if task == "regression":
        return " ".join(f"{value:.3g}" for value in label)
    return " ".join(name for name, has in zip(names, label, strict=True) if has) or "none"


def _draw(path: Path, sections: Mapping[str, Sequence[Titled]]) -> None:
    try:
        draw_images(path, sections)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
