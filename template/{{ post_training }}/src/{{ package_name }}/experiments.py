"""The experiments of this project: yours to change.

An experiment is a function that returns a Fiddle configuration; ``--config=config:NAME`` picks it,
``--config=set:FIELD=VALUE`` changes a field, ``--config=fiddler:NAME`` applies one of the
variations at the end of this file. Nothing is built before all of them are applied.

All of them share model, optimizer and mesh, as `base` has them; each adds a method and
its data. The samples are small string tasks and so is the model, for two CPU cores. For work of
your own set ``model`` to what ``start_from`` was trained with, lengths to your data's, and the
learning rate to about 1e-5.
"""

import fiddle as fdl

from .data import Demonstrations, Preferences, Prompts
from .hooks.monitoring import BestCheckpoint
from .hooks.presets import debug_nans, ema, fdr, overfit, profile  # noqa: F401 - fiddler:NAME
from .model import TransformerSettings
from .objective import Agreement, NextToken, Preference, Rewards
from .optimizer import AdamW
from .post_training.experiment import PostTraining
from .post_training.lora import LoraSettings
from .post_training.methods import (
    DirectPreference,
    Distillation,
    GroupRelative,
    GroupSequence,
    OddsRatioPreference,
    ProximalPolicy,
    Supervised,
)
from .post_training.presets import pretrained  # noqa: F401 - fiddler:pretrained
from .prediction import ResponsePrediction
from .storage.checkpoints import CheckpointSettings
from .training.experiment import Evaluation, Experiment, LoopSettings
from .training.schedule import ScheduleSettings

PROMPT_TOKENS = 8
RESPONSE_TOKENS = 8


def base() -> fdl.Config[PostTraining]:
    """Supervised fine-tuning: what the other experiments are made of."""
    schedule = fdl.Config(ScheduleSettings, kind="cosine", warmup_steps=20)
    return fdl.Config(
        PostTraining,
        method=fdl.Config(Supervised),
        start_from=None,
        model=fdl.Config(
            TransformerSettings, d_model=64, num_layers=2, num_heads=4, d_ff=192, unroll_layers=True
        ),
        data=fdl.Config(
            Demonstrations,
            directory="data/reverse",
            sample="reverse",
            max_prompt_tokens=PROMPT_TOKENS,
            max_response_tokens=RESPONSE_TOKENS,
            batch_size=64,
        ),
        objective=fdl.Config(NextToken),
        optimizer=fdl.Config(AdamW, learning_rate=4e-3, weight_decay=0.0, schedule=schedule),
        loop=fdl.Config(LoopSettings, steps=350, eval_every=100, eval_batches=4),
        checkpoint=fdl.Config(CheckpointSettings, every=100),
        prediction=fdl.Config(ResponsePrediction, max_response_tokens=RESPONSE_TOKENS),
        evaluations={"eval": fdl.Config(Evaluation)},
        hooks=(fdl.Config(BestCheckpoint, metric="eval/loss"),),
    )


def sft() -> fdl.Config[PostTraining]:
    """Supervised fine-tuning: words backwards, from random weights."""
    return base()


def smoke() -> fdl.Config[PostTraining]:
    """Proves the whole path in less than a minute on two CPU cores; `sft` is the same, longer.

    It stops while it learns fast, so that what starts from it has something left to learn.
    """
    config = base()
    config.optimizer.schedule.kind = "constant"
    config.loop.steps = 120
    return config


def sft_lora() -> fdl.Config[PostTraining]:
    """LoRA: words as they are, on top of the weights of `sft`, which stay as they are."""
    config = base()
    config.start_from = "runs/sft"
    config.model = fdl.Config(LoraSettings, base=config.model, rank=8)
    fdl.assign(config.data, directory="data/copy", sample="copy")
    return config


def _preferences(method: type) -> fdl.Config[PostTraining]:
    """Pairs of responses, from the weights of `smoke`, which does not know the task well yet."""
    config = base()
    config.start_from = "runs/smoke"
    config.method = fdl.Config(method)
    config.data = _data(config, Preferences, "data/preferences")
    config.objective = fdl.Config(Preference)
    config.optimizer.learning_rate = 5e-4
    fdl.assign(config.loop, steps=100, eval_every=50)
    return config


def dpo() -> fdl.Config[PostTraining]:
    """DPO: rather the right word backwards than a nearly right one."""
    return _preferences(DirectPreference)


def orpo() -> fdl.Config[PostTraining]:
    """ORPO: the same pairs without a reference, from random weights, since it imitates as well."""
    config = _preferences(OddsRatioPreference)
    config.start_from = None
    config.optimizer.learning_rate = 5e-3
    config.loop.steps = 200
    return config


def _rewards(method: type, *names: str) -> fdl.Config[PostTraining]:
    """Completions of prompts, from random weights, and what they are rewarded for."""
    config = base()
    config.method = fdl.Config(method, rewards=fdl.Config(Rewards, names=names))
    config.data = _data(config, Prompts, "data/prompts")
    config.data.batch_size = 8
    config.optimizer.learning_rate = 3e-3
    config.optimizer.schedule.warmup_steps = 5
    fdl.assign(config.loop, steps=30, eval_every=15)
    config.checkpoint.every = 15
    config.hooks = (fdl.Config(BestCheckpoint, metric="eval/reward", mode="max"),)
    return config


def grpo() -> fdl.Config[PostTraining]:
    """GRPO: completions of digits, which are found from random weights."""
    return _rewards(GroupRelative, "digits")


def gspo() -> fdl.Config[PostTraining]:
    """GSPO: the same with ratios of whole completions, two updates a batch."""
    return _rewards(GroupSequence, "digits")


def ppo() -> fdl.Config[PostTraining]:
    """PPO: the same with a value model."""
    config = _rewards(ProximalPolicy, "digits")
    config.method.kl_weight = 0.02
    config.data.batch_size = 32
    config.loop.steps = 45
    return config


def sft_grpo() -> fdl.Config[PostTraining]:
    """A pipeline: GRPO rewards words that are right, or nearly so, from the weights of `smoke`."""
    config = _rewards(GroupRelative, "exact_match", "overlap")
    fdl.assign(config.method, iterations=2, kl_weight=0.0)
    config.start_from = "runs/smoke"
    config.data.batch_size = 32
    config.optimizer.learning_rate = 2e-3
    fdl.assign(config.loop, steps=100, eval_every=20)
    return config


def distill() -> fdl.Config[PostTraining]:
    """Distillation: a model of one layer learns what `sft` has learned with two."""
    config = base()
    config.method = fdl.Config(Distillation, teacher="runs/sft", teacher_model=config.model)
    config.model = base().model
    config.model.num_layers = 1
    config.objective = fdl.Config(Agreement)
    return config


def pretrain() -> fdl.Config[Experiment]:
    """The project's own training step, without Tunix, on the same data as `sft`."""
    config = base()
    return fdl.Config(
        Experiment, **{name: getattr(config, name) for name in Experiment.model_fields}
    )


def _data(
    config: fdl.Config[PostTraining], kind: type, directory: str
) -> fdl.Config[Demonstrations | Preferences | Prompts]:
    """Data of another kind, with the lengths of the experiment's."""
    given = {**fdl.ordered_arguments(config.data), "directory": directory}
    return fdl.Config(kind, **given)


def float32(config: fdl.Config[Experiment]) -> None:
    """Compute everything in float32, to compare against."""
    fdl.assign(config.precision, param_dtype="float32", compute_dtype="float32")


def fsdp(config: fdl.Config[Experiment]) -> None:
    """Spread weights and optimizer state over the data axis too."""
    config.mesh.fsdp = True
