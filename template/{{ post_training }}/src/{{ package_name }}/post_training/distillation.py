"""Distillation on Tunix."""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int
from tunix.sft.peft_trainer import PeftTrainer, TrainingConfig

from ..numerics.shapes import Scalar
from ..training.metrics import Mean
from .layout import log_probs, response_logits
from .trainer import CONFIG, Setup, StepTrainer, batch_trainer, count_targets

Logits = Float[Array, "batch max_tokens vocab_size"]


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
    return batch_trainer(trainer, setup, count_targets)


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
    kl, hard = (
        Mean.of(values, mask.astype(jnp.float32)).value
        for values in (kl, -log_probs(student, response))
    )
    return kl * temperature**2, hard
