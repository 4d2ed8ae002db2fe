"""The experiments of this project: yours to change.

An experiment is a function that returns a Fiddle configuration; ``--config=config:NAME`` picks it,
``--config=set:FIELD=VALUE`` changes a field, ``--config=fiddler:NAME`` applies one of the
variations. Nothing is built before all of them are applied. What does not depend on the network
stands in `recipe.py`.
"""

import fiddle as fdl

from . import recipe
from .hooks.presets import debug_nans, ema, fdr, overfit, profile  # noqa: F401 - fiddler:NAME
from .model import ViTSettings
from .pretrained.presets import frozen, layer_decay, pretrained  # noqa: F401 - fiddler:NAME
from .recipe import float32, fsdp, mirror  # noqa: F401 - fiddler:NAME
from .training.experiment import Experiment


def base() -> fdl.Config[Experiment]:
    """A vision transformer of 14 million parameters, for one accelerator."""
    model = fdl.Config(
        ViTSettings, patch=8, d_model=384, num_layers=8, num_heads=6, d_ff=1024, dropout=0.1
    )
    return recipe.classify(model, learning_rate=1e-3)


def smoke() -> fdl.Config[Experiment]:
    """Proves the whole path in about a minute on two CPU cores."""
    config = base()
    recipe.digits(config, steps=800)
    fdl.assign(config.model, patch=None, d_model=64, num_layers=2, num_heads=8, d_ff=128)
    fdl.assign(config.model, dropout=0.0, unroll_layers=True)
    config.optimizer.learning_rate = 5e-3
    return config


def small() -> fdl.Config[Experiment]:
    """Learns to read digits, in a few minutes on two CPU cores."""
    config = smoke()
    recipe.digits(config, steps=2500)
    fdl.assign(config.model, num_layers=4, dropout=0.2)
    config.optimizer.learning_rate = 3e-3
    return config
