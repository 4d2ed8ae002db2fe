"""What the model is trained for: yours to change.

Tunix computes the losses of the methods; here stands what is measured on held-out data, and what a
completion is rewarded for.
"""

import re
from typing import Any

import chex
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import Field, field_validator, model_validator

from .post_training.answers import find_boxed, same_number
from .post_training.layout import (
    log_probs,
    packed_logits,
    response_logits,
    sequence_log_probs,
)
from .post_training.programs import find_code, run_checks
from .post_training.rewards import Reward, weighted
from .settings import Settings
from .training.metrics import Mean, Means

Batch = dict[str, Array]


class NextToken(Settings):
    """Cross-entropy of the response's tokens, its end included, in nats; prompts do not count."""

    def __call__(self, model: Any, batch: Batch, key: PRNGKeyArray | None = None) -> Means:
        """Means over the batch.

        Args:
            model: The model.
            batch: What `data.Demonstrations` describes, or `post_training/packing.py`.
            key: Randomness for dropout, where the project's own step trains.

        Returns:
            ``loss``; ``accuracy`` of the likeliest token; and, unless the batch is packed,
            ``exact_match``, the share of responses each of whose tokens is the likeliest after
            those before it: the responses that greedy generation gives.
        """
        packed = "segments" in batch
        tokens, mask = batch["tokens" if packed else "response"], batch["response_mask"]
        chex.assert_equal_shape([tokens, mask])
        if packed:
            tokens, mask, logits = tokens[:, 1:], mask[:, 1:], packed_logits(model, batch, key=key)
        else:
            logits = response_logits(model, batch, key=key)
        weights = mask * batch["weights"][:, None]
        right = jnp.argmax(logits, axis=-1) == tokens
        means = {
            "loss": Mean.of(-log_probs(logits, tokens), weights),
            "accuracy": Mean.of(jnp.float32(right), weights),
        }
        if not packed:
            exact = jnp.float32(jnp.all(right | ~mask, axis=1))
            means["exact_match"] = Mean.of(exact, batch["weights"])
        return means


class Preference(Settings):
    """How surely the better of two responses is told, as DPO rewards it (Rafailov et al., 2023).

    A response's reward is `beta` times the logarithm of how much likelier it has become than under
    the reference; without a reference, than under nothing: its log-probability per token.

    Attributes:
        beta: Scale of the rewards.
    """

    beta: float = Field(default=0.1, gt=0)

    def __call__(self, model: Any, batch: Batch, key: PRNGKeyArray | None = None) -> Means:
        """Means over the batch.

        Args:
            model: The model.
            batch: What `data.Preferences` describes, and for a method with a reference
                ``reference_chosen`` and ``reference_rejected``, its log-probabilities.
            key: Not used; nothing is random.

        Returns:
            ``loss``, the logistic loss of the margin; ``reward_accuracy``, the share of pairs whose
            better response has the higher reward; ``reward_margin``, the difference.
        """
        chosen, rejected = (self._reward(model, batch, name) for name in ("chosen", "rejected"))
        margin, weights = chosen - rejected, batch["weights"]
        return {
            "loss": Mean.of(-jax.nn.log_sigmoid(margin), weights),
            "reward_accuracy": Mean.of(jnp.float32(margin > 0), weights),
            "reward_margin": Mean.of(margin, weights),
        }

    def _reward(self, model: Any, batch: Batch, name: str) -> Float[Array, " batch"]:
        total = sequence_log_probs(model, batch, name)
        if f"reference_{name}" in batch:
            return self.beta * (total - batch[f"reference_{name}"])
        return self.beta * total / jnp.maximum(jnp.sum(batch[f"{name}_mask"], axis=1), 1)


