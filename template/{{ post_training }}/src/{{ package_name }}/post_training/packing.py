"""Packing: several short examples in one row, one behind the other, each seen by itself alone."""

import bisect
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from ..training.indexed_data import Draws, Examples, Numbers, locate
from ..training.prediction import Arrays

_READ = 1024  # examples at once, while they are measured
_SEED = 0  # of the order in which they are dealt out to rows


class PackedExamples:
    """Rows that are filled with examples of a split, none of which is cut.

    Which examples share a row follows from their lengths alone, so all of them are read once, in
    the beginning. They are dealt out in a random order, the same each time.

    Args:
        examples: Prompts and responses, as `data.Demonstrations` describes them.
        width: Places in a row, as many at least as the longest example has tokens.
    """

    def __init__(self, examples: Examples, width: int) -> None:
        self._examples, self._width = examples, width
        starts = range(0, len(examples), _READ)
        parts = [np.arange(start, min(start + _READ, len(examples))) for start in starts]
        lengths = [_real(examples.read(part)).sum(axis=1) for part in parts]
        self._rows = _deal(np.concatenate(lengths), width)

    def __len__(self) -> int:
        """How many rows."""
        return len(self._rows)

    def read(self, numbers: Numbers, draws: Draws | None = None) -> Arrays:
        """Make a batch of rows; at number -1 stands a row of weight 0.

        Returns:
            ``tokens``, ``segments`` (the same number for the tokens of one example, 0 for padding)
            and ``positions`` (places in the example, from 0), int32 ``[batch, width]``;
            ``response_mask`` of the same shape, True for the tokens that count in the loss;
            ``weights``, float32 ``[batch]``.
        """
        rows = [self._rows[number] if number >= 0 else [] for number in numbers.tolist()]
        batch = self._examples.read(np.array([each for row in rows for each in row], np.int64))
        real = _real(batch)
        lengths = real.sum(axis=1)
        row_of = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        totals = np.bincount(row_of, lengths, minlength=len(rows))
        filled = np.arange(self._width) < totals[:, None]

        def fill(values: np.ndarray) -> np.ndarray:
            made = np.zeros(filled.shape, values.dtype)
            made[filled] = values
            return made

        nothing = np.zeros_like(batch["prompt_mask"])
        counted = np.concatenate([nothing, batch["response_mask"]], axis=1)
        return {
            "tokens": fill(np.concatenate([batch["prompt"], batch["response"]], axis=1)[real]),
            "segments": fill(np.repeat(np.arange(1, len(real) + 1, dtype=np.int32), lengths)),
            "positions": fill(np.cumsum(real, axis=1, dtype=np.int32)[real] - 1),
            "response_mask": fill(counted[real]),
            "weights": (totals > 0).astype(np.float32),
        }

    def locate(self, number: int) -> str:
        """Where the examples of a row come from."""
        return "; ".join(locate(self._examples, each) for each in self._rows[number])


def _real(batch: Mapping[str, Any]) -> Bool[np.ndarray, "batch seq_len"]:
    """Which places of prompts and responses hold tokens, those between what counts included."""
    there = np.cumsum(batch["response_mask"][:, ::-1], axis=1)[:, ::-1] > 0
    return np.concatenate([batch["prompt_mask"], there], axis=1)


def _deal(lengths: Int[np.ndarray, " batch"], width: int) -> list[list[int]]:
    """The numbers of the examples of each row: an example goes where it leaves the least room."""
    rows: list[list[int]] = []
    rooms: list[tuple[int, int]] = []  # and the rows that have them, in order
    shortest = lengths.min()
    for number in np.random.default_rng(_SEED).permutation(len(lengths)).tolist():
        length = int(lengths[number])
        at = bisect.bisect_left(rooms, (length, 0))
        if at < len(rooms):
            room, row = rooms.pop(at)
        else:
            room, row = width, len(rows)
            rows.append([])
        rows[row].append(number)
        if room - length >= shortest:
            bisect.insort(rooms, (room - length, row))
    return rows
