"""From images to a data set: brought to one form, divided by content, stored as raw pixels.

A record is what `schema.py` says: targets and pixels. Raw pixels are larger than files, and reading
them costs nothing in training. Memory holds the images that are being read, and less than a
kilobyte for each of the others.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from .errors import UserError
from .images import load_some, mapped
from .reporting.byte_progress import ByteProgress
from .schema import ImageSchema
from .skipping import Skipped
from .sources import Source
from .storage.dataset import DataSet
from .storage.dataset_writer import DataSetWriter
from .storage.splitting import SPLITS, Splitter, split_lines
from .survey import form_for, survey_images
from .tally import Tally
from .targets import frequencies, judge

PERCENT = (70, 10, 20)  # of the images are for training, validation, and the test

_AT_ONCE = 64  # records that are moved together
_SHORT_LIST = 10  # classes whose counts stand behind those of the splits
_MOST_LISTED = 40  # lines of classes


def write_images(
    writer: DataSetWriter,
    source: Source,
    *,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    progress: bool,
) -> dict[str, Any]:
    """Write the splits of a source.

    Disk use peaks at about twice the pixels, since an image's split is known when all are read.

    Args:
        writer: Where they go.
        source: The images.
        size: Height and width that all images are brought to; None to follow from them.
        channels: The same for channels.
        progress: Show progress on standard error.

    Returns:
        What the data set is to remember.

    Raises:
        UserError: An image cannot be read, a class or a split has no images, or a file cannot be
            written.
    """
    collection = source.collection(writer.scratch)
    survey = survey_images(collection, skip=source.most_skipped is not None, progress=progress)
    targets = judge(survey.targets, source.task, source.name)
    form = form_for(survey, size, channels, source.name)
    skipped = Skipped.allowed(source.most_skipped, survey.count, writer.scratch.parent)
    splitter, often = Splitter(PERCENT, source.kept_together), frequencies(targets, survey.targets)
    tally, spool = Tally(targets, form, often, splitter), writer.spool()
    schema = ImageSchema(form=form, targets=targets, columns=collection.columns, label=source.label)
    record, without_target = np.zeros((), schema.record_type), 0
    with ByteProgress("reading images", survey.count, enabled=progress, unit=" images") as bar:
        for items, pictures in mapped(partial(load_some, form), collection.items()):
            bar.advance(len(items))
            kept, records = [], []
            for item, picture in zip(items, pictures, strict=True):
                if isinstance(picture, str):
                    skipped.add(item.where, picture)
                elif (stored := schema.encoded(item)) is None:
                    without_target += 1
                else:
                    kept.append((item, picture, stored))
                    record["label"], record["image"] = stored, picture.pixels
                    records.append(record.tobytes())
            spool.add(*records)
            tally.add(kept)
    skipped.write()
    division = tally.divide()
    if division["by"] == "folders" and source.files:
        division["by"] = f"column {source.split!r}" if source.split else "the names of arrays"
    _check_trained(division.get("classes", {}))
    spooled = spool.take()
    for first in range(0, len(spooled), _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, len(spooled)))
        parts: dict[str, list[bytes]] = {}
        for number in numbers:  # one by one, since the memory of reading many at once grows
            parts.setdefault(tally.splits[number], []).append(spooled[number])
        for split, records in parts.items():
            writer.write(split, *records)
    mean, std = tally.pixel_moments()
    doubles, contradicting = tally.doubles()
    return {
        "kind": "image",
        "source": source.name,
        **schema.model_copy(update={"targets": tally.fitted()}).info(),
        "mean": mean,
        "std": std,
        "split": division,
        "files": dict(survey.kinds.most_common()),
        "said": collection.said,
        "passed_over": dict(collection.passed_over or {}),
        "skipped": len(skipped.found),
        "without_target": without_target,
        "doubles": doubles,
        "contradicting": contradicting,
    }


def summary(data_set: DataSet) -> str:
    """Tell in a few lines what a data set of images holds."""
    info = data_set.info
    schema = ImageSchema.of(info)
    lines = [f"{data_set.directory}: {info['source']}"]
    lines += [f"  read as {way}" for way in info.get("said", ())]
    if files := info.get("files"):
        lines.append(f"  {', '.join(f'{count:,} {kind}' for kind, count in files.items())}")
    if passed_over := info.get("passed_over"):
        listed = ", ".join(f"{name} ({count:,})" for name, count in passed_over.items())
        lines.append(f"  passed over files that are no images: {listed}")
    lines.append(f"  {schema.targets.said}; {schema.form.said}")
    for name, told in _COUNTED.items():
        if count := info.get(name):
            lines.append(f"  {count:,} {told}")
    classes = info["split"].get("classes", {})
    return "\n".join([*lines, *split_lines(info["split"], "images"), *_class_lines(classes)])


_COUNTED = {
    "skipped": "damaged images were skipped",
    "without_target": "images without a target were skipped",
    "doubles": "images equal another one; those share a split",
    "contradicting": "images have other targets than one that equals them",
}


def _class_lines(classes: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A line for each class with its images in each split, where these are many."""
    names = list(classes.get(SPLITS[0], {}))
    if len(names) <= _SHORT_LIST:
        return []
    lines = [
        "  " + " ".join(f"{classes[split][name]:>10,}" for split in SPLITS) + f"  {name}"
        for name in names[:_MOST_LISTED]
    ]
    head = "  " + " ".join(f"{split:>10}" for split in SPLITS)
    more = [f"  and {len(names) - _MOST_LISTED:,} more classes, in dataset.json"]
    return [head, *lines, *(more if len(names) > _MOST_LISTED else [])]


def _check_trained(classes: Mapping[str, Mapping[str, int]]) -> None:
    for label, count in classes.get(SPLITS[0], {}).items():
        if not count and label:
            elsewhere = sum(counts[label] for counts in classes.values())
            raise UserError(
                f"class {label} has no image to train on among its {elsewhere}: give more of them, "
                "or put them into folders train, validation and test yourself"
            )
