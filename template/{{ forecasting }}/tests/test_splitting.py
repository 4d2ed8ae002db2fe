"""Splits: how a division by time is told."""

from .project import storage


def test_a_division_is_told_in_a_line_for_each_split():
    percent = dict(zip(storage.splitting.SPLITS, (70, 10, 20), strict=True))
    counts = {name: 100 * share for name, share in percent.items()}
    lines = storage.splitting.split_lines(
        {"by": "time", "percent": percent, "counts": counts}, "steps"
    )
    assert lines == [
        "  split 70/10/20 by time",
        "  train            7,000 steps",
        "  validation       1,000 steps",
        "  test             2,000 steps",
    ]
