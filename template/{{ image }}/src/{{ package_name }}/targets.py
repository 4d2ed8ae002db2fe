"""What is predicted of an image: its class, several labels, or numbers."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from .errors import UserError
from .settings import Settings

Task = Literal["classification", "multilabel", "regression"]
Stored = int | list[int] | list[float]
"""The number of a class, for each label whether it is there, or numbers."""

_MOST_CLASSES = 20_000
_MOST_NUMBERED_CLASSES = 20  # whole numbers of at most so many values are classes
_SEPARATORS = "|;, "  # of labels in one text, the first that occurs


class Targets(Settings):
    """What is predicted, and how the values of a source tell it.

    Attributes:
        task: One class of several, any number of labels, or numbers.
        names: Of the classes or labels, in the order of their Unicode code points, or of the
            numbers.
        separator: What separates the labels in a text; empty where they stand otherwise.
        mean: Of each number over the training split.
        std: The same; the model predicts numbers shifted and scaled by these.
    """

    task: Task = "classification"
    names: list[str] = Field(min_length=1)
    separator: str = ""
    mean: list[float] = Field(default_factory=list)
    std: list[float] = Field(default_factory=list)

    @property
    def said(self) -> str:
        """What is predicted, for a reader."""
        if self.task == "classification":
            return f"{len(self.names):,} classes"
        if self.task == "regression":
            return f"{', '.join(self.names)} (regression)"
        apart = f", separated by {self.separator!r}" if self.separator else ""
        return f"{len(self.names):,} labels, any number of them for an image{apart}"

    @property
    def dtype(self) -> np.dtype:
        """How the targets of an image are stored: numbers as they were given."""
        if self.task == "classification":
            return np.dtype("<i4")
        return np.dtype(("u1" if self.task == "multilabel" else "<f4", (len(self.names),)))

    def encode(self, values: Sequence[Any]) -> Stored | None:
        """The values of a source as they are stored; None if one is missing.

        Raises:
            ValueError: One is none of the classes or labels, or no number.
        """
        if any(value is None or value != value for value in values):  # the latter is NaN
            return None
        if self.task == "regression":
            if len(values) != len(self.names):
                raise ValueError(f"{len(values)} values are there instead of {len(self.names)}")
            return [float(value) for value in values]
        if self.task == "classification":
            return self._number(name_of(values[0]))
        if len(values) > 1:
            return [int(value) for value in values]
        labels = {self._number(name) for name in labels_of(values[0], self.separator)}
        return [int(number in labels) for number in range(len(self.names))]

    def _number(self, name: str) -> int:
        if name not in self.names:
            what = "class" if self.task == "classification" else "label"
            known = ", ".join(self.names[:10])
            raise ValueError(f"the model knows no {what} {name!r} but {known}")
        return self.names.index(name)


class Found:
    """The values that a source has for its targets.

    Attributes:
        missing: How many images lack one.
        counts: For each target, its values and how often each occurs.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        """Begin with none, for targets of these names."""
        self.columns = list(columns)
        self.counts: list[Counter[Any]] = [Counter() for _ in columns]
        self.missing = self.there = 0

    def add(self, images: Sequence[tuple[Any, ...]]) -> None:
        """Take in the values of some images."""
        for values in images:
            if len(values) > len(self.counts):  # arrays of numbers have no names
                self.columns = [str(number) for number in range(len(values))]
                self.counts = [Counter() for _ in values]
            if not values or any(value is None or value != value for value in values):
                self.missing += 1
                continue
            self.there += 1
            for counter, value in zip(self.counts, values, strict=True):
                if len(counter) <= _MOST_CLASSES:
                    counter[tuple(value) if isinstance(value, list) else value] += 1


def judge(found: Found, kind: str | None, where: str) -> Targets:
    """What a source's targets are.

    Args:
        found: Their values.
        kind: What the user said about that.
        where: Names the source in errors.

    Raises:
        UserError: They are not what the user said, or nothing that can be predicted.
    """
    if not found.there:
        raise UserError(f"{where} has no image with a target ({found.missing:,} without)")
    task = kind or _task(found, where)
    if task == "regression":
        for name, counter in zip(found.columns, found.counts, strict=True):
            bad = next((value for value in counter if not isinstance(value, int | float)), None)
            if bad is not None:
                raise UserError(f"{where}: the target {name!r} has values such as {bad!r}")
        return Targets(task="regression", names=found.columns)
    if task == "multilabel" and len(found.counts) > 1:
        for name, counter in zip(found.columns, found.counts, strict=True):
            bad = next((value for value in counter if value not in (0, 1)), None)
            if bad is not None:
                raise UserError(f"{where}: {name!r} is no label, since it has values like {bad!r}")
        return Targets(task="multilabel", names=found.columns)
    if len(found.counts) > 1:
        raise UserError(f"{where}: give one --target for classes, not {len(found.counts)}")
    separator, values = "", found.counts[0]
    if task == "multilabel":
        texts = [value for value in values if isinstance(value, str)]
        separator = next((mark for mark in _SEPARATORS if any(mark in each for each in texts)), "")
        names = {name for value in values for name in labels_of(value, separator)}
    else:
        names = {name_of(value) for value in values}
    if len(names) < 2:
        raise UserError(f"{where} has one class only, {', '.join(names)}: give two or more")
    return Targets.model_validate({"task": task, "names": sorted(names), "separator": separator})


def frequencies(targets: Targets, found: Found) -> list[int]:
    """How often each class or label occurs in a source; nothing for numbers."""
    if targets.task == "regression":
        return []
    if len(found.counts) > 1:
        return [counter[1] for counter in found.counts]
    often: Counter[str] = Counter()
    for value, count in found.counts[0].items():
        for name in labels_of(value, targets.separator):
            often[name] += count
    return [often[name] for name in targets.names]


def name_of(value: Any) -> str:
    """The name of a class: in Unicode's composed form (NFC), which a Mac's folders do not have."""
    if isinstance(value, bool):
        return str(value).lower()
    return unicodedata.normalize("NFC", str(value))


def labels_of(value: Any, separator: str) -> list[str]:
    """The labels that a text or a list names."""
    parts: Iterable[Any] = value if isinstance(value, list | tuple) else [value]
    if isinstance(value, str) and separator:
        parts = filter(None, map(str.strip, value.split(separator)))
    return [name_of(part) for part in parts]


def _task(found: Found, where: str) -> Task:
    first, values = found.columns[0], found.counts[0]
    kinds = {type(value) for counter in found.counts for value in counter}
    if len(found.counts) > 1:
        if all(value in (0, 1) for counter in found.counts for value in counter):
            return "multilabel"
        if kinds <= {int, float}:
            return "regression"
        raise UserError(f"{where}: several targets must be numbers, or truth values of labels")
    if kinds == {tuple}:
        return "multilabel"
    if kinds == {float} or (kinds == {int} and len(values) > _MOST_NUMBERED_CLASSES):
        return "regression"
    if not kinds <= {str, bool, int}:
        kind = next(iter(values))
        raise UserError(f"{where}: the target {first!r} holds neither classes nor numbers: {kind}")
    if kinds == {str} and len(values) > max(_MOST_NUMBERED_CLASSES, found.there // 2):
        shown = ", ".join(map(repr, list(values)[:3]))
        raise UserError(
            f"the target {first!r} has {len(values):,} values in {found.there:,} images, such as "
            f"{shown}: give --kind classification if they are classes, or multilabel if each lists "
            "several labels"
        )
    return "classification"
