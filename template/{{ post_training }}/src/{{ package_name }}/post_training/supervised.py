"""Supervised fine-tuning and distillation on Tunix."""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int
from tunix.sft.peft_trainer import PeftTrainer, TrainingConfig

from ..numerics.shapes import Scalar
from ..training.metrics import Mean
from .layout import lay_out, log_probs, response_logits
from .trainer import CONFIG, Setup, StepTrainer, batch_trainer

Logits = Float[Array, "batch max_tokens vocab_size"]


def supervised_trainer(setup: Setup) -> StepTrainer:
    """A trainer on prompts and responses."""
    trainer = PeftTrainer(setup.policy, setup.optimizer, TrainingConfig(**CONFIG))
    trainer.with_gen_model_input_fn(_model_inputs)
    return batch_trainer(trainer, setup.mesh)


def _model_inputs(batch: dict[str, Array]) -> dict[str, Any]:
    """What Tunix's loss takes; prompts are left out of it, and so is padding."""
    chex.assert_equal_shape([batch["response"], batch["response_mask"]])
    parts = (batch[name] for name in ("prompt", "prompt_mask", "response", "response_mask"))
    layout = lay_out(*parts)
    nothing = jnp.zeros(batch["prompt"].shape, bool)
    return {
        "input_tokens": layout.tokens,
        "input_mask": jnp.concatenate([nothing, batch["response_mask"]], axis=1),
        "positions": layout.positions,
        "attention_mask": layout.mask[:, 0],
    }


class Distiller(PeftTrainer):
    """Tunix's trainer, which also tells the parts of a loss; Tunix drops them."""

    def _post_process_train_step(self, aux: dict[str, Any]) -> None:
        logger: Any = self.metrics_logger
        for name, value in aux.items():
            logger.log("", name, value, "train", self.train_steps)


def distillation_trainer(setup: Setup, *, temperature: float, hard_weight: float) -> StepTrainer:
    """A trainer on prompts and responses with the teacher's logits.

    Args:
        setup: What it is built of.
        temperature: Of both distributions.
        hard_weight: Share of the cross-entropy of the data's own responses in the loss.
    """

    def loss(model: Any, batch: dict[str, Array]) -> tuple[Scalar, dict[str, Scalar]]:
        logits, taught = response_logits(model.transformer, batch), batch["teacher_logits"]
        response, mask = batch["response"], batch["response_mask"]
        kl, hard = distillation_losses(logits, taught, response, mask, temperature)
        return (1.0 - hard_weight) * kl + hard_weight * hard, {"kl": kl, "hard_loss": hard}

    trainer = Distiller(setup.policy, setup.optimizer, TrainingConfig(**CONFIG))
    trainer.with_gen_model_input_fn(lambda batch: {"batch": batch}).with_loss_fn(loss, has_aux=True)
    return batch_trainer(trainer, setup.mesh)


def distillation_losses(
    student: Logits,
    teacher: Logits,
    response: Int[Array, "batch max_tokens"],
    mask: Bool[Array, "batch max_tokens"],
    temperature: float,
) -> tuple[Scalar, Scalar]:
    """The divergence from the teacher, and the cross-entropy of the responses' tokens.

    Tunix's own strategies average over prompts and padding as well, where the teacher predicts what
    nobody taught it.

    Args:
        student: The student's logits.
        teacher: The teacher's.
        response: The tokens that both predict.
        mask: False for padding.
        temperature: Of the distributions that are compared.
    """
    chex.assert_equal_shape([student, teacher])
    ours = jax.nn.log_softmax(student / temperature, axis=-1)
    kl = optax.kl_divergence(ours, jax.nn.softmax(teacher / temperature, axis=-1))
    return (
        Mean.of(kl, mask).value * temperature**2,
        Mean.of(-log_probs(student, response), mask).value,
    )
