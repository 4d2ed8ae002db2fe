"""The experiments of this project: yours to change.

An experiment is a function that returns a Fiddle configuration; ``--config=config:NAME`` picks it,
``--config=set:FIELD=VALUE`` changes a field, ``--config=fiddler:NAME`` applies one of the
variations at the end of this file. Nothing is built before all of them are applied.

What follows from the data (columns, classes, whether a number is predicted) stands in no
experiment: each of them trains on any prepared table.
"""

import fiddle as fdl

from .data import TableData
from .hooks.monitoring import BestCheckpoint
from .hooks.presets import debug_nans, ema, fdr, overfit, profile  # noqa: F401 - fiddler:NAME
from .model import TableNetworkSettings
from .numerics.precision import Precision
from .objective import TargetLoss
from .optimizer import AdamW
from .prediction import TablePrediction
from .scores import ClassScores
from .storage.checkpoints import CheckpointSettings
from .training.experiment import Evaluation, Experiment, LoopSettings
from .training.schedule import ScheduleSettings


def base() -> fdl.Config[Experiment]:
    """For tables of a hundred thousand rows and more, on one accelerator."""
    schedule = fdl.Config(ScheduleSettings, kind="cosine", warmup_steps=200)
    return fdl.Config(
        Experiment,
        model=fdl.Config(
            TableNetworkSettings, d_model=256, num_layers=4, d_ff=512, d_embedding=16, dropout=0.2
        ),
        data=fdl.Config(TableData, directory="data/table", batch_size=1024),
        objective=fdl.Config(TargetLoss),
        prediction=fdl.Config(TablePrediction),
        optimizer=fdl.Config(AdamW, learning_rate=1e-3, schedule=schedule),
        # A mantissa of 8 bits would lose much of what a table says, and such models are small.
        precision=fdl.Config(Precision, param_dtype="float32", compute_dtype="float32"),
        loop=fdl.Config(LoopSettings, steps=10_000, eval_every=500),
        checkpoint=fdl.Config(CheckpointSettings, every=500),
        evaluations={"eval": fdl.Config(Evaluation, metrics=(fdl.Config(ClassScores),))},
        hooks=(fdl.Config(BestCheckpoint, metric="eval/loss"),),
    )


def smoke() -> fdl.Config[Experiment]:
    """Proves the whole path in seconds: tells malignant from benign tumours."""
    config = base()
    fdl.assign(config.model, d_model=16, num_layers=1, d_ff=32, d_embedding=4)
    config.model.dropout = 0.95  # some hundreds of rows are learned by heart all too easily
    config.data.batch_size = 64
    fdl.assign(config.optimizer, learning_rate=3e-3, weight_decay=1.0)
    config.optimizer.schedule.warmup_steps = 20
    fdl.assign(config.loop, steps=400, eval_every=100)
    config.checkpoint.every = 100
    return config


def small() -> fdl.Config[Experiment]:
    """For tables of some hundreds of rows: tells malignant from benign tumours, and surer."""
    config = smoke()
    fdl.assign(config.loop, steps=1000, eval_every=250)
    config.checkpoint.every = 250
    return config


def diabetes() -> fdl.Config[Experiment]:
    """Predicts a number: the progression of diabetes a year after the measurements."""
    config = small()
    fdl.assign(config.data, directory="data/diabetes", sample="diabetes")
    return config


def bfloat16(config: fdl.Config[Experiment]) -> None:
    """Take products of bfloat16 numbers: faster on large tables, less exact."""
    fdl.assign(config.precision, param_dtype="bfloat16", compute_dtype="bfloat16")


def fsdp(config: fdl.Config[Experiment]) -> None:
    """Spread weights and optimizer state over the data axis too."""
    config.mesh.fsdp = True


def no_decay_of_rate(config: fdl.Config[Experiment]) -> None:
    """Keep the learning rate at its peak after the warm-up."""
    config.optimizer.schedule.kind = "constant"
