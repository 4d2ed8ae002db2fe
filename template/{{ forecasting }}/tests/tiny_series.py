"""Small tables of series for the tests."""

import argparse
from pathlib import Path

import numpy as np

from .project import series, sources

SEASON = 7


def values(days: int, seed: int, channels: int = 2) -> np.ndarray:
    """A week's pattern on a slope, with some noise: ``[days, channels]``."""
    random = np.random.default_rng(seed)
    level, slope = random.normal(20, 5, channels), random.normal(0, 0.05, channels)
    week = random.normal(0, 2, (SEASON, channels))
    day = np.arange(days)
    noise = random.normal(0, 0.3, (days, channels))
    return level + slope * day[:, None] + week[day % SEASON] + noise


def dates(days: int, start: str = "2023-01-02") -> list[str]:
    """Consecutive days."""
    return np.datetime_as_string(np.datetime64(start) + np.arange(days)).tolist()


def write_table(path: Path, *, places: int = 3, days: int = 120, seed: int = 0) -> Path:
    """A CSV file with the daily sales and visits of some places, one after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["day,place,sales,visits"]
    for place in range(places):
        rows = zip(dates(days), values(days, seed + place).round(3).tolist(), strict=True)
        lines += [f"{day},place {place},{sales},{visits}" for day, (sales, visits) in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def source(path: Path | str, *words: str) -> sources.Source:
    """A table, and what the command line says of it."""
    parser = argparse.ArgumentParser()
    sources.add_arguments(parser)
    return sources.from_arguments(parser.parse_args(["--source", str(path), *words]))


def panel(path: Path, **options: str) -> series.Panel:
    """The series of a table."""
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return series.read_panel(source(path, *words), lambda size: None)
