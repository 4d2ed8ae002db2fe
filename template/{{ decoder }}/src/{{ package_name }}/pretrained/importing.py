"""What an import takes from a folder: settings, weights, and files that lie beside them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from jaxtyping import PyTree

from ..tokenization.files import CHAT_TEMPLATE, HUGGING_FACE, SENTENCE_PIECE
from ..tokenization.specials import BESIDE as SPECIALS
from .family import Family
from .folder import CONFIG, ModelFolder
from .weights import read_weights

BESIDE: Final = (
    *(CONFIG, "generation_config.json", CHAT_TEMPLATE, "chat_template.json"),
    *(HUGGING_FACE, SENTENCE_PIECE, *SPECIALS, "added_tokens.json", "vocab.json", "merges.txt"),
)
"""Files that a run keeps, for its tokenizer and for an export."""


def set_fields(config: Any, settings: Mapping[str, Any]) -> None:
    """Set the fields of a model's configuration, those of its parts as nested mappings.

    Raises:
        AttributeError: The model has no such setting.
    """
    for name, value in settings.items():
        if isinstance(value, Mapping):
            set_fields(getattr(config, name), value)
        else:
            setattr(config, name, shortest(value) if isinstance(value, tuple) else value)


def shortest(pattern: tuple[Any, ...]) -> tuple[Any, ...]:
    """The first part of a pattern that gives all of it when it is repeated."""
    count = len(pattern)
    starts = (pattern[:length] for length in range(1, count))
    return next((start for start in starts if (start * count)[:count] == pattern), pattern)


def read_model(folder: ModelFolder, family: Family, like: PyTree) -> PyTree:
    """The weights of a model; see `read_weights`."""
    if "unembedding" not in like:  # which some files hold all the same
        folder = replace(folder, idle=(*folder.idle, "lm_head.weight"))
    return read_weights(folder, family, like)
