"""Preference optimization on Tunix: DPO and ORPO.

Responses reach Tunix as tokens, with the end token. Given texts, it would begin each response with
a start token and end none.
"""

from typing import Any

from tunix.sft.dpo.dpo_trainer import DPOTrainer, DPOTrainingConfig, TrainingInput

from .trainer import CONFIG, BatchTrainer, Setup


def preference_trainer(setup: Setup, **options: Any) -> BatchTrainer:
    """A trainer on pairs of responses, against a reference or without one.

    Args:
        setup: What it is built of; its companion is the reference.
        **options: Of Tunix's `DPOTrainingConfig`.
    """
    config = DPOTrainingConfig(**options, **CONFIG)
    trainer = DPOTrainer(setup.policy, setup.companion, setup.optimizer, config)
    return BatchTrainer(trainer, setup.mesh, inputs=_inputs)


def _inputs(batch: dict[str, Any]) -> TrainingInput:
    parts = ("prompt", "chosen", "rejected")
    ids = {f"{name}_ids": batch[name] for name in parts}
    masks = {f"{name}_mask": batch[f"{name}_mask"].astype("int32") for name in parts}
    return TrainingInput(**ids, **masks)
