"""Random access to windows: what was known before an origin, and what came after it.

An origin is the first step that is forecast. The ``seq_len`` steps before it are the history, which
may lie in an earlier split, or begin before the series does; the ``horizon`` steps from it on are
the targets, which lie in one split.
"""

import numpy as np
from jaxtyping import Float32, Integer

from .series import Panel, seasonal_scales
from .series_scores import volumes_of
from .training.indexed_data import Draws, Numbers
from .training.prediction import Arrays


class Windows:
    """All windows of a panel whose targets lie in given stretches of its series.

    The values are held in memory: a hundred million of them take 400 MB.

    Attributes:
        owners: The series of each window, a number.
        origins: The origin of each window, in steps from the beginning of its series.
    """

    def __init__(
        self,
        panel: Panel,
        *,
        seq_len: int,
        horizon: int,
        spans: Integer[np.ndarray, "num_series 2"],
        scales: Float32[np.ndarray, "num_series channels"] | None = None,
        volumes: Float32[np.ndarray, "num_series channels"] | None = None,
        stride: int = 1,
        known: float = 0.5,
    ) -> None:
        """Find the windows.

        Args:
            panel: The series, without what must not be seen.
            seq_len: Steps before an origin.
            horizon: Steps from an origin on.
            spans: For each series, where its targets begin and end; the end may lie behind the
                last step.
            scales: What errors are divided by, see `seasonal_scales`; by default those of `panel`.
            volumes: What series are weighted by, see `volumes_of`; by default those of `panel`.
            stride: Steps from one origin to the next.
            known: A window is left out if a smaller share than this of its history, or of its
                targets, is there; one without any history always is.
        """
        self._panel = panel
        self._span = np.arange(-seq_len, horizon)
        self._seq_len = seq_len
        self._scales = seasonal_scales(panel) if scales is None else scales
        self._volumes = volumes_of(panel, horizon) if volumes is None else volumes
        self._starts = np.array([series.start for series in panel.series])
        pieces, known_beside, owners, origins = [], [], [], []
        for owner, (series, (first, stop)) in enumerate(zip(panel.series, spans, strict=True)):
            around = (seq_len, max(0, stop - len(series.values)))
            piece = np.pad(series.values, (around, (0, 0)), constant_values=np.nan)
            there = np.concatenate([[0], np.cumsum(np.sum(~np.isnan(piece), axis=1))])
            # Step 0 has place seq_len here, so a step's number is where its history begins.
            found = np.arange(first, stop - horizon + 1, stride)
            history = there[found + seq_len] - there[found]
            targets = there[found + seq_len + horizon] - there[found + seq_len]
            full = known * piece.shape[1]
            found = found[(history >= max(1, full * seq_len)) & (targets >= full * horizon)]
            pieces.append(piece)
            known_beside.append(_padded(series.known, seq_len, len(piece)))
            owners.append(np.full(len(found), owner))
            origins.append(found)
        self._values = np.concatenate(pieces)
        self._known = np.concatenate(known_beside)
        self._static = np.array([series.static for series in panel.series], np.float32)
        # Where step 0 of each series is among them.
        self._begins = np.cumsum([seq_len, *map(len, pieces[:-1])])
        self.owners = np.concatenate(owners)
        self.origins = np.concatenate(origins)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.origins)

    def read(self, numbers: Numbers, draws: Draws | None = None) -> Arrays:
        """Make a batch; nothing about a window is varied.

        Args:
            numbers: Which windows, from 0; -1 gives one in which nothing is there.
            draws: Not used.

        Returns:
            ``history`` (batch, seq_len, channels) and ``targets`` (batch, horizon, channels),
            float32, 0 where a value is missing; ``observed`` (bool), which values of the history
            are there; ``weights`` (float32), 1 for a target that is there and 0 for others;
            ``history_time`` (batch, seq_len, num_features) and ``future_time`` (batch, horizon,
            num_features), what the calendar tells (see `Frequency.features`), and behind it the
            known and the static columns (see `Covariates.encoded`); ``scales`` (batch, channels),
            what errors are divided by; ``series`` (batch), the number of the series; ``volumes``
            (batch, channels), what it may be weighted by.
        """
        chosen = np.maximum(numbers, 0)
        owners, cut, panel = self.owners[chosen], self._seq_len, self._panel
        steps = self.origins[chosen][:, None] + self._span
        places = self._begins[owners][:, None] + steps
        values = self._values[places]
        there = ~np.isnan(values) & (numbers >= 0)[:, None, None]
        values = np.where(there, values, np.float32(0))
        ticks = panel.frequency.ticks(self._starts[owners][:, None], steps)
        time = panel.frequency.features(ticks, panel.season)
        if panel.covariates.width:
            known, static = self._known[places], self._static[owners]
            static = np.broadcast_to(static[:, None], (*places.shape, static.shape[1]))
            time = np.concatenate([time, panel.covariates.encoded(known, static)], axis=-1)
        return {
            "history": values[:, :cut],
            "observed": there[:, :cut],
            "history_time": time[:, :cut],
            "future_time": time[:, cut:],
            "targets": values[:, cut:],
            "weights": there[:, cut:].astype(np.float32),
            "scales": self._scales[owners],
            "series": owners.astype(np.int32),
            "volumes": self._volumes[owners],
        }

    def locate(self, number: int) -> str:
        """The series of a window, and the first step that it forecasts."""
        name = self._panel.series[self.owners[number]].name
        return f"series {name}, forecast from step {self.origins[number]}"


def _padded(
    known: Float32[np.ndarray, "_ num_features"], before: int, length: int
) -> Float32[np.ndarray, "_ num_features"]:
    """With so many steps before the first, and behind the last what makes the whole so long."""
    known = known[: length - before]
    around = (before, length - before - len(known))
    return np.pad(known, (around, (0, 0)), constant_values=np.nan)
