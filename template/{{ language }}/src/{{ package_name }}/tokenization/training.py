"""A tokenizer of one's own, trained on text: byte-level BPE, as GPT-2 has it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from ..files import write_atomically
from .files import HUGGING_FACE
from .specials import BESIDE

END: Final = "<|endoftext|>"
PAD: Final = "<|pad|>"


def train_tokenizer(texts: Iterable[str], vocab_size: int, folder: Path) -> None:
    """Train a tokenizer that any text can be encoded with, and restored from.

    Memory holds the distinct words of the texts, not the texts.

    Args:
        texts: What to train it on.
        vocab_size: Ids, among them 256 for bytes and two special ones; a small text gives fewer.
        folder: Where ``tokenizer.json`` and ``tokenizer_config.json`` go.
    """
    model = tokenizers.Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    model.train_from_iterator(texts, trainer)
    # As the project's commands do, other programs are to put the end of a document before a text.
    end = model.token_to_id(END)
    model.post_processor = processors.TemplateProcessing(
        single=f"{END} $A", pair=f"{END} $A $B:1", special_tokens=[(END, end)]
    )
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    config |= {"bos_token": END, "eos_token": END, "pad_token": PAD}
    folder.mkdir(exist_ok=True)
    write_atomically(folder / HUGGING_FACE, model.to_str(pretty=True))
    write_atomically(folder / BESIDE[0], json.dumps(config, indent=2) + "\n")
