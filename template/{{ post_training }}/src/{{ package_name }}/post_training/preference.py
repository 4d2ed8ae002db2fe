"""Preference optimization on Tunix: DPO and ORPO.

Responses reach Tunix as tokens, with the end token. Given texts, it would begin each response with
a start token and end none.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from tunix.sft.dpo.dpo_trainer import DPOTrainer, DPOTrainingConfig, TrainingInput

from ..numerics.shapes import Scalar
from .trainer import CONFIG, Setup, StepTrainer, batch_trainer


def preference_trainer(setup: Setup, algorithm: str, options: Mapping[str, Any]) -> StepTrainer:
    """A trainer on pairs of responses, against a reference or without one.

    Args:
        setup: What it is built of; its companion is the reference.
        algorithm: ``dpo`` or ``orpo``.
        options: Of Tunix's `DPOTrainingConfig`.
    """
    config = DPOTrainingConfig(algorithm=algorithm, **options, **CONFIG)
    trainer = DPOTrainer(setup.policy, setup.companion, setup.optimizer, config)
    return batch_trainer(trainer, setup, _count_one, _inputs)


def _count_one(example: Any) -> Scalar:
    """Parts have the same number of pairs, which count alike however long they are."""
    return jnp.float32(1)


def _inputs(batch: dict[str, Any]) -> TrainingInput:
    parts = ("prompt", "chosen", "rejected")
    ids = {f"{name}_ids": batch[name] for name in parts}
    masks = {f"{name}_mask": batch[f"{name}_mask"].astype("int32") for name in parts}
    return TrainingInput(**ids, **masks)
