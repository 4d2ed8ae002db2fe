"""The methods of post-training, as settings; what trains by them is imported when it is needed."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from jaxtyping import Array
from pydantic import ConfigDict, Field

from ..settings import Settings
from ..training.experiment import ModelSettings, fitted_to
from .layout import response_logits, sequence_log_probs
from .rewards import Reward

if TYPE_CHECKING:
    from .trainer import Setup, StepTrainer


class Method(Settings):
    """How a model is post-trained.

    Attributes:
        DATA: The kind of data that it learns from.
    """

    DATA: ClassVar[str]

    @property
    def needs_companion(self) -> bool:
        """Whether it needs a second model: the weights that the run began with, or a teacher."""
        return False

    @property
    def updates_per_step(self) -> int:
        """Updates of the weights in a step of the run."""
        return 1

    @abstractmethod
    def trainer(self, setup: "Setup") -> "StepTrainer":
        """Build what makes the steps; Tunix knows settings by their aliases."""

    def companion_outputs(self, model: Any, batch: dict[str, Array]) -> dict[str, Array]:
        """What the objective needs of the companion's view of a held-out batch."""
        return {}


class Supervised(Method):
    """Supervised fine-tuning: the cross-entropy of the responses' tokens.

    With a model of low-rank differences (`LoraSettings`) it trains those alone.
    """

    DATA: ClassVar[str] = "demonstrations"

    def trainer(self, setup: "Setup") -> "StepTrainer":
        """Tunix's `PeftTrainer`."""
        from .supervised import supervised_trainer

        return supervised_trainer(setup)


class PreferenceMethod(Method):
    """What the methods on pairs of responses share."""

    DATA: ClassVar[str] = "preferences"
    ALGORITHM: ClassVar[str]

    def trainer(self, setup: "Setup") -> "StepTrainer":
        """Tunix's `DPOTrainer` with the loss of the algorithm."""
        from .preference import preference_trainer

        return preference_trainer(setup, self.ALGORITHM, self.model_dump(by_alias=True))


class DirectPreference(PreferenceMethod):
    """DPO (Rafailov et al., 2023): the better response becomes likelier than under the reference.

    Attributes:
        beta: Scale of the implicit rewards: the larger, the closer to the reference.
        label_smoothing: Share of pairs that are taken to be labelled wrongly.
    """

    ALGORITHM: ClassVar[str] = "dpo"

    beta: float = Field(default=0.1, gt=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)

    @property
    def needs_companion(self) -> bool:
        """The reference."""
        return True

    def companion_outputs(self, model: Any, batch: dict[str, Array]) -> dict[str, Array]:
        """Log-probabilities of both responses under the reference."""
        return {
            f"reference_{name}": sequence_log_probs(model, batch, name)
            for name in ("chosen", "rejected")
        }


class OddsRatioPreference(PreferenceMethod):
    """ORPO (Hong et al., 2024): fine-tuning on the better response, away from the worse one.

    Attributes:
        odds_weight: Weight of the odds ratio beside the cross-entropy.
    """

    ALGORITHM: ClassVar[str] = "orpo"

    odds_weight: float = Field(default=0.1, gt=0, serialization_alias="lambda_orpo")


@runtime_checkable
class RewardSettings(Protocol):
    """Settings that know the functions which reward a completion."""

    def functions(self) -> dict[str, Reward]:
        """Functions of ``prompt``, ``completion`` and the columns of the data, by name."""
        ...


