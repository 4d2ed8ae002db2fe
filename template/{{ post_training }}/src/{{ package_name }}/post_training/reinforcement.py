"""Reinforcement learning on Tunix: GRPO, GSPO and PPO."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float
from tunix.rl import common, function_registry
from tunix.rl.grpo.grpo_learner import GRPOConfig, GRPOLearner
from tunix.rl.ppo.ppo_learner import PPOConfig, PPOLearner, TrainExample
from tunix.rl.rl_cluster import ClusterConfig, RLCluster, RLTrainingConfig, Role
from tunix.rl.rl_learner import RLLearner
from tunix.rl.rollout.base_rollout import RolloutConfig

from .mesh_context import tunix_mesh
from .metrics import StepMetrics, rollout_metrics
from .rewards import Reward, checked_all
from .rollout import SeededRollout
from .tokens import TunixTokenizer
from .trainer import CONFIG, Setup, step_by_step

_FOREVER = 2**31  # steps after which Tunix would stop by itself


class RolloutTrainer:
    """A learner of Tunix's that samples completions and learns from their rewards.

    Args:
        learner: The learner.
        setup: What it was built of.
    """

    def __init__(self, learner: RLLearner, setup: Setup) -> None:
        self._learner, self._cluster = learner, learner.rl_cluster
        self._mesh = setup.mesh
        self._metrics = StepMetrics()
        self._measured: dict[int, dict[str, float]] = {}
        self._trainers = [self._cluster.actor_trainer]
        if setup.critic is not None:
            self._trainers.append(self._cluster.critic_trainer)
        for trainer in self._trainers:
            step_by_step(trainer, self._metrics)
        self._cluster.with_external_metrics_logger(self._measure)

    @property
    def optimizers(self) -> list[nnx.Optimizer]:
        """The policy's, and the value model's for PPO."""
        return [trainer.optimizer for trainer in self._trainers]

    def step(self, number: int, batch: dict[str, Any]) -> dict[str, float]:
        """Sample completions of the batch's prompts, and learn from them."""
        rollout: Any = self._cluster.rollout
        rollout.begin(number)
        self._cluster.global_steps = number
        with tunix_mesh(self._mesh):
            self._learner.train([batch])
        measured = self._measured.pop(number)
        self._measured.clear()
        return self._metrics.take() | measured

    def _measure(self, buffer: Any) -> None:
        told = rollout_metrics(buffer.metrics)
        self._measured.setdefault(buffer.global_steps, {}).update(told)


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
) -> RolloutTrainer:
    """A trainer that samples completions.

    Args:
        setup: What it is built of.
        algorithm: ``grpo``, for GSPO as well, or ``ppo``.
        rewards: What completions are rewarded for, by name.
        options: Those of the algorithm's configuration in Tunix.
    """
    group = algorithm == "grpo"
    learner: Any = GRPOLearner if group else FractionalPPOLearner
    config = (GRPOConfig if group else PPOConfig)(**options)
    functions = [*checked_all(rewards).values()]
    return RolloutTrainer(learner(_cluster(setup), config, functions), setup)


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
        tokenizer=TunixTokenizer(data.tokenizer),
        cluster_config=ClusterConfig(
            role_to_mesh=dict.fromkeys(Role, setup.mesh),
            rollout_engine=SeededRollout,
            training_config=training,
            rollout_config=rollout,
        ),
    )
