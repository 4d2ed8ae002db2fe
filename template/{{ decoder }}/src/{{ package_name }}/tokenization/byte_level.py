"""Byte-level tokenizers, as GPT-2 has them: any text can be encoded, and restored."""

import json
from pathlib import Path
from typing import Final

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, processors

from ..files import write_atomically
from .files import HUGGING_FACE
from .specials import BESIDE

END: Final = "<|endoftext|>"
PAD: Final = "<|pad|>"


def byte_level(model: models.BPE) -> tokenizers.Tokenizer:
    """A tokenizer whose model reads bytes, as the characters that stand for them."""
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return made


def save_byte_level(model: tokenizers.Tokenizer, folder: Path) -> None:
    """Write ``tokenizer.json`` and ``tokenizer_config.json``.

    As the project's commands do, other programs are to put the end of a document before a text.

    Args:
        model: A tokenizer with `END` and `PAD`.
        folder: Where to.
    """
    end = model.token_to_id(END)
    model.post_processor = processors.TemplateProcessing(
        single=f"{END} $A", pair=f"{END} $A $B:1", special_tokens=[(END, end)]
    )
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    config |= {"bos_token": END, "eos_token": END, "pad_token": PAD}
    write_atomically(folder / HUGGING_FACE, model.to_str(pretty=True))
    write_atomically(folder / BESIDE[0], json.dumps(config, indent=2) + "\n")