class Reinforcement(Method):
    """What the methods of reinforcement learning share.

    Completions are sampled at temperature 1: at any other Tunix 0.1 would compare probabilities
    that were computed at different ones.

    Attributes:
        rewards: What a completion is rewarded for; the rewards are added up.
        kl_weight: Weight of the divergence from the weights that the run began with (beta).
        clip: How far the ratio of new to old probabilities may move in an update (epsilon).
        iterations: Updates made of one batch of completions.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    DATA: ClassVar[str] = "prompts"
    ALGORITHM: ClassVar[str]

    rewards: RewardSettings
    kl_weight: float = Field(default=0.04, ge=0, serialization_alias="beta")
    clip: float = Field(default=0.2, gt=0, lt=1, serialization_alias="epsilon")
    iterations: int = Field(default=1, ge=1, serialization_alias="num_iterations")

    @property
    def needs_companion(self) -> bool:
        """The reference, where there is a weight on the divergence from it."""
        return self.kl_weight > 0

    @property
    def updates_per_step(self) -> int:
        """One for each iteration over a batch of completions."""
        return self.iterations

    def trainer(self, setup: "Setup") -> "StepTrainer":
        """Tunix's learner of the algorithm."""
        from .reinforcement import rollout_trainer

        options = self.model_dump(by_alias=True, exclude={"rewards"})
        return rollout_trainer(setup, self.ALGORITHM, self.rewards.functions(), options)


class GroupRelative(Reinforcement):
    """GRPO (Shao et al., 2024): a completion's reward against those of others of the same prompt.

    Attributes:
        completions: Completions sampled for each prompt.
    """

    ALGORITHM: ClassVar[str] = "grpo"

    completions: int = Field(default=8, ge=2, le=1 << 20, serialization_alias="num_generations")


class GroupSequence(GroupRelative):
    """GSPO (Zheng et al., 2025): GRPO whose ratios are those of whole completions.

    Ratios differ from 1 only from the second update on a batch, so with one iteration it would be
    GRPO itself.

    Attributes:
        iterations: Updates made of one batch of completions, two or more.
    """

    ALGORITHM: ClassVar[str] = "gspo-token"

    iterations: int = Field(default=2, ge=2, serialization_alias="num_iterations")


class ProximalPolicy(Reinforcement):
    """PPO (Schulman et al., 2017) with a value model, advantages by GAE.

    Attributes:
        discount: Of later rewards (gamma).
        smoothing: Of the advantages (lambda).
        value_clip: How far a value may move in an update.
        entropy_weight: Weight of the policy's entropy, which keeps it exploring.
    """

    ALGORITHM: ClassVar[str] = "ppo"

    discount: float = Field(default=1.0, gt=0, le=1, serialization_alias="gamma")
    smoothing: float = Field(default=0.95, ge=0, le=1, serialization_alias="gae_lambda")
    value_clip: float = Field(default=0.2, gt=0, serialization_alias="clip_range_value")
    entropy_weight: float = Field(default=0.0, ge=0, serialization_alias="entropy_coef")


class Distillation(Method):
    """Distillation (Hinton et al., 2015): the student's predictions become the teacher's.

    Attributes:
        teacher: The teacher's run.
        teacher_model: The teacher's model, as in the configuration of its run.
        temperature: Of both distributions.
        hard_weight: Share of the cross-entropy of the data's own responses in the loss.
    """

    DATA: ClassVar[str] = "demonstrations"

    model_config = ConfigDict(arbitrary_types_allowed=True)

    teacher: str
    teacher_model: ModelSettings
    temperature: float = Field(default=1.0, gt=0)
    hard_weight: float = Field(default=0.0, ge=0, le=1)

    def fitted(self, info: Mapping[str, Any]) -> "Distillation":
        """A copy whose teacher is fitted to the data."""
        return self.model_copy(update={"teacher_model": fitted_to(info, self.teacher_model)})

    @property
    def needs_companion(self) -> bool:
        """The teacher."""
        return True

    def trainer(self, setup: "Setup") -> "StepTrainer":
        """Tunix's `PeftTrainer` with the loss of distillation."""
        from .distillation import distillation_trainer

        return distillation_trainer(
            setup, temperature=self.temperature, hard_weight=self.hard_weight
        )

    def companion_outputs(self, model: Any, batch: dict[str, Array]) -> dict[str, Array]:
        """The teacher's logits for the responses."""
        return {"teacher_logits": response_logits(model, batch)}