class Agreement(Settings):
    """How far the model's predictions are from its teacher's."""

    def __call__(self, model: Any, batch: Batch, key: PRNGKeyArray | None = None) -> Means:
        """Means over the batch.

        Args:
            model: The model.
            batch: What `data.Demonstrations` describes, and ``teacher_logits``, which predict each
                token of the response.
            key: Not used; nothing is random.

        Returns:
            ``loss`` and ``kl``: the divergence of the teacher's distribution from the model's, in
            nats a token; ``accuracy`` and ``exact_match`` as in `NextToken`.
        """
        logits, taught = response_logits(model, batch), batch["teacher_logits"]
        chex.assert_equal_shape([logits, taught])
        apart = optax.kl_divergence(jax.nn.log_softmax(logits), jax.nn.softmax(taught))
        kl = Mean.of(apart, batch["response_mask"] * batch["weights"][:, None])
        return {**NextToken()(model, batch), "loss": kl, "kl": kl}


def exact_match(prompt: str, completion: str, answer: str) -> float:
    """1 for the answer itself, 0 for anything else; spaces around it do not count."""
    return float(completion.strip() == answer.strip())


def overlap(prompt: str, completion: str, answer: str) -> float:
    """The share of characters that stand where they stand in the answer."""
    same = sum(made == right for made, right in zip(completion, answer, strict=False))
    return same / max(len(completion), len(answer), 1)


def digits(prompt: str, completion: str, answer: str) -> float:
    """The share of digits among eight characters: a reward that is found without any training."""
    return sum(character in "0123456789" for character in completion[:8]) / 8


def length(prompt: str, completion: str, answer: str) -> float:
    """1 for a completion as long as the answer, less the further away it is."""
    return 1.0 / (1.0 + abs(len(completion) - len(answer)))


def number(prompt: str, completion: str, answer: str) -> float:
    """1 for a completion whose last, or boxed, number is the answer's."""
    return float(same_number(completion, answer))


def boxed(prompt: str, completion: str, answer: str) -> float:
    r"""1 for the answer in the last ``\boxed{}``; blanks do not count."""
    found = find_boxed(completion)
    return float(found is not None and found.split() == answer.split())


FORMAT = re.compile(r"<think>.+</think>.+", re.DOTALL)


def well_formed(prompt: str, completion: str) -> float:
    """1 for a completion that has the format."""
    return float(FORMAT.fullmatch(completion.strip()) is not None)


WORDS = 200


def concise(prompt: str, completion: str) -> float:
    """0 up to so many words; from there down to -1 at twice as many."""
    return -min(max(len(completion.split()) / WORDS - 1.0, 0.0), 1.0)


def passes_checks(prompt: str, completion: str, checks: str) -> float:
    """1 for code that passes the example's checks; see `post_training/programs.py` for limits."""
    return float(run_checks(find_code(completion), checks).passed)


REWARDS: dict[str, Reward] = {
    function.__name__: function
    for function in (
        *(exact_match, overlap, digits, length),
        *(number, boxed, well_formed, concise, passes_checks),
    )
}


class Rewards(Settings):
    """What a completion is rewarded for: the sum of some functions of this module.

    Attributes:
        names: Names in ``REWARDS``; each is also reported on its own.
        weights: What each is multiplied by; none for 1.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...] = ()

    @field_validator("names")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(names) - REWARDS.keys())
        if unknown or not names:
            raise ValueError(f"{unknown or 'nothing'} is no reward; there are {sorted(REWARDS)}")
        return names

    @model_validator(mode="after")
    def _one_weight_each(self) -> "Rewards":
        if self.weights and len(self.weights) != len(self.names):
            raise ValueError(
                f"weights: {len(self.weights)} for {len(self.names)} names; give each one"
            )
        return self

    def functions(self) -> dict[str, Reward]:
        """The functions by name, with their weights."""
        functions = {name: REWARDS[name] for name in self.names}
        if not self.weights:
            return functions
        pairs = zip(functions.items(), self.weights, strict=True)
        return {name: weighted(function, weight) for (name, function), weight in pairs}
