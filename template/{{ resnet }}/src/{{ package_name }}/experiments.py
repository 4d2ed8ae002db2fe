"""The experiments of this project: yours to change.

An experiment is a function that returns a Fiddle configuration; ``--config=config:NAME`` picks it,
``--config=set:FIELD=VALUE`` changes a field, ``--config=fiddler:NAME`` applies one of the
variations. Nothing is built before all of them are applied. What does not depend on the network
stands in `recipe.py`.
"""

import fiddle as fdl

from . import recipe
from .hooks.presets import debug_nans, ema, fdr, overfit, profile  # noqa: F401 - fiddler:NAME
from .model import ResNetSettings
from .pretrained.presets import frozen, layer_decay, pretrained  # noqa: F401 - fiddler:NAME
from .recipe import float32, fsdp, mirror  # noqa: F401 - fiddler:NAME
from .training.experiment import Experiment


def base() -> fdl.Config[Experiment]:
    """A residual network of 18 layers (11 million parameters), for one accelerator."""
    model = fdl.Config(ResNetSettings, widths=(64, 128, 256, 512), depths=(2, 2, 2, 2))
    return recipe.classify(model, learning_rate=2e-3)


def smoke() -> fdl.Config[Experiment]:
    """Proves the whole path in about a minute on two CPU cores."""
    config = base()
    recipe.digits(config, steps=300)
    fdl.assign(config.model, widths=(16, 32), depths=(1, 1))
    config.optimizer.learning_rate = 1e-2
    return config


def small() -> fdl.Config[Experiment]:
    """Learns to read digits, in a few minutes on two CPU cores."""
    config = base()
    recipe.digits(config, steps=1500)
    fdl.assign(config.model, widths=(32, 64), depths=(2, 2))
    config.optimizer.learning_rate = 5e-3
    return config


def group_norm(config: fdl.Config[Experiment]) -> None:
    """Norm each image by itself, for batches of few examples to a device."""
    config.model.norm = "group"
