"""Held-out rewards: what greedy completions earn."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import Array

from .rewards import Reward, checked_all

Respond = Callable[[dict[str, Any]], Array]


def evaluate_completions(
    batches: Iterable[dict[str, Any]],
    respond: Respond,
    tokenizer: Any,
    rewards: Mapping[str, Reward],
) -> dict[str, float]:
    """Rewards of the completions that a model finds likeliest.

    Args:
        batches: Batches of prompts, with their texts and columns.
        respond: Completes a batch's ``prompt`` and ``prompt_mask``: token ids.
        tokenizer: The data's tokenizer.
        rewards: The functions that reward a completion, by name.

    Returns:
        ``reward``, their mean sum; ``reward_<name>``, the mean of each; ``exact_match``, the share
        of completions that are the answer; ``completion_length`` in tokens, the end included.
    """
    functions = checked_all(rewards)
    given = {name: [] for name in rewards}
    matches, lengths, asked = [], [], []
    for batch in batches:
        inputs = {name: batch[name] for name in ("prompt", "prompt_mask")}
        asked.append((batch, respond(inputs)))
    for batch, response in jax.device_get(asked):
        real = np.flatnonzero(batch["weights"])
        made = response[real]
        completions = [tokenizer.decode(ids) for ids in made]
        columns = {
            name: array[real].tolist() for name, array in batch.items() if array.dtype.kind == "U"
        }
        prompts = columns.pop("text")
        for name, reward in functions.items():
            given[name] += reward(prompts, completions, **columns)
        pairs = zip(completions, columns["answer"], strict=True)
        matches += [made == answer for made, answer in pairs]
        lengths += (made != tokenizer.pad).sum(axis=1).tolist()
    each = {f"reward_{name}": float(np.mean(values)) for name, values in given.items()}
    return {
        "reward": sum(each.values()),
        **each,
        "exact_match": float(np.mean(matches)),
        "completion_length": float(np.mean(lengths)),
    }
