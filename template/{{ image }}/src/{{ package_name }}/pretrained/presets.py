"""Variations of experiments that fine-tune a published model, for `experiments.py` to import."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import fiddle as fdl

from .. import configuration
from ..errors import UserError
from ..storage.run_directory import RunDirectory
from ..training.experiment import Experiment
from ..training.groups import Group


def pretrained(config: fdl.Config[Experiment], run: str = "runs/base") -> None:
    """Start from another run, such as one that was imported: its model and weights.

    The head is new where the data set has another number of classes.
    """
    directory = RunDirectory(Path(run))
    if not directory.config_json.exists():
        raise UserError(f"{run} holds no run: import a model there first")
    saved = configuration.load_file(directory.config_json).model
    config.model = getattr(saved, "base", saved)
    config.start_from = run


@runtime_checkable
class Layered(Protocol):
    """Settings of a model of images that tell the patterns of its parameters below the head."""

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """Those of each part, from the input on."""
        ...

    @property
    def above(self) -> tuple[str, ...]:
        """Those between the last part and the head."""
        ...


def layer_decay(config: fdl.Config[Experiment], factor: float = 0.75) -> None:
    """Train each block at `factor` times the rate of the one above it, the head at the full one."""
    parts = _layers(config).parts
    config.optimizer.groups = {
        f"part_{number}": fdl.Config(Group, patterns=patterns, rate=factor ** (len(parts) - number))
        for number, patterns in enumerate(parts)
    }


def frozen(config: fdl.Config[Experiment]) -> None:
    """Train the head alone; the batch norms of a published model keep their statistics, too."""
    layers = _layers(config)
    patterns = (*(pattern for part in layers.parts for pattern in part), *layers.above)
    config.optimizer.groups = {"backbone": fdl.Config(Group, patterns=patterns, frozen=True)}


def _layers(config: fdl.Config[Experiment]) -> Layered:
    model = configuration.build(config.model)
    if not isinstance(model, Layered):
        raise UserError(
            f"{type(model).__name__} does not tell its layers: give it the properties `parts` and "
            "`above`, or fiddler:pretrained before"
        )
    return model
