"""Which split each example is in: those of a class in the order of a hash, cut in proportion.

Examples that must not be parted, equal ones or those of one patient, say, form a unit. The units of
each class are lined up by hash and cut in two places, so that each class is divided as the whole
is, the same examples are divided alike whatever their order, and more examples move only those near
a cut. Then single units at the cuts change sides, where the classes mind least, until the splits
have the stated proportions: exactly, if the units are single examples.
"""

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, no_type_check

import numpy as np
from jaxtyping import Int64, UInt64

from ..errors import UserError

SPLITS = ("train", "validation", "test")

_MOST_NAMED = 10  # classes in a line
_RARE = 10  # a class of fewer examples is measured by one or two of them


class Division(NamedTuple):
    """A data set in splits.

    Attributes:
        splits: The name of each example's split, in the order of ``Splitter.add``.
        info: For the data set: ``by``, what decided; ``percent``; ``counts``, the examples of each
            split; and ``classes``, those of each class, if there are classes.
    """

    splits: list[str]
    info: dict[str, Any]


class Splitter:
    """Takes in what decides the splits of all examples, 20 bytes of memory for each.

    Attributes:
        labels: The classes, with their numbers in the order in which they came.
    """

    def __init__(self, percent: tuple[int, int, int], by: str) -> None:
        """Begin with no examples.

        Args:
            percent: How many of a hundred examples go to each of the splits.
            by: What the digests are of, such as ``the image``; recorded.
        """
        self._percent = percent
        self._by = f"SHA-256 of {by}"
        self._keys, self._labels, self._sizes = array("Q"), array("i"), array("q")
        self.labels: dict[str, int] = {}

    def __len__(self) -> int:
        """How many examples there are."""
        return len(self._keys)

    @no_type_check  # it takes longer than the work, which is done for each of many small examples
    def add(self, digest: bytes, label: str = "", size: int = 1) -> None:
        """Take in an example.

        Args:
            digest: SHA-256 of what keeps examples together. Its last bytes decide, since its first
                ones may decide an order.
            label: The class, if there are classes.
            size: What it counts for in the proportions.
        """
        self._keys.append(int.from_bytes(digest[-8:], "big"))
        self._labels.append(self.labels.setdefault(label, len(self.labels)))
        self._sizes.append(size)

    def divide(self, given: Sequence[str] = ()) -> Division:
        """Divide all examples.

        A class has a unit in the training split before it has any elsewhere. A unit of several
        classes counts as one of the rarest. Units that are larger than a held-out split come first
        and so are trained on.

        Args:
            given: The split of each example, where that is fixed already.

        Raises:
            UserError: A split has no example.
        """
        names = sorted(self.labels)
        places = np.array([self.labels[name] for name in names]).argsort()
        labels = places[np.array(self._labels, np.int64)]
        if given:
            found = np.array([SPLITS.index(split) for split in given])
            info: dict[str, Any] = {"by": "folders"}
        else:
            keys, sizes = np.frombuffer(self._keys, "u8"), np.frombuffer(self._sizes, "i8")
            found = _divide(keys, labels, sizes, self._percent)
            info = {"by": self._by, "percent": dict(zip(SPLITS, self._percent, strict=True))}
        counts = np.zeros((len(SPLITS), len(names)), np.int64)
        np.add.at(counts, (found, labels), 1)
        info["counts"] = dict(zip(SPLITS, counts.sum(1).tolist(), strict=True))
        for split, count in info["counts"].items():
            if not count:
                raise UserError(
                    f"the {split} split has no example: {len(self)} examples are too few, or too "
                    "many of them must stay together; give more"
                )
        if names != [""]:
            of_split = [dict(zip(names, row, strict=True)) for row in counts.tolist()]
            info["classes"] = dict(zip(SPLITS, of_split, strict=True))
        return Division([SPLITS[split] for split in found.tolist()], info)


def split_lines(info: Mapping[str, Any], noun: str) -> list[str]:
    """Tell how a data set was divided, in lines that name the classes which are short of examples.

    Args:
        info: That of a ``Division``.
        noun: What the examples are, such as ``images``.
    """
    percent = "/".join(str(share) for share in info.get("percent", {}).values())
    lines = [f"  split {percent} by {info['by']}" if percent else f"  split by {info['by']}"]
    classes: Mapping[str, Mapping[str, int]] = info.get("classes", {})
    for split, count in info["counts"].items():
        lines.append(f"  {split:<10} {count:>11,} {noun}{_listed_counts(classes.get(split, {}))}")
    for split, counts in classes.items():
        if lacking := [name for name, count in counts.items() if not count]:
            lines.append(f"  warning: {split} has no example of {_listed(lacking)}")
    totals = sum((Counter(counts) for counts in classes.values()), Counter[str]())
    if rare := [f"{name} ({count})" for name, count in sorted(totals.items()) if count < _RARE]:
        lines.append(f"  warning: hardly any examples of {_listed(rare)}")
    return lines


