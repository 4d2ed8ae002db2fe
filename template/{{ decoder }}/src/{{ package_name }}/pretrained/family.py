"""A family of published models: what its `config.json` says in terms of this project's settings.

A family is data, and the same data serves both ways. `settings_of` reads a configuration, and
refuses by name whatever it does not understand; `config_of` writes one. What cannot be written is
found by reading it back (see `exporting.py`), so no family says what it lacks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from ..errors import UserError
from .layers import Windows
from .names import TENSORS
from .rotary import ROTARY_KEYS, read_rotary, write_rotary
from .tensors import Tensor

Config = Mapping[str, Any]

REQUIRED: Final = "required"

PLAIN: Final[Mapping[str, Any]] = {
    "embedding_scale": False,
    "query_scale": None,
    "query_key_norm": False,
    "attention_bias": "none",
    "feed_forward_bias": False,
    "attention_softcap": None,
    "logit_softcap": None,
    "norm_offset": False,
    "post_norms": False,
    "windows": (None,),
    "rotated": (True,),
}
"""Settings of models without peculiarities; `Family.settings` and keys take their place."""

IDLE: Final = frozenset(
    {
        *("architectures", "model_type", "transformers_version", "_name_or_path"),
        *("torch_dtype", "dtype", "use_cache", "cache_implementation", "initializer_range"),
        *("bos_token_id", "eos_token_id", "pad_token_id", "max_position_embeddings"),
        *("pretraining_tp", "is_llama_config", "transformers.js_config", "unsloth_fixed"),
    }
)
"""Keys that do not change what a model computes from tokens."""


class Key(NamedTuple):
    """A key of `config.json` that stands for a setting.

    Attributes:
        setting: Name of the setting.
        default: Its value where there is no such key; `REQUIRED` if there must be one.
        values: The setting for each value of the key; without it, they are the same.
    """

    setting: str
    default: Any = REQUIRED
    values: Mapping[Any, Any] | None = None


SIZES: Final[Mapping[str, Key]] = {
    "vocab_size": Key("vocab_size"),
    "hidden_size": Key("d_model"),
    "intermediate_size": Key("d_ff"),
    "num_hidden_layers": Key("num_layers"),
    "num_attention_heads": Key("num_heads"),
    "num_key_value_heads": Key("num_kv_heads"),
    "head_dim": Key("d_head", None),
    "rms_norm_eps": Key("norm_epsilon", 1e-6),
    "tie_word_embeddings": Key("tied_embeddings", False),
}
"""Keys that all families have."""

NULLABLE: Final = {"num_kv_heads", "d_head", "attention_softcap", "logit_softcap"}
"""Settings that may be null, which then does not stand for the family's default."""

ACTIVATION: Final = {"silu": "silu", "gelu_pytorch_tanh": "gelu_tanh"}
BIAS: Final = Key("attention_bias", "none", {False: "none", True: "all"})
KEYS: Final = {**SIZES, "hidden_act": Key("activation", "silu", ACTIVATION)}
"""Keys that most families have."""


@dataclass(frozen=True)
class Family:
    """How models of a family are configured, and what their tensors are called.

    Attributes:
        architecture: What `config.json` calls it in ``architectures``.
        keys: The keys that stand for one setting each.
        settings: Settings that all of its models have, where they are not those of `PLAIN`.
        fixed: Keys that are understood at one value alone, which is also that of a missing key.
        base: Base of the rotation where no key says so.
        local_base: Likewise, in layers with a window, where the family tells them apart.
        windows: Which layers see a window; without it, none.
        read: What a configuration says otherwise, as settings.
        write: The keys that say so.
        more_keys: Their names, and those that `windows` reads.
        tensors: Names and layouts of tensors by our parameters, where not those of `TENSORS`.
    """

    architecture: str
    keys: Mapping[str, Key]
    settings: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    base: float = 10_000.0
    local_base: float | None = None
    windows: Windows | None = None
    read: Callable[[Config], dict[str, Any]] = lambda _: {}
    write: Callable[[Config], dict[str, Any]] = lambda _: {}
    more_keys: frozenset[str] = frozenset()
    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """What says which tensors there are, for errors."""
        return "its config.json says"

    def tensor(self, parameter: str) -> Tensor:
        """The tensor, or a layer's each, that a parameter of ours is stored as.

        Raises:
            UserError: There is none.
        """
        known = {**TENSORS, **self.tensors}
        if parameter not in known:
            raise UserError(
                f"{self.architecture} has no tensor for this project's parameter {parameter}"
            )
        return known[parameter]

    def settings_of(self, config: Config) -> dict[str, Any]:
        """The model's settings, each of them stated.

        Raises:
            UserError: A key is missing, unknown, or has a value that is not supported.
        """
        fixed = {"attention_dropout": 0.0, "partial_rotary_factor": 1.0, **self.fixed}
        windows = self.windows.keys if self.windows else set[str]()
        known = {*IDLE, *ROTARY_KEYS, *self.keys, *fixed, *windows, *self.more_keys}
        for name, value in config.items():
            wrong = value != fixed[name] if name in fixed else name not in known
            if wrong and value is not None:
                raise UserError(f"{name} = {value!r} is not supported for {self.architecture}")
        settings = {**PLAIN, **self.settings}
        for name, key in self.keys.items():
            settings[key.setting] = _read(config, name, key)
        settings["num_kv_heads"] = settings["num_kv_heads"] or settings["num_heads"]
        settings["d_head"] = settings["d_head"] or settings["d_model"] // settings["num_heads"]
        if self.windows:
            settings["windows"] = self.windows.read(config)
        rotary = read_rotary(config, self.base, self.local_base)
        return {**settings, **self.read(config), "rotary": rotary}

    def config_of(self, settings: Config) -> dict[str, Any]:
        """The keys of `config.json` that stand for settings; which need not be what was meant."""
        config: dict[str, Any] = {"architectures": [self.architecture]}
        for name, key in self.keys.items():
            value = settings[key.setting]
            there = {setting: each for each, setting in (key.values or {}).items()}
            config[name] = there.get(value, value)
        if self.windows:
            config |= self.windows.write(settings["windows"])
        return config | self.write(settings) | write_rotary(settings, self.local_base)


def _read(config: Config, name: str, key: Key) -> Any:
    value = config.get(name)
    if name not in config or (value is None and key.setting not in NULLABLE):
        if key.default == REQUIRED:
            raise UserError(f"there is no {name}")
        return key.default
    if key.values is None:
        return value
    if value not in key.values:
        known = ", ".join(map(repr, key.values))
        raise UserError(f"{name} = {value!r} is not supported, only {known}")
    return key.values[value]
