"""Preference optimization on Tunix: DPO and ORPO.

Responses reach Tunix as tokens, with the end token. Given texts, it would begin each response with
a start token and end none.
"""

from typing import Any

from tunix.sft.dpo.dpo_trainer import DPOTrainer, DPOTrainingConfig, TrainingInput

from .methods import DirectPreference, OddsRatioPreference
from .trainer import CONFIG, BatchTrainer, Setup


def dpo_trainer(setup: Setup, method: DirectPreference) -> BatchTrainer:
    """A trainer on pairs of responses, against a reference."""
    config = DPOTrainingConfig(
        algorithm="dpo", beta=method.beta, label_smoothing=method.label_smoothing, **CONFIG
    )
    trainer = DPOTrainer(setup.policy, setup.companion, setup.optimizer, config)
    return BatchTrainer(trainer, setup.mesh, inputs=_inputs)


def orpo_trainer(setup: Setup, method: OddsRatioPreference) -> BatchTrainer:
    """A trainer on pairs of responses, without a reference."""
    config = DPOTrainingConfig(algorithm="orpo", lambda_orpo=method.odds_weight, **CONFIG)
    trainer = DPOTrainer(setup.policy, None, setup.optimizer, config)
    return BatchTrainer(trainer, setup.mesh, inputs=_inputs)


def _inputs(batch: dict[str, Any]) -> TrainingInput:
    parts = ("prompt", "chosen", "rejected")
    ids = {f"{name}_ids": batch[name] for name in parts}
    masks = {f"{name}_mask": batch[f"{name}_mask"].astype("int32") for name in parts}
    return TrainingInput(**ids, **masks)
