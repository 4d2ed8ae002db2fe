"""A tokenizer of one's own, trained on text: byte-level BPE."""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import models, pre_tokenizers, trainers

from .byte_level import END, PAD, byte_level, save_byte_level


def train_tokenizer(texts: Iterable[str], vocab_size: int, folder: Path) -> None:
    """Train a tokenizer that any text can be encoded with, and restored from.

    Memory holds the distinct words of the texts, not the texts.

    Args:
        texts: What to train it on.
        vocab_size: Ids, among them 256 for bytes and two special ones; a small text gives fewer.
        folder: Where ``tokenizer.json`` and ``tokenizer_config.json`` go.
    """
    made = byte_level(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    folder.mkdir(exist_ok=True)
    save_byte_level(made, folder)
