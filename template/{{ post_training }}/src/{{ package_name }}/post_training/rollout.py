"""Sampling completions for reinforcement learning, with noise of its own at every step."""

import dataclasses
from typing import Any

import jax
import numpy as np
from tunix.rl.rollout.base_rollout import CacheConfig, RolloutConfig, RolloutOutput
from tunix.rl.rollout.vanilla_rollout import VanillaRollout


class SeededRollout(VanillaRollout):
    """Tunix's rollout without two of its traps.

    Left alone it draws from the same key at every call, so that the samples of each step differ
    only as far as the weights do; here the key follows from the run's seed, the step and the number
    of the call in it, which also makes a resumed run draw what the uninterrupted one would have.

    It also cuts a completion before the token that ends it. That token then never gets a gradient,
    and the model cannot learn when to stop; here it stays.

    `begin` is to be called before each step.
    """

    def __init__(
        self, rollout_actor: Any, tokenizer: Any, mesh: Any, rollout_config: RolloutConfig
    ) -> None:
        """Build the sampler, as Tunix asks a rollout engine to.

        Args:
            rollout_actor: The policy.
            tokenizer: Tunix's adapter of the tokenizer.
            mesh: Not used; the weights lie on it.
            rollout_config: Among other things the seed, as a typed key.
        """
        shape = rollout_actor.config
        cache = CacheConfig(cache_size=rollout_config.kv_cache_size, **shape._asdict())
        super().__init__(rollout_actor, tokenizer, cache)
        self.begin(0)

    def begin(self, step: int) -> None:
        """Draw what belongs to a step of the run."""
        self._step, self._calls = step, 0

    def generate(
        self, prompts: Any, rollout_config: RolloutConfig, **options: Any
    ) -> RolloutOutput:
        """Complete prompts, rows of token ids; see the class for what is different."""
        seed: Any = rollout_config.seed
        key = jax.random.fold_in(jax.random.fold_in(seed, self._step), self._calls)
        self._calls += 1
        output = super().generate(prompts, dataclasses.replace(rollout_config, seed=key), **options)
        most, end = rollout_config.max_tokens_to_generate, self.eos_id()
        tokens = [
            ids if len(ids) == most else np.append(ids, end).astype(ids.dtype)
            for ids in output.tokens
        ]
        return dataclasses.replace(output, tokens=tokens)