def _listed(names: Sequence[str]) -> str:
    more = [f"{len(names) - _MOST_NAMED:,} more"] if len(names) > _MOST_NAMED else []
    return ", ".join([*names[:_MOST_NAMED], *more])


def _listed_counts(counts: Mapping[str, int]) -> str:
    if len(counts) > _MOST_NAMED:
        least, most = min(counts.values()), max(counts.values())
        return f", {least:,} to {most:,} in each of {len(counts):,} classes"
    return ": " * bool(counts) + ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _divide(
    keys: UInt64[np.ndarray, " batch"],
    labels: Int64[np.ndarray, " batch"],
    sizes: Int64[np.ndarray, " batch"],
    percent: tuple[int, int, int],
) -> Int64[np.ndarray, " batch"]:
    """The place in `SPLITS` of each example."""
    _, unit_of = np.unique(keys, return_inverse=True)  # units are numbered in the order of keys
    size = np.bincount(unit_of, sizes).astype(np.int64)
    # What many classes share is dealt out by the rarest (Sechidis et al., 2011).
    rarest = np.argsort(np.bincount(labels), kind="stable")
    stratum = np.full(len(size), len(rarest))
    np.minimum.at(stratum, unit_of, np.argsort(rarest)[labels])
    stratum = rarest[stratum]
    light = 100 * size <= max(percent[1:]) * size.sum()
    line = np.lexsort((light, stratum))
    stratum, size = stratum[line], size[line]

    below = np.concatenate([[0], np.cumsum(size)])  # of all units before one
    bounds = np.searchsorted(stratum, np.arange(len(rarest) + 1))
    first, shares = bounds[:-1], np.array([0, *np.cumsum(percent)])
    # Row by row where, in the line, each stratum begins, is cut, is cut again, and ends. A unit
    # belongs where its middle falls.
    middle = below[:-1] + below[1:] - 2 * below[first][stratum]
    whole = np.diff(below[bounds])[stratum]
    before = (stratum[50 * middle < share * whole] for share in shares)
    cuts = first + np.array([np.bincount(each, minlength=len(first)) for each in before])
    cuts[1] = np.maximum(cuts[1], np.minimum(first + 1, bounds[1:]))
    cuts[2] = np.maximum(cuts[1], cuts[2])
    for cut in (1, 2):
        _adjust(cuts, cut, below, shares)
    place = np.arange(len(line))
    split = (place >= cuts[1][stratum]).astype(np.int64) + (place >= cuts[2][stratum])
    # Of few or very unequal units, one goes to a split that has none.
    spare = place > first[stratum]
    for empty in (2, 1):
        if not (split == empty).any() and spare.any():
            most = np.bincount(split[spare]).argmax()
            split[np.flatnonzero(spare & (split == most))[-1]] = empty
    found = np.empty_like(split)
    found[line] = split
    return found[unit_of]


def _adjust(
    cuts: Int64[np.ndarray, "4 num_classes"],
    cut: int,
    below: Int64[np.ndarray, " points"],
    shares: Int64[np.ndarray, "4"],
) -> None:
    """Shift a cut, by one unit in one stratum at a time, while that brings the totals nearer."""
    while True:
        # By how much each stratum has too much before its cuts, in hundredths.
        spans = below[cuts] - below[cuts[0]]
        off = 100 * spans - shares[:, None] * spans[3]
        excess = off[cut].sum()
        step = -1 if excess > 0 else 1
        there = cuts[cut] + step
        free = (there >= cuts[cut - 1] + (cut == 1)) & (there <= cuts[cut + 1])
        moved = 100 * (below[np.minimum(there, len(below) - 1)] - below[cuts[cut]])
        better = free & (np.abs(excess + moved) < abs(excess))
        if not better.any():
            return
        # A unit leaves where its split is the fullest, compared with the one that it goes to.
        fuller = step * (off[cut - 1] - 2 * off[cut] + off[cut + 1])
        cuts[cut, np.where(better, fuller, fuller.min() - 1).argmax()] += step
