"""What an example is, and where examples come from.

An example is a window: ``seq_len`` steps of a series, what the calendar says of them and of the
``horizon`` steps that follow, and, to compare with, those steps. Splits are stretches of time (see
`preparation.py`). Targets of a split lie inside it; the history before them may lie in an earlier
one, as it would be known when the forecast is made. Training never even reads what is held out.

Training takes an example at every step. Evaluation goes through a split as time does and forecasts
from every ``eval_stride``-th step: a rolling origin (Tashman, 2000).

Which windows form the batch of a step stands in ``training/indexed_data.py``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from . import preparation, sources
from .errors import UserError
from .lengths import Lengths
from .series_scores import volumes_of
from .settings import Size
from .storage.dataset_writer import DataSetWriter
from .training.prepared_data import PreparedData
from .windows import Windows


class SeriesData(PreparedData):
    """A prepared data set of series and how it is read.

    Attributes:
        directory: Where the prepared data set stands.
        seq_len: Steps that a forecast is made from; None for what suits the data.
        horizon: Steps that are forecast; None for what suits the data.
        batch_size: Examples in a batch, over all processes together.
        eval_stride: Steps from one origin to the next in evaluation.
        threads: Threads that read ahead.
    """

    directory: str = "data/series"
    seq_len: Size | None = None
    horizon: Size | None = None
    eval_stride: Size = 1

    def fitted(self, info: Mapping[str, Any]) -> "SeriesData":
        """With the lengths of a data set, where no others are set."""
        if info.get("kind") != "series" or (self.seq_len and self.horizon):
            return self
        known = Lengths.of(info)
        lengths = {
            "seq_len": self.seq_len or known.seq_len,
            "horizon": self.horizon or known.horizon,
        }
        return self.model_copy(update=lengths)

    def prepare(self, source: sources.Source, *, overwrite: bool, progress: bool) -> str:
        """Write the data set, and return a summary of it.

        Raises:
            UserError: The source cannot be read or is too short, or the data set not be written.
        """
        lengths = {"seq_len": self.seq_len, "horizon": self.horizon}
        with DataSetWriter(Path(self.directory), overwrite=overwrite) as writer:
            info = preparation.write_series(writer, source, **lengths, progress=progress)
            return preparation.summary(writer.commit(info))

    def prepare_sample(self, *, progress: bool) -> str:
        """Write the bundled sample as the data set, and return a summary of it."""
        return self.prepare(sources.sample(), overwrite=False, progress=progress)

    def examples(self, split: str) -> Windows:
        """The windows of a split.

        Raises:
            UserError: The data set is not there, or no window of this length is.
        """
        data_set = self.open("series")
        known = self.fitted(data_set.info)
        seq_len, horizon = known.seq_len or 1, known.horizon or 1
        panel, spans = preparation.load_panel(data_set, split)
        trained = np.array([each["bounds"][1] for each in data_set.info["series"]])
        windows = Windows(
            panel,
            seq_len=seq_len,
            horizon=horizon,
            spans=spans,
            scales=np.array([each["scales"] for each in data_set.info["series"]], np.float32),
            volumes=volumes_of(panel.cut(trained), horizon),
            stride=1 if split == "train" else self.eval_stride,
        )
        if not len(windows):
            raise UserError(
                f"data.horizon {horizon} is too long, or data.seq_len {seq_len}: no such window of "
                f"the {split} split of {self.directory} holds half of its values"
            )
        return windows
