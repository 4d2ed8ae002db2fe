"""The experiments of this project: yours to change.

An experiment is a function that returns a Fiddle configuration; ``--config=config:NAME`` picks it,
``--config=set:FIELD=VALUE`` changes a field, ``--config=fiddler:NAME`` applies one of the
variations at the end of this file. Nothing is built before all of them are applied.
"""

import fiddle as fdl

from .data import TextData
from .hooks.monitoring import BestCheckpoint
from .hooks.presets import debug_nans, ema, fdr, overfit, profile  # noqa: F401 - fiddler:NAME
from .model import TransformerSettings
from .objective import NextToken
from .optimizer import AdamW
from .prediction import TextPrediction
from .pretrained.presets import pretrained  # noqa: F401 - fiddler:pretrained
from .storage.checkpoints import CheckpointSettings
from .training.experiment import Evaluation, Experiment, LoopSettings
from .training.schedule import ScheduleSettings


def base() -> fdl.Config[Experiment]:
    """A transformer of 27 million parameters, for one accelerator."""
    schedule = fdl.Config(ScheduleSettings, kind="cosine", warmup_steps=200)
    return fdl.Config(
        Experiment,
        model=fdl.Config(TransformerSettings, d_model=512, num_layers=8, num_heads=8, d_ff=1536),
        data=fdl.Config(TextData, directory="data/text", seq_len=1024, batch_size=64),
        objective=fdl.Config(NextToken),
        optimizer=fdl.Config(AdamW, learning_rate=1e-3, schedule=schedule),
        loop=fdl.Config(LoopSettings, steps=5000, eval_every=500),
        checkpoint=fdl.Config(CheckpointSettings, every=500),
        prediction=fdl.Config(TextPrediction),
        evaluations={"eval": fdl.Config(Evaluation)},
        hooks=(fdl.Config(BestCheckpoint, metric="eval/loss"),),
    )


def smoke() -> fdl.Config[Experiment]:
    """Proves the whole path in about a minute on two CPU cores."""
    config = base()
    fdl.assign(config.model, d_model=128, num_layers=2, num_heads=2, d_ff=384, unroll_layers=True)
    fdl.assign(config.data, seq_len=128, batch_size=16)
    config.optimizer.learning_rate = 5e-3
    config.optimizer.schedule.warmup_steps = 30
    fdl.assign(config.loop, steps=250, eval_every=125, eval_batches=16)
    config.checkpoint.every = 50
    return config


def small() -> fdl.Config[Experiment]:
    """Learns to write code that looks like code, in about fifteen minutes on two CPU cores."""
    config = smoke()
    config.model.num_layers = 4
    config.data.seq_len = 256
    config.optimizer.schedule.warmup_steps = 100
    fdl.assign(config.loop, steps=1300, eval_every=100)
    config.checkpoint.every = 200
    return config


def float32(config: fdl.Config[Experiment]) -> None:
    """Compute everything in float32, to compare against."""
    fdl.assign(config.precision, param_dtype="float32", compute_dtype="float32")


def fsdp(config: fdl.Config[Experiment]) -> None:
    """Spread weights and optimizer state over the data axis too."""
    config.mesh.fsdp = True


def no_decay_of_rate(config: fdl.Config[Experiment]) -> None:
    """Keep the learning rate at its peak after the warm-up."""
    config.optimizer.schedule.kind = "constant"
