"""Without a tracker a run leaves nothing but its own files."""

from .project import reporting


def test_nothing_is_written(tmp_path):
    tracker = reporting.tracker.open_tracker(tmp_path, 0, {"seed": 0})
    assert isinstance(tracker, reporting.writers.MetricWriter)
    tracker.write(1, {"train/loss": 2.0})
    tracker.flush()
    tracker.close()
    assert list(tmp_path.iterdir()) == []
