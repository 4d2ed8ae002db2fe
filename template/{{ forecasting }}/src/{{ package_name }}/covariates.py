"""What is known beside the series: inputs known for the future, and what holds for a whole series.

Numbers are standardised by the training split; a text becomes a 1 among as many 0 as there are
texts. What is missing, and a text that was not there when the data set was prepared, is all 0.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from .errors import UserError

UNKNOWN = -1  # the number of a text that was not there when the data set was prepared
MOST_TEXTS = {"known": 50, "static": 1000}  # different ones in a column

Raw = Float[np.ndarray, "_ _"]


@dataclass(frozen=True)
class Covariate:
    """A column and how it is encoded.

    Attributes:
        name: The column.
        texts: What it may hold, where it holds texts; None where it holds numbers.
        mean: What is subtracted from numbers.
        scale: What they are divided by then.
    """

    name: str
    texts: tuple[str, ...] | None = None
    mean: float = 0.0
    scale: float = 1.0

    @property
    def width(self) -> int:
        """How many numbers the model sees of it."""
        return 1 if self.texts is None else len(self.texts)

    def encoded(self, raw: Float[np.ndarray, "*steps"]) -> Float32[np.ndarray, "*steps _"]:
        """What the model sees.

        Args:
            raw: Numbers, or the places of texts; NaN where one is missing.
        """
        if self.texts is not None:
            return (raw[..., None] == np.arange(len(self.texts))).astype(np.float32)
        return np.nan_to_num((raw[..., None] - self.mean) / self.scale).astype(np.float32)

    def fitted(self, raw: Float[np.ndarray, " points"]) -> "Covariate":
        """With the mean and the scale of numbers that are trained on."""
        there = raw[~np.isnan(raw)].astype(np.float64)
        if self.texts is not None or not len(there):
            return self
        deviation = float(there.std())
        scale = deviation if deviation > 1e-6 * abs(there).max() else 1.0
        return dataclasses.replace(self, mean=float(there.mean()), scale=scale)


@dataclass(frozen=True)
class Covariates:
    """All of them.

    Attributes:
        known: Of each step; where holidays are used, their number is the last.
        static: Of each series.
        holidays: The country whose holidays are used, or nothing.
    """

    known: tuple[Covariate, ...] = ()
    static: tuple[Covariate, ...] = ()
    holidays: str = ""

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> "Covariates":
        """Those of a data set, by its ``info``; up to 0.4.1 there were none."""
        found = info.get("covariates") or {}

        def read(columns: Sequence[Mapping[str, Any]]) -> tuple[Covariate, ...]:
            return tuple(
                Covariate(**{**each, "texts": each["texts"] and tuple(each["texts"])})
                for each in columns
            )

        return cls(
            read(found.get("known", ())), read(found.get("static", ())), found.get("holidays", "")
        )

    @property
    def width(self) -> int:
        """How many numbers the model sees of each step."""
        return sum(each.width for each in (*self.known, *self.static))

    def fitted(self, known: Raw, static: Raw) -> "Covariates":
        """With numbers standardised by these."""
        return dataclasses.replace(
            self, known=_fitted(self.known, known), static=_fitted(self.static, static)
        )

    def encoded(
        self, known: Float[np.ndarray, "*steps _"], static: Float[np.ndarray, "*steps _"]
    ) -> Float32[np.ndarray, "*steps _"]:
        """What the model sees of steps: their known columns, and those of their series."""
        parts = [
            each.encoded(raw)
            for columns, table in ((self.known, known), (self.static, static))
            for each, raw in zip(columns, np.moveaxis(table, -1, 0), strict=True)
        ]
        return np.concatenate(parts, axis=-1)


class Vocabulary:
    """The texts of a column as numbers, in the order in which they first come."""

    def __init__(self, covariate: Covariate | None) -> None:
        """Begin with what was there when the data set was prepared, if it was."""
        self._frozen = covariate is not None
        texts = (covariate.texts if covariate else None) or ()
        self._numbers = {text: number for number, text in enumerate(texts)}

    def number(self, text: str) -> int:
        """The number of a text."""
        if self._frozen:
            return self._numbers.get(text, UNKNOWN)
        return self._numbers.setdefault(text, len(self._numbers))

    def sorted(self, name: str, kind: str) -> tuple[tuple[str, ...], Float[np.ndarray, " _"]]:
        """The texts in order, and for each of the numbers given so far its place among them.

        Raises:
            UserError: They are too many.
        """
        texts = tuple(sorted(self._numbers))
        if len(texts) > MOST_TEXTS[kind]:
            raise UserError(
                f"--{kind} {name}: the column holds {len(texts):,} different texts, more than "
                f"{MOST_TEXTS[kind]}: give numbers, or leave it out"
            )
        places = {text: place for place, text in enumerate(texts)}
        return texts, np.array([places[text] for text in self._numbers], np.float32)


def _fitted(columns: tuple[Covariate, ...], raw: Raw) -> tuple[Covariate, ...]:
    return tuple(
        each.fitted(column) for each, column in zip(columns, np.moveaxis(raw, -1, 0), strict=True)
    )
