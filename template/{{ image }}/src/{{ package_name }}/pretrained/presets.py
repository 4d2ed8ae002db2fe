"""Variations of experiments that fine-tune a published model, for `experiments.py` to import."""

from pathlib import Path

import fiddle as fdl

from .. import configuration
from ..errors import UserError
from ..storage.run_directory import RunDirectory
from ..training.experiment import Experiment
from ..training.groups import Group
from .image_settings import PublishedImageSettings


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


def layer_decay(config: fdl.Config[Experiment], factor: float = 0.75) -> None:
    """Train each block of a published model at `factor` times the rate of the one above it."""
    parts = _model_of(config).parts
    groups = {
        f"part_{number}": fdl.Config(Group, patterns=patterns, rate=factor ** (len(parts) - number))
        for number, patterns in enumerate(parts)
    }
    config.optimizer.groups = groups


def frozen(config: fdl.Config[Experiment]) -> None:
    """Train the head of a published model alone; its batch norms keep their statistics, too."""
    model = _model_of(config)
    patterns = (*(pattern for part in model.parts for pattern in part), *model.ABOVE)
    config.optimizer.groups = {"backbone": fdl.Config(Group, patterns=patterns, frozen=True)}


def _model_of(config: fdl.Config[Experiment]) -> PublishedImageSettings:
    model = configuration.build(config.model)
    if not isinstance(model, PublishedImageSettings):
        raise UserError("the model is no published one: give fiddler:pretrained before")
    return model
