"""Distillation on Tunix."""

from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int
from tunix.distillation.distillation_trainer import (
    DistillationTrainer,
    TrainingConfig,
    TrainingInput,
)
from tunix.distillation.strategies.logit import LogitStrategy

from ..training.metrics import Mean
from .layout import lay_out_tokens, log_probs
from .trainer import CONFIG, BatchTrainer, Setup

Logits = Float[Array, "batch seq_len vocab_size"]


class Labels(NamedTuple):
    """What the student's logits are compared with.

    Attributes:
        tokens: The token that follows each.
        counted: True where that is a token of the response.
    """

    tokens: Int[Array, "batch seq_len"]
    counted: Bool[Array, "batch seq_len"]


class ResponseStrategy(LogitStrategy):
    """Distils the predictions of the responses' tokens.

    Tunix's own strategy averages over prompts and padding as well, where the teacher predicts what
    nobody taught it.
    """

    def compute_loss(
        self, student_output: Logits, teacher_output: Logits, labels: Any
    ) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
        """The loss, and its parts.

        Args:
            student_output: The student's logits.
            teacher_output: The teacher's.
            labels: The tokens of the responses, and where they stand: `Labels`.
        """
        chex.assert_equal_shape([student_output, teacher_output])
        student = jax.nn.log_softmax(student_output / self.temperature, axis=-1)
        teacher = jax.nn.softmax(teacher_output / self.temperature, axis=-1)
        kl = optax.kl_divergence(student, teacher) * self.temperature**2
        counted = labels.counted.astype(jnp.float32)
        kl, hard = (
            Mean.of(values, counted).value
            for values in (kl, -log_probs(student_output, labels.tokens))
        )
        return self.alpha * kl + (1.0 - self.alpha) * hard, {"kl": kl, "hard_loss": hard}


class Distiller(DistillationTrainer):
    """Tunix's trainer, which also tells the parts of the loss; Tunix drops them."""

    def _post_process_train_step(self, aux: dict[str, Any]) -> None:
        logger: Any = self.metrics_logger
        for name, value in aux.items():
            logger.log("", name, value, "train", self.train_steps)


def distillation_trainer(setup: Setup, *, temperature: float, hard_weight: float) -> BatchTrainer:
    """A trainer of a student on prompts and responses, beside its teacher.

    Args:
        setup: What it is built of; its companion is the teacher.
        temperature: Of both distributions.
        hard_weight: Share of the cross-entropy of the data's own responses in the loss.
    """
    pad = setup.tokenizer.pad
    labels: Any = _labels  # not the one-hot array that Tunix declares, which would be large
    teacher: Any = setup.companion
    strategy = ResponseStrategy(
        student_forward_fn=_logits,
        teacher_forward_fn=_logits,
        labels_fn=labels,
        temperature=temperature,
        alpha=1.0 - hard_weight,
    )
    trainer = Distiller(setup.policy, teacher, strategy, setup.optimizer, TrainingConfig(**CONFIG))
    trainer.with_gen_model_input_fn(lambda given: _model_inputs(given, pad))
    return BatchTrainer(trainer, setup.mesh, inputs=_inputs)


def _inputs(batch: dict[str, Any]) -> TrainingInput:
    tokens = jnp.concatenate([batch["prompt"], batch["response"]], axis=1)
    nothing = jnp.zeros(batch["prompt"].shape, bool)
    counted = jnp.concatenate([nothing, batch["response_mask"]], axis=1)
    make: Any = TrainingInput  # a dataclass, which type checkers do not see
    return make(input_tokens=tokens, input_mask=counted)


def _model_inputs(given: Any, pad: int) -> dict[str, Any]:
    layout = lay_out_tokens(given.input_tokens, given.input_tokens != pad)
    return {
        "input_tokens": layout.tokens,
        "input_mask": given.input_mask,
        "positions": layout.positions,
        "attention_mask": layout.mask[:, 0],
    }


def _logits(
    model: Any,
    input_tokens: Int[Array, "batch window"],
    positions: Int[Array, "batch window"],
    attention_mask: Bool[Array, "batch window window"],
    **_: Any,
) -> Logits:
    return model(input_tokens, positions, None, attention_mask)[0][:, :-1]


def _labels(
    input_tokens: Int[Array, "batch window"], input_mask: Bool[Array, "batch window"], **_: Any
) -> Labels:
    return Labels(input_tokens[:, 1:], input_mask[:, 1:])
