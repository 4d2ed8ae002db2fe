"""The experiments of this project: yours to change.

An experiment is a function that returns a Fiddle configuration; ``--config=config:NAME`` picks it,
``--config=set:FIELD=VALUE`` changes a field, ``--config=fiddler:NAME`` applies one of the
variations at the end of this file. Nothing is built before all of them are applied.

What follows from the data (columns, classes, whether a number is predicted) stands in no
experiment: each of them trains on any prepared table.
"""

import fiddle as fdl

from .data import TableData
from .model import TableNetworkSettings
from .numerics.precision import Precision
from .objective import TargetLoss
from .parallel.mesh import MeshSettings
from .prediction import TablePrediction
from .storage.checkpoints import CheckpointSettings
from .training.experiment import Experiment, LoopSettings
from .training.optimizer import OptimizerSettings
from .training.safety import SafetySettings
from .training.schedule import ScheduleSettings


def base() -> fdl.Config[Experiment]:
    """For tables of a hundred thousand rows and more, on one accelerator."""
    return fdl.Config(
        Experiment,
        seed=0,
        model=fdl.Config(
            TableNetworkSettings,
            d_model=256,
            num_layers=4,
            d_ff=512,
            d_embedding=16,
            dropout=0.2,
        ),
        data=fdl.Config(TableData, directory="data/table", batch_size=1024),
        objective=fdl.Config(TargetLoss),
        prediction=fdl.Config(TablePrediction),
        optimizer=fdl.Config(
            OptimizerSettings,
            learning_rate=1e-3,
            schedule=fdl.Config(ScheduleSettings, kind="cosine", warmup_steps=200),
        ),
        mesh=fdl.Config(MeshSettings),
        # Numbers of eight bits would lose much of what a table says, and such models are small.
        precision=fdl.Config(Precision, param_dtype="float32", compute_dtype="float32"),
        loop=fdl.Config(LoopSettings, steps=10_000, eval_every=500),
        checkpoint=fdl.Config(CheckpointSettings, every=500),
        safety=fdl.Config(SafetySettings),
    )


def smoke() -> fdl.Config[Experiment]:
    """Proves the whole path in seconds: tells malignant from benign tumours."""
    config = base()
    config.model.d_model = 16
    config.model.num_layers = 1
    config.model.d_ff = 32
    config.model.d_embedding = 4
    config.model.dropout = 0.6
    config.data.batch_size = 64
    config.optimizer.learning_rate = 3e-3
    config.optimizer.schedule.warmup_steps = 20
    config.loop.steps = 200
    config.loop.eval_every = 50
    config.checkpoint.every = 100
    return config


def float32(config: fdl.Config[Experiment]) -> None:
    """Compute everything in float32, to compare against."""
    config.precision.param_dtype = "float32"
    config.precision.compute_dtype = "float32"
