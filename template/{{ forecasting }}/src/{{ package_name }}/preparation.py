"""From series to a data set: split by time, cut into records.

Two points in time, the same for all series, part what is trained on from what validates, and that
from what tests. So a split holds nothing later than the ones after it, of no series. A record is a
run of consecutive steps of one series in one split, float32, NaN where a value is missing.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from .covariates import Covariates
from .errors import UserError
from .frequency import Frequency
from .lengths import Lengths, default_lengths
from .reporting.byte_progress import ByteProgress
from .series import Panel, Series, read_panel, seasonal_scales
from .sources import Columns, Reading, Source
from .storage.dataset import DataSet
from .storage.dataset_writer import DataSetWriter
from .storage.splitting import SPLITS, split_lines
from .tables import size_of
from .windows import Windows

PERCENT = (80, 10, 10)  # of all points are for training, validation, and the test

CHUNK_STEPS = 4096
DTYPE = "<f4"


def write_series(
    writer: DataSetWriter,
    source: Source,
    *,
    seq_len: int | None,
    horizon: int | None,
    progress: bool,
) -> dict[str, Any]:
    """Write the splits of a source.

    Args:
        writer: Where they go.
        source: The series.
        seq_len: Steps before an origin that a forecast is made from; None for what suits the data.
        horizon: Steps that are forecast, of which each split must hold a stretch; None likewise.
        progress: Show progress on standard error.

    Returns:
        What the data set is to remember.

    Raises:
        UserError: The series cannot be read, a split is too short, or a file cannot be written.
    """
    with ByteProgress("reading series", 2 * size_of(source.files), enabled=progress) as bar:
        panel = read_panel(source, bar.advance)
    ticks = np.concatenate([panel.ticks(series) for series in panel.series])
    places = [len(ticks) * sum(PERCENT[:at]) // 100 for at in (1, 2)]
    borders = np.partition(ticks, places)[places].tolist()
    # For each series the steps at which the splits begin, and its length.
    bounds = np.array(
        [
            [0, *np.searchsorted(panel.ticks(series), borders), len(series.values)]
            for series in panel.series
        ]
    )
    lengths = default_lengths(panel.frequency, panel.season, bounds.tolist())
    seq_len, horizon = seq_len or lengths.seq_len, horizon or lengths.horizon
    splits, text = {}, panel.frequency.text
    starts = (min(series.start for series in panel.series), *borders)
    for at, (split, start) in enumerate(zip(SPLITS, starts, strict=True)):
        spans = bounds[:, at : at + 2]
        short = _check_enough(panel, split, spans, seq_len, horizon)
        parts = [
            series.values[first:stop]
            for series, (first, stop) in zip(panel.series, spans, strict=True)
        ]
        for part, series, (first, stop) in zip(parts, panel.series, spans, strict=True):
            whole = _with_known(part, series.known[first:stop])
            for begin in range(0, len(part), CHUNK_STEPS):
                chunk = whole[begin : begin + CHUNK_STEPS]
                writer.write(split, chunk.astype(DTYPE).tobytes())
        missing = sum(int(np.isnan(part).sum()) for part in parts)
        splits[split] = {
            "start": text(start),
            "series": sum(len(part) > 0 for part in parts),
            "values": sum(part.size for part in parts) - missing,
            "missing": missing,
            "short": short,
        }
    steps = np.diff(bounds, axis=1).sum(axis=0).tolist()
    trained = panel.cut(bounds[:, 1])
    scales = seasonal_scales(trained).tolist()
    return {
        "kind": "series",
        "windows": {"seq_len": seq_len, "horizon": horizon},
        "source": source.name,
        "columns": asdict(panel.columns),
        "unused": list(panel.unused),
        "dialect": asdict(panel.dialect),
        "files": list(panel.files),
        "reading": asdict(panel.reading),
        "notes": list(panel.notes),
        "covariates": asdict(_fitted(trained)),
        "frequency": str(panel.frequency),
        "season": panel.season,
        "lengths": lengths._asdict(),
        "chunk_steps": CHUNK_STEPS,
        "dtype": DTYPE,
        "split": {
            "by": "time",
            "percent": dict(zip(SPLITS, PERCENT, strict=True)),
            "counts": dict(zip(SPLITS, steps, strict=True)),
        },
        "splits": splits,
        "series": [
            {
                "name": series.name,
                "key": list(series.key),
                "start": text(series.start),
                "bounds": bound,
                "scales": scale,
                "static": [None if math.isnan(each) else each for each in series.static],
            }
            for series, bound, scale in zip(panel.series, bounds.tolist(), scales, strict=True)
        ],
    }


def load_panel(data_set: DataSet, split: str) -> tuple[Panel, Int64[np.ndarray, "num_series 2"]]:
    """Read series up to the end of a split, and nothing later.

    Args:
        data_set: What `write_series` made.
        split: The last of the splits that are read.

    Returns:
        The series, and where in each of them the split begins and ends.

    Raises:
        UserError: There is no such split.
    """
    data_set.source(split)  # says so, if there is no such split
    info, last = data_set.info, SPLITS.index(split)
    bounds = np.array([series["bounds"] for series in info["series"]])
    parts: list[list[np.ndarray]] = [[] for _ in info["series"]]
    for at in range(last + 1):
        records = iter(data_set.source(SPLITS[at]))
        for part, length in zip(parts, (bounds[:, at + 1] - bounds[:, at]).tolist(), strict=True):
            chunks = range(0, length, info["chunk_steps"])
            part.extend(np.frombuffer(next(records), info["dtype"]) for _ in chunks)
    columns, reading = Columns.of(info), Reading(**info.get("reading", {}))
    frequency, covariates = Frequency.parse(info["frequency"], reading.zone), Covariates.of(info)
    empty, channels = np.empty(0, np.float32), len(columns.channels or ())
    series = []
    for told, part in zip(info["series"], parts, strict=True):
        table = np.concatenate([empty, *part]).reshape(-1, channels + len(covariates.known))
        static = (math.nan if each is None else each for each in told.get("static", ()))
        series.append(
            Series(
                told["name"],
                frequency.tick(told["start"]),
                table[:, :channels],
                tuple(told.get("key", [told["name"]])),
                table[:, channels:],
                tuple(static),
            )
        )
    panel = Panel(
        columns,
        frequency,
        info["season"],
        tuple(series),
        reading=reading,
        covariates=covariates,
    )
    return panel, bounds[:, last : last + 2]


def summary(data_set: DataSet) -> str:
    """Tell in a few lines what a data set of series holds."""
    info = data_set.info
    channels = ", ".join(info["columns"]["channels"])
    lines = [
        f"{data_set.directory}: {info['source']}",
        *(f"  read as {way}" for way in info.get("files", ())),
        f"  time {info['columns']['time']!r} in steps of {info['frequency']}, season of "
        f"{info['season']} steps; channels: {channels}",
        *(f"  {note}" for note in _notes(info)),
    ]
    told = zip(split_lines(info["split"], "steps"), [{}, *info["splits"].values()], strict=True)
    for line, counts in told:
        if counts:
            more = (f" {counts[name]:>11,} {name}" for name in ("series", "values", "missing"))
            line += "".join(more) + f"  from {counts['start']}"
        lines.append(line)
    lines.append(f"  without other settings, forecasts {Lengths.of(info)}")
    for split, use in zip(SPLITS, ("trained on", "validated on", "tested on"), strict=True):
        if short := info["splits"][split].get("short"):
            length = info["windows"]
            lines.append(
                f"  {short:,} series too short to be {use}: they have no window of "
                f"{length['horizon']} steps in the {split} split, after half of "
                f"{length['seq_len']} others"
            )
    if info["unused"]:
        lines.append(f"  columns that were not used: {', '.join(info['unused'])}")
    return "\n".join(lines)


def _with_known(
    values: Float32[np.ndarray, "num_steps channels"], known: Float32[np.ndarray, "_ _"]
) -> Float32[np.ndarray, "num_steps _"]:
    """Values and what is known beside them, step by step."""
    return np.concatenate([values, known[: len(values)]], axis=1)


def _fitted(trained: Panel) -> Covariates:
    """The covariates, with numbers standardised by what is trained on."""
    covariates, series = trained.covariates, trained.series
    known = np.concatenate([each.known for each in series])
    static = np.array([each.static for each in series], np.float32)
    return covariates.fitted(known, static)


def _notes(info: Mapping[str, Any]) -> list[str]:
    """What was done to rows, and what is known beside the values."""
    columns, notes = info["columns"], list(info.get("notes", ()))
    formats = info.get("dialect", {}).get("formats", {})
    notes += [f"{name!r} is written like {written}" for name, written in formats.items()]
    if columns.get("wide") is not None:
        notes.append(f"{len(info['series']):,} columns, each a series")
    keys = Columns.of(info).keys
    if keys or columns["per_file"]:
        by = ", ".join(keys) or "file"
        notes.append(f"{len(info['series']):,} series, by {by}")
    covariates = Covariates.of(info)
    for kind, told in (("known", "known for the future"), ("static", "static")):
        found = [
            f"{each.name} ({'a number' if each.texts is None else f'{len(each.texts)} texts'})"
            for each in getattr(covariates, kind)
        ]
        notes += [f"{told}: {', '.join(found)}"] if found else []
    return notes


def _check_enough(
    panel: Panel, split: str, spans: Int64[np.ndarray, "num_series 2"], seq_len: int, horizon: int
) -> int:
    """Check that there is a window, and count the series that have steps in the split but none."""
    windows = Windows(panel.cut(spans[:, 1]), seq_len=seq_len, horizon=horizon, spans=spans)
    if len(windows):
        return int(np.sum(spans[:, 1] > spans[:, 0])) - len(np.unique(windows.owners))
    longest = int(np.max(spans[:, 1] - spans[:, 0]))
    if longest < horizon:
        raise UserError(
            f"the {split} split has {longest} steps of a series at most, less than data.horizon "
            f"{horizon}: give longer series, or --config=set:data.horizon={max(1, longest)}"
        )
    raise UserError(
        f"the {split} split has no stretch of data.horizon {horizon} steps, after data.seq_len "
        f"{seq_len} others, in which half of the values are there: set other lengths, such as "
        f"--config=set:data.seq_len={max(1, seq_len // 2)}, or give a coarser --frequency"
    )
