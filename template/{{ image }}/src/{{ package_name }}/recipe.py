"""What the experiments of this project share, whatever the network: yours to change."""

import fiddle as fdl

from .augmentation import Augmentation
from .data import ImageData
from .hooks.mistakes import Mistakes
from .hooks.monitoring import BestCheckpoint
from .label_scores import LabelScores
from .objective import ImageLoss
from .optimizer import AdamW
from .prediction import ImagePrediction
from .storage.checkpoints import CheckpointSettings
from .training.experiment import Evaluation, Experiment, LoopSettings
from .training.schedule import ScheduleSettings


def classify(model: fdl.Config, *, learning_rate: float) -> fdl.Config[Experiment]:
    """Learn what a data set of images says of each; their size and the targets follow from it."""
    schedule = fdl.Config(ScheduleSettings, kind="cosine", warmup_steps=500)
    return fdl.Config(
        Experiment,
        model=model,
        data=fdl.Config(
            ImageData,
            directory="data/images",
            batch_size=256,
            augmentation=fdl.Config(Augmentation, shift=8),
        ),
        objective=fdl.Config(ImageLoss, label_smoothing=0.1),
        optimizer=fdl.Config(AdamW, learning_rate=learning_rate, schedule=schedule),
        loop=fdl.Config(LoopSettings, steps=10_000, eval_every=500),
        checkpoint=fdl.Config(CheckpointSettings, every=500),
        prediction=fdl.Config(ImagePrediction),
        evaluations={"eval": fdl.Config(Evaluation, metrics=(fdl.Config(LabelScores),))},
        hooks=(fdl.Config(BestCheckpoint, metric="eval/loss"), fdl.Config(Mistakes)),
    )


def digits(config: fdl.Config[Experiment], *, steps: int) -> None:
    """Change an experiment to learn the bundled sample, grey digits of 8 by 8 pixels."""
    fdl.assign(config.data, directory="data/digits", batch_size=64)
    # A digit fills its image to the edges: a whole pixel more would cut off what tells it apart.
    fdl.assign(config.data.augmentation, shift=0.5, rotate=15, scale=0.2)
    config.objective.label_smoothing = 0.1
    fdl.assign(config.optimizer.schedule, warmup_steps=steps // 10, final_fraction=0.0)
    fdl.assign(config.loop, steps=steps, eval_every=steps // 4)
    config.checkpoint.every = steps // 4


def float32(config: fdl.Config[Experiment]) -> None:
    """Compute everything in float32, to compare against."""
    fdl.assign(config.precision, param_dtype="float32", compute_dtype="float32")


def fsdp(config: fdl.Config[Experiment]) -> None:
    """Spread weights and optimizer state over the data axis too."""
    config.mesh.fsdp = True


def mirror(config: fdl.Config[Experiment]) -> None:
    """Mirror half of the training images, left to right: for photographs, not for letters."""
    config.data.augmentation.flip = True
