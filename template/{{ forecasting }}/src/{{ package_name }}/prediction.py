"""What the trained model tells: quantiles of the steps to come, of your own files too."""

import itertools
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from pydantic import Field

from .covariates import Covariates
from .errors import UserError
from .fan_chart import Fan, draw_fans
from .frequency import NUM_FEATURES, Frequency
from .intervals import calibration_of, fit_factors, stretch
from .model import Forecaster
from .series import read_panel
from .settings import Settings
from .sources import Columns, as_prepared
from .training.prediction import Chunk, Result
from .windows import Windows

_MOST_FANS = 4  # in a picture
_CAME = ("targets", "weights")


class ForecastPrediction(Settings):
    """Quantiles of the ``horizon`` steps after what is known, for every channel of every series.

    Attributes:
        info: What the data set said of columns, frequency, season and how tables are read; follows
            from the data, and a configuration leaves it empty.
        adjustment: What the validation split said of the intervals, see `intervals.py`; follows
            from the run, and a configuration leaves it empty.
    """

    # `fitted` and `calibrated` pass by what a configuration may give.
    info: dict[str, Any] = Field(default_factory=dict, max_length=0)
    adjustment: dict[str, Any] = Field(default_factory=dict, max_length=0)

    def fitted(self, info: Mapping[str, Any]) -> "ForecastPrediction":
        """With what a data set says of how tables are read."""
        known = ("columns", "frequency", "season", "dialect", "reading", "covariates")
        found = {name: info[name] for name in known if name in info}
        return self.model_copy(update={"info": found})

    def input_specs(self, data: Any) -> dict[str, jax.ShapeDtypeStruct]:
        """The history, (seq_len, channels), and what the calendar tells of it and the future."""
        history = (data.seq_len, len(self.info["columns"]["channels"]))
        features = NUM_FEATURES + Covariates.of(self.info).width
        return {
            "history": jax.ShapeDtypeStruct(history, jnp.float32),
            "observed": jax.ShapeDtypeStruct(history, jnp.bool_),
            "history_time": jax.ShapeDtypeStruct((data.seq_len, features), jnp.float32),
            "future_time": jax.ShapeDtypeStruct((data.horizon, features), jnp.float32),
        }

    def __call__(self, model: Forecaster, inputs: dict[str, Array]) -> dict[str, Array]:
        """Float32 quantiles ``q0.1``, ``q0.2``, ..., each (batch, horizon, channels)."""
        names = ("history", "observed", "history_time", "future_time")
        quantiles = model(*(inputs[name] for name in names))
        if self.adjustment:
            quantiles = stretch(quantiles, np.array(self.adjustment["factors"]))
        return {f"q{level:g}": quantiles[..., at] for at, level in enumerate(model.settings.levels)}

    def calibration(self, results: Iterable[Result]) -> dict[str, Any]:
        """By how much intervals must be wider or narrower to cover what came."""
        found = list(results)
        levels = [float(name[1:]) for name in found[0].outputs]
        quantiles = [np.stack([*result.outputs.values()], axis=-1) for result in found]
        came = [np.concatenate([each.batch[name] for each in found]) for name in _CAME]
        return calibration_of(levels, fit_factors(levels, np.concatenate(quantiles), *came))

    def calibrated(self, calibration: Mapping[str, Any]) -> "ForecastPrediction":
        """With intervals adjusted like that."""
        return self.model_copy(update={"adjustment": dict(calibration)})

    @property
    def note(self) -> str | None:
        """Which intervals the validation split was too short for."""
        return self.adjustment.get("note")

    def read(self, data: Any, sources: Sequence[str], *, targets: bool) -> Iterable[Chunk]:
        """Windows of tables with the columns that the model was trained on.

        Args:
            data: Says how long windows are.
            sources: Patterns of files.
            targets: With them, the windows are those of a rolling origin over all that the tables
                hold, and errors are divided by the seasonal change in it; without, there is one
                window for each series, which ends with its last row.

        Raises:
            UserError: The tables cannot be read, or are too short.
        """
        source = as_prepared(sources, self.info)
        panel = read_panel(source, lambda _: None)
        if not targets:
            panel = panel.ahead(data.horizon, f"--source {source.name}")
        ends = np.array([len(series.values) for series in panel.series])
        spans = np.stack([0 * ends, ends] if targets else [ends, ends + data.horizon], axis=1)
        windows = Windows(
            panel,
            seq_len=data.seq_len,
            horizon=data.horizon,
            spans=spans,
            stride=data.eval_stride,
            known=0.5 if targets else 0.0,
        )
        if targets and not len(windows):
            raise UserError(
                f"--source {source.name}: no stretch of data.horizon {data.horizon} steps, after "
                f"data.seq_len {data.seq_len} others, in which half of the values are there"
            )
        silent = set(range(len(ends))) - set(windows.owners.tolist())
        if silent and targets:
            print(
                f"note: {len(silent)} of {len(ends)} series are too short to be evaluated: they "
                f"have no window of {data.horizon} steps after half of {data.seq_len} others",
                file=sys.stderr,
            )
        elif silent:
            raise UserError(
                f"--source {source.name}: there is nothing in the last {data.seq_len} steps of "
                f"series {panel.series[min(silent)].name!r} to forecast from"
            )
        for first in range(0, len(windows), data.batch_size):
            numbers = np.arange(first, first + data.batch_size)
            batch = windows.read(np.where(numbers < len(windows), numbers, -1))
            if not targets:
                del batch["targets"]
            rows = [
                {
                    "series": panel.series[windows.owners[number]].name,
                    "key": panel.series[windows.owners[number]].key,
                    "start": panel.series[windows.owners[number]].start,
                    "origin": int(windows.origins[number]),
                }
                for number in numbers[: len(windows) - first]
            ]
            yield Chunk(batch, rows)

    def records(self, results: Iterable[Result]) -> Iterator[dict[str, Any]]:
        """One row for each channel of each step that is forecast.

        It tells the series (where they have names, in a column for each part of one), the
        ``origin`` (the last step that was known), the ``time``, the ``channel``, the quantiles, and
        what came, if targets were read.
        """
        columns = Columns.of(self.info)
        names = columns.keys if len(columns.keys) > 1 else ("series",)
        named = columns.keys or columns.per_file or columns.wide is not None
        for rows, batch, outputs in results:
            for number, row in enumerate(rows):
                first = batch["history"].shape[1]
                origin, *times = map(self._frequency.text, self._ticks(row, batch)[first - 1 :])
                for (step, time), (at, channel) in itertools.product(
                    enumerate(times), enumerate(columns.channels or ())
                ):
                    record = dict(zip(names, row["key"], strict=True)) if named else {}
                    record |= {"origin": origin, "time": time, "channel": channel}
                    place = (number, step, at)
                    record |= {name: quantile[place] for name, quantile in outputs.items()}
                    if "targets" in batch:
                        there = batch["weights"][place] > 0
                        record["actual"] = batch["targets"][place] if there else None
                    yield record

    def plot(self, path: Path, results: list[Result]) -> None:
        """Draw some of the forecasts, spread over all of them, each behind its history."""
        places = [
            (result, number, channel)
            for result in results
            for number in range(len(result.rows))
            for channel in range(result.batch["history"].shape[2])
        ]
        count = min(len(places), _MOST_FANS)
        chosen = [places[at * len(places) // count] for at in range(count)]
        draw_fans(path, [self._fan(*place) for place in chosen])

    def write_samples(self, model: Forecaster, results: list[Result], path: Path) -> None:
        """Draw some of the forecasts."""
        self.plot(path.with_suffix(".png"), results)

    def _fan(self, result: Result, number: int, channel: int) -> Fan:
        (row, batch), at = (result.rows[number], result.batch), (number, slice(None), channel)
        name = self.info["columns"]["channels"][channel]
        length, horizon = batch["history"].shape[1], batch["future_time"].shape[1]
        if not row:  # an example of a prepared split does not tell when it is
            name, times = f"{name}, by steps from what is known", np.arange(1 - length, 1 + horizon)
        else:
            name = ", ".join(filter(None, (row["series"], name)))
            times = np.array(self._ticks(row, batch))
            if self._frequency.kind != "index":
                times = self._frequency.local(times).astype("datetime64[us]")
        actual = np.full(horizon, np.nan, np.float32)
        if "targets" in batch:
            actual = np.where(batch["weights"][at] > 0, batch["targets"][at], np.nan)
        return Fan(
            name,
            times,
            np.where(batch["observed"][at], batch["history"][at], np.nan),
            np.stack([quantile[at] for quantile in result.outputs.values()], axis=-1),
            actual,
        )

    @property
    def _frequency(self) -> Frequency:
        zone = self.info.get("reading", {}).get("zone", "")
        return Frequency.parse(self.info["frequency"], zone)

    def _ticks(self, row: dict[str, Any], batch: dict[str, np.ndarray]) -> list[int]:
        """When the steps of a window are."""
        length, horizon = batch["history"].shape[1], batch["future_time"].shape[1]
        steps = row["origin"] + np.arange(-length, horizon)
        return self._frequency.ticks(np.array([row["start"]]), steps).tolist()
