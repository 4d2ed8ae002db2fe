"""What is kept of every image while a data set is made: split, targets, sums of its pixels."""

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Num

from .folders import Item
from .images import Form, Picture
from .storage.splitting import SPLITS, Splitter
from .targets import Stored, Targets


class Tally:
    """Takes in all images, some 100 bytes of memory for each.

    Attributes:
        splits: The split of each image, once they are divided.
    """

    def __init__(
        self, targets: Targets, form: Form, frequencies: Sequence[int], splitter: Splitter
    ) -> None:
        """Begin with none.

        Args:
            targets: What is predicted.
            form: What the images were brought to.
            frequencies: How often each class or label occurs in all.
            splitter: Divides them.
        """
        self._targets, self._form, self._frequencies = targets, form, frequencies
        self._splitter = splitter
        self._given: list[str] = []
        self._strata: dict[tuple[int | float, ...], str] = {}
        self._digests, self._sums = array("Q"), array("q")
        self._stored = array("d" if targets.task == "regression" else "i")
        self.splits: list[str] = []

    def add(self, images: Sequence[tuple[Item, Picture, Stored]]) -> None:
        """Take in some images with their targets as they are stored."""
        for item, picture, stored in images:
            values = [stored] if isinstance(stored, int) else stored
            labels = () if self._targets.task == "regression" else tuple(values)
            stratum = self._strata.get(labels)
            if stratum is None:
                stratum = self._strata[labels] = self._stratum(labels)
            self._stored.extend(values)
            self._splitter.add(item.group or picture.digest, stratum)
            self._digests.append(int.from_bytes(picture.digest[:8], "big"))
            self._sums.extend(picture.sums.ravel().tolist())
            if item.split is not None:
                self._given.append(item.split)

    def divide(self) -> dict[str, Any]:
        """Divide the images, and tell how; see `Splitter.divide`.

        Raises:
            UserError: A split has no image.
        """
        self.splits, division = self._splitter.divide(self._given)
        if self._targets.task == "multilabel":
            names = self._targets.names
            division["classes"] = {
                split: dict(zip(names, self._values(split).sum(axis=0).tolist(), strict=True))
                for split in SPLITS
            }
        return division

    def pixel_moments(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each channel over the training split, from 0 to 1."""
        height, width, channels = self._form.shape
        sums = np.array(self._sums).reshape(-1, 2, channels)[self._in(SPLITS[0])]
        count, most = len(sums) * height * width, float(self._form.most)
        mean, squares = sums.sum(axis=0) / count / [[most], [most**2]]
        # A channel that never changes is divided by one step of its pixels.
        std = np.sqrt(np.maximum(squares - mean**2, most**-2))
        return mean.round(6).tolist(), std.round(6).tolist()

    def fitted(self) -> Targets:
        """The targets, with means and deviations over the training split if they are numbers."""
        if self._targets.task != "regression":
            return self._targets
        values = self._values(SPLITS[0])
        std = values.std(axis=0)
        learned = {"mean": values.mean(axis=0).tolist(), "std": np.where(std > 0, std, 1).tolist()}
        return self._targets.model_copy(update=learned)

    def doubles(self) -> tuple[int, int]:
        """How many images equal another one, and how many equal one of other targets."""
        _, first, same, counts = np.unique(
            np.array(self._digests),
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        stored = np.array(self._stored).reshape(len(same), -1)
        others = (stored != stored[first[same]]).any(axis=1)
        return int(counts[counts > 1].sum()), int(others.sum())

    def _stratum(self, values: Sequence[int | float]) -> str:
        """What an image counts as where classes are divided evenly: the rarest of its labels."""
        names = self._targets.names
        if self._targets.task == "classification":
            return names[int(values[0])]
        labels = [number for number, has in enumerate(values) if has]
        return names[min(labels, key=self._frequencies.__getitem__)] if labels else ""

    def _in(self, split: str) -> Bool[np.ndarray, " batch"]:
        return np.array([each == split for each in self.splits])

    def _values(self, split: str) -> Num[np.ndarray, "batch _"]:
        """The targets of the images of a split."""
        return np.array(self._stored).reshape(len(self.splits), -1)[self._in(split)]
