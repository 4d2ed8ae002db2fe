"""Held-out rewards: what greedy completions earn."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import numpy as np
from flax import nnx

from ..training.evaluation import inference_model
from ..training.program import Program
from ..training.state import TrainState
from .rewards import checked


def evaluate_completions(
    program: Program,
    state: TrainState,
    batches: Iterable[dict[str, Any]],
    rewards: Mapping[str, Callable[..., float]],
) -> dict[str, float]:
    """Rewards of the completions that a model finds likeliest.

    Args:
        program: The program, whose experiment knows how to complete prompts.
        state: The state to evaluate.
        batches: Batches of prompts, with their texts and columns.
        rewards: The functions that reward a completion, by name.

    Returns:
        ``reward``, their mean sum; ``reward_<name>``, the mean of each; ``exact_match``, the share
        of completions that are the answer; ``completion_length`` in tokens, the end included.
    """
    experiment: Any = program.experiment
    model = inference_model(program.blueprint.graphdef, state, experiment.precision)
    graphdef, arrays = nnx.split(model)
    ask = jax.jit(lambda arrays, batch: experiment.prediction(nnx.merge(graphdef, arrays), batch))
    tokenizer, given = experiment.tokenizer, {name: [] for name in rewards}
    matches, lengths, asked = [], [], []
    for batch in batches:
        inputs = {name: batch[name] for name in ("prompt", "prompt_mask")}
        asked.append((batch, ask(arrays, jax.device_put(inputs, program.batch))["response"]))
    for batch, response in jax.device_get(asked):
        real = np.flatnonzero(batch["weights"])
        made = response[real]
        completions = [tokenizer.decode(ids) for ids in made]
        columns = {
            name: array[real].tolist() for name, array in batch.items() if array.dtype.kind == "U"
        }
        prompts = columns.pop("text")
        for name, reward in rewards.items():
            given[name] += checked(name, reward)(prompts, completions, **columns)
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
