"""The tracker writes what TensorBoard reads."""

import math
import struct

from .project import reporting


def read_events(directory):
    """All events, files in the order in which TensorBoard reads them.

    A record is its length, a checksum, the event and another checksum.
    """
    events = []
    for path in sorted(directory.iterdir()):
        content, at = path.read_bytes(), 0
        while at < len(content):
            (length,) = struct.unpack_from("<Q", content, at)
            events.append(reporting.tracker.Event.FromString(content[at + 12 : at + 12 + length]))
            at += length + 16
    return events


def scalars(events):
    return [
        (value.tag, event.step, value.simple_value)
        for event in events
        for value in event.summary.value
    ]


def test_finite_metrics_are_written(tmp_path):
    tracker = reporting.tracker.open_tracker(tmp_path, 0, {})
    tracker.write(1, {"train/loss": 2.0, "train/grad_norm": math.nan})
    tracker.flush()
    assert scalars(read_events(tmp_path)) == [("train/loss", 1, 2.0)]
    tracker.close()


def test_a_resumed_run_hides_what_was_written_after_its_checkpoint(tmp_path):
    for resume_step, loss in ((0, 1.0), (5, 2.0)):
        tracker = reporting.tracker.open_tracker(tmp_path, resume_step, {})
        tracker.write(6, {"train/loss": loss})
        tracker.close()
    events = read_events(tmp_path)
    assert [event.step for event in events if event.HasField("session_log")] == [0, 6]
    assert scalars(events) == [("train/loss", 6, 1.0), ("train/loss", 6, 2.0)]
