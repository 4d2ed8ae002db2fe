"""Supervised fine-tuning on Tunix."""

from typing import Any

import chex
import jax.numpy as jnp
from jaxtyping import Array
from tunix.sft.peft_trainer import PeftTrainer, TrainingConfig

from .layout import lay_out, lay_out_packed
from .trainer import CONFIG, Setup, StepTrainer, batch_trainer, count_targets


def supervised_trainer(setup: Setup) -> StepTrainer:
    """A trainer on prompts and responses."""
    trainer = PeftTrainer(setup.policy, setup.optimizer, TrainingConfig(**CONFIG))
    trainer.with_gen_model_input_fn(_model_inputs)
    return batch_trainer(trainer, setup, count_targets)


def _model_inputs(batch: dict[str, Array]) -> dict[str, Any]:
    """What Tunix's loss takes; prompts are left out of it, and so is padding."""
    counted = batch["response_mask"]
    if "segments" in batch:
        layout = lay_out_packed(batch)
    else:
        chex.assert_equal_shape([batch["response"], counted])
        layout = lay_out(batch["prompt"], batch["prompt_mask"], batch["response"], counted)
        counted = jnp.concatenate([jnp.zeros(batch["prompt"].shape, bool), counted], axis=1)
    return {
        "input_tokens": layout.tokens,
        "input_mask": counted,
        "positions": layout.positions,
        "attention_mask": layout.mask[:, 0],
    }
