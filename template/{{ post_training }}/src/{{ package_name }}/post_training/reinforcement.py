"""Reinforcement learning on Tunix: GRPO, GSPO and PPO."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from tunix.rl import common, function_registry
from tunix.rl.grpo.grpo_learner import GRPOConfig, GRPOLearner
from tunix.rl.ppo.ppo_learner import PPOConfig, PPOLearner, TrainExample
from tunix.rl.rl_cluster import ClusterConfig, RLCluster, RLTrainingConfig, Role
from tunix.rl.rollout.base_rollout import RolloutConfig

from .metrics import rollout_metrics
from .rewards import Reward, checked_all
from .rollout import SeededRollout
from .tokens import TunixTokenizer
from .trainer import CONFIG, Setup, StepTrainer

_FOREVER = 2**31  # steps after which Tunix would stop by itself


class FractionalPPOLearner(PPOLearner):
    """Tunix's PPO with rewards that are no whole numbers.

    Tunix 0.1 adds a completion's reward to an array of integers, which cuts off its fraction: any
    reward below 1 is none. Here advantages and returns are computed again from the rewards as they
    were given.
    """

    def _compute_rewards(self, *arguments: Any, **options: Any) -> Float[np.ndarray, " batch"]:
        self._scores = super()._compute_rewards(*arguments, **options)
        return self._scores

    def _generate_and_compute_advantage(self, *arguments: Any, **options: Any) -> TrainExample:
        example: Any = super()._generate_and_compute_advantage(*arguments, **options)
        config, mask = self.algo_config, example.completion_mask
        last = jnp.maximum(jnp.sum(mask, axis=-1) - 1, 0)
        rewards = jnp.zeros(mask.shape).at[jnp.arange(len(mask)), last].set(self._scores)
        if config.beta:
            kl = common.compute_kl_divergence(
                example.old_per_token_logps,
                example.ref_per_token_logps,
                method=config.kl_method,
                clamp_value=config.kl_clamp_value,
            )
            rewards = rewards - config.beta * kl * mask
        advantages, returns = function_registry.get_advantage_estimator(config.advantage_estimator)(
            rewards=rewards,
            values=example.old_values,
            completion_mask=mask,
            gamma=config.gamma,
            gae_lambda=config.gae_lambda,
        )
        return example.replace(advantages=advantages, returns=returns)


def rollout_trainer(
    setup: Setup, algorithm: str, rewards: Mapping[str, Reward], options: Mapping[str, Any]
) -> StepTrainer:
    """A trainer that samples completions and learns from their rewards.

    Args:
        setup: What it is built of.
        algorithm: ``ppo``, or the name of a loss of Tunix's GRPO.
        rewards: What completions are rewarded for, by name.
        options: Those of the algorithm's configuration in Tunix.
    """
    cluster, functions = _cluster(setup), [*checked_all(rewards).values()]
    if algorithm == "ppo":
        learner = FractionalPPOLearner(cluster, PPOConfig(**options), functions)
    else:
        learner = GRPOLearner(cluster, GRPOConfig(loss_algo=algorithm, **options), functions)
    measured: dict[int, dict[str, float]] = {}

    def measure(buffer: Any) -> None:
        told = rollout_metrics(buffer.metrics)
        measured.setdefault(buffer.global_steps, {}).update(told)

    def train(number: int, batch: dict[str, Any]) -> dict[str, float]:
        rollout: Any = cluster.rollout
        rollout.begin(number)
        cluster.global_steps = number
        learner.train([batch])
        told = measured.pop(number)
        measured.clear()
        return told

    cluster.with_external_metrics_logger(measure)
    critics = [] if setup.critic is None else [cluster.critic_trainer]
    return StepTrainer([cluster.actor_trainer, *critics], setup.mesh, train)


def _cluster(setup: Setup) -> RLCluster:
    """All models on one mesh, and a rollout without Tunix's traps."""
    data = setup.data
    rollout = RolloutConfig(
        max_tokens_to_generate=data.max_response_tokens,
        max_prompt_length=data.max_prompt_tokens,
        kv_cache_size=data.max_prompt_tokens + data.max_response_tokens,
        temperature=1.0,
        seed=setup.key,
    )
    training = RLTrainingConfig(
        actor_optimizer=setup.optimizer,
        critic_optimizer=setup.optimizer,
        max_steps=_FOREVER,
        **CONFIG,
    )
    return RLCluster(
        actor=setup.policy,
        critic=setup.critic,
        reference=setup.companion,
        tokenizer=TunixTokenizer(data.tokenizer, getattr(data, "end", data.tokenizer.end)),
        cluster_config=ClusterConfig(
            role_to_mesh=dict.fromkeys(Role, setup.mesh),
            rollout_engine=SeededRollout,
            training_config=training,
            rollout_config=rollout,
        ),
    )
