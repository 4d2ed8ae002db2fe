"""Runs whose batches are changed on the way."""

from .project import training


class Altered:
    """Batches as `change` gives them back, by their number from 1; None leaves one out."""

    def __init__(self, batches, change):
        self._batches, self._change, self._taken = batches, change, 0

    def __iter__(self):
        return self

    def __next__(self):
        while True:
            batch, self._taken = next(self._batches), self._taken + 1
            changed = self._change(self._taken, batch)
            if changed is not None:
                return changed

    def get_state(self):
        return {"batches": self._batches.get_state(), "taken": self._taken}

    def set_state(self, state):
        self._batches.set_state(state["batches"])
        self._taken = state["taken"]


def alter(patch, change):
    """Change the batches of every run from now on.

    Args:
        patch: The `pytest.MonkeyPatch` that ends it.
        change: Given the number of a batch and the batch.
    """
    take = training.batches.training_batches
    patch.setattr(
        training.loop, "training_batches", lambda experiment: Altered(take(experiment), change)
    )
