"""Which examples a run takes, in which order."""

import zlib

from .project import training


class Recorded:
    """The batches of a run; each that is taken leaves the checksums of its examples in `taken`."""

    def __init__(self, batches, taken):
        self._batches, self._taken = batches, taken

    def __iter__(self):
        return self

    def __next__(self):
        batch = next(self._batches)
        rows = zip(*(batch[name] for name in sorted(batch)), strict=True)
        self._taken.append([zlib.crc32(b"".join(part.tobytes() for part in row)) for row in rows])
        return batch

    def get_state(self):
        return self._batches.get_state()

    def set_state(self, state):
        self._batches.set_state(state)


def record(patch):
    """Note what runs take from now on: the checksums of a batch's examples, a list for each step.

    Args:
        patch: The `pytest.MonkeyPatch` that ends it.
    """
    taken, training_batches = [], training.loop.training_batches

    def recorded(experiment):
        return Recorded(training_batches(experiment), taken)

    patch.setattr(training.loop, "training_batches", recorded)
    return taken
