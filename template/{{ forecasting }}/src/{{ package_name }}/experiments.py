"""The experiments of this project: yours to change.

An experiment is a function that returns a Fiddle configuration; ``--config=config:NAME`` picks it,
``--config=set:FIELD=VALUE`` changes a field, ``--config=fiddler:NAME`` applies one of the
variations at the end of this file. Nothing is built before all of them are applied.
"""

import fiddle as fdl

from .data import SeriesData
from .hooks.calibration import Calibration
from .hooks.monitoring import BestCheckpoint
from .hooks.presets import debug_nans, ema, fdr, overfit, profile  # noqa: F401 - fiddler:NAME
from .intervals import Intervals
from .model import ForecasterSettings
from .numerics.precision import Precision
from .objective import QuantileLoss
from .optimizer import AdamW
from .prediction import ForecastPrediction
from .series_scores import SeriesScores
from .storage.checkpoints import CheckpointSettings
from .training.experiment import Evaluation, Experiment, LoopSettings
from .training.schedule import ScheduleSettings


def base() -> fdl.Config[Experiment]:
    """A transformer of 3 million parameters, for one accelerator and many series."""
    schedule = fdl.Config(ScheduleSettings, kind="cosine", warmup_steps=200)
    return fdl.Config(
        Experiment,
        model=fdl.Config(
            ForecasterSettings,
            d_model=256,
            num_layers=4,
            num_heads=8,
            d_ff=512,
            dropout=0.1,
        ),
        data=fdl.Config(SeriesData, directory="data/series", batch_size=64),
        objective=fdl.Config(QuantileLoss),
        optimizer=fdl.Config(AdamW, learning_rate=5e-4, schedule=schedule),
        precision=fdl.Config(Precision),
        loop=fdl.Config(LoopSettings, steps=5000, eval_every=500),
        checkpoint=fdl.Config(CheckpointSettings, every=500),
        prediction=fdl.Config(ForecastPrediction),
        evaluations={
            "eval": fdl.Config(
                Evaluation, metrics=(fdl.Config(Intervals), fdl.Config(SeriesScores))
            )
        },
        hooks=(fdl.Config(BestCheckpoint, metric="eval/loss"), fdl.Config(Calibration)),
    )


def smoke() -> fdl.Config[Experiment]:
    """Proves the whole path in about a minute on two CPU cores."""
    config = base()
    float32(config)
    fdl.assign(config.model, d_model=64, num_layers=2, num_heads=4, d_ff=128, unroll_layers=True)
    config.data.batch_size = 32
    config.optimizer.learning_rate = 1e-3
    config.optimizer.schedule.warmup_steps = 30
    config.model.dropout = 0.3  # a single series is soon learned by heart
    fdl.assign(config.loop, steps=400, eval_every=50, eval_batches=16)
    config.checkpoint.every = 50
    return config


def small() -> fdl.Config[Experiment]:
    """Trains for longer, in one or two minutes on two CPU cores."""
    config = smoke()
    config.loop.steps = 800
    config.checkpoint.every = 200
    return config


def windows(config: fdl.Config[Experiment], seq_len: int, horizon: int, patch_len: int) -> None:
    """Forecast `horizon` steps from `seq_len`, in tokens of `patch_len`, not as suits the data."""
    fdl.assign(config.data, seq_len=seq_len, horizon=horizon)
    config.model.patch_len = patch_len


def float32(config: fdl.Config[Experiment]) -> None:
    """Compute everything in float32, as small models do best."""
    fdl.assign(config.precision, param_dtype="float32", compute_dtype="float32")


def fsdp(config: fdl.Config[Experiment]) -> None:
    """Spread weights and optimizer state over the data axis too."""
    config.mesh.fsdp = True


def no_decay_of_rate(config: fdl.Config[Experiment]) -> None:
    """Keep the learning rate at its peak after the warm-up."""
    config.optimizer.schedule.kind = "constant"
