"""Held-out rewards: what greedy completions earn."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from ..training.evaluation import Examples, evaluate
from ..training.metrics import Mean, Means, Metric
from .rewards import Reward, checked_all

Completion = Int[Array | np.ndarray, "batch max_tokens"]
Respond = Callable[[dict[str, Any]], dict[str, Array]]


def evaluate_completions(
    batches: Iterable[dict[str, Any]],
    respond: Respond,
    tokenizer: Any,
    rewards: Mapping[str, Reward],
    metrics: Sequence[Metric] = (),
) -> dict[str, float]:
    """Rewards of the completions that a model finds likeliest.

    Args:
        batches: Batches of prompts, with their texts and columns.
        respond: What the prediction makes of a batch's ``prompt`` and ``prompt_mask``, the token
            ids ``response`` among it.
        tokenizer: The data's tokenizer.
        rewards: The functions that reward a completion, by name.
        metrics: Metrics beside them, of the arrays that are no texts.

    Returns:
        ``reward``, the mean sum of the rewards; ``reward_<name>``, the mean of each;
        ``exact_match``, the share of completions that are the answer; ``completion_length`` in
        tokens, the end included; and what the metrics say.
    """
    functions = checked_all(rewards)

    def ask(batch: dict[str, Any]) -> tuple[dict[str, Any], Completion, Any]:
        arrays = {
            name: jnp.asarray(array) for name, array in batch.items() if array.dtype.kind != "U"
        }
        outputs = respond({name: batch[name] for name in ("prompt", "prompt_mask")})
        collected = tuple(metric.collect(outputs, arrays) for metric in metrics)
        return batch, outputs["response"], collected

    def measure(
        batch: dict[str, Any], response: Completion, collected: Any
    ) -> tuple[Means, Examples]:
        real = batch["weights"] > 0
        made = response[real]
        completions = [tokenizer.decode(ids) for ids in made]
        columns = {
            name: array[real].tolist() for name, array in batch.items() if array.dtype.kind == "U"
        }
        prompts = columns.pop("text")
        given = {
            f"reward_{name}": np.array(reward(prompts, completions, **columns))
            for name, reward in functions.items()
        }
        told = {
            "reward": np.sum([*given.values()], axis=0),
            **given,
            "exact_match": np.array(completions) == np.array(columns["answer"]),
            "completion_length": (made != tokenizer.pad).sum(axis=1),
        }
        ones = jnp.ones(len(made))
        means = {name: Mean.of(jnp.float32(values), ones) for name, values in told.items()}
        return means, (real, collected)

    asked = jax.device_get([ask(batch) for batch in batches])
    return evaluate((measure(*each) for each in asked), metrics)
