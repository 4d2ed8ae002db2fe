"""A run without a step: the weights of a folder as the checkpoint that other commands open."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import jax

from ..storage.run_directory import RunDirectory
from ..tokenization.files import CHAT_TEMPLATE, HUGGING_FACE, SENTENCE_PIECE
from ..tokenization.specials import BESIDE as SPECIALS
from ..training.program import Program
from .family import Family
from .folder import CONFIG, ModelFolder
from .weights import read_weights
from .writing import write_checkpoint

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


def write_run(folder: ModelFolder, family: Family, program: Program, run: RunDirectory) -> None:
    """Write the checkpoint of a run, and keep what lies beside the weights.

    Args:
        folder: The folder of the model.
        family: What its tensors are called.
        program: The program of an experiment with `PretrainedSettings`, on its mesh.
        run: The folder of the run.

    Raises:
        UserError: The tensors are not those of the model.
    """
    like = program.layout.abstract.variables
    if "unembedding" not in like:  # which some files hold all the same
        folder = replace(folder, idle=(*folder.idle, "lm_head.weight"))
    write_checkpoint(read_weights(folder, family, like), program, run)
    if jax.process_index() == 0:
        run.pretrained.mkdir(exist_ok=True)
        for name in BESIDE:
            if (folder.path / name).is_file():
                shutil.copyfile(folder.path / name, run.pretrained / name)
