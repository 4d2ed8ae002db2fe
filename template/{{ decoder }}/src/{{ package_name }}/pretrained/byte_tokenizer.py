"""The byte tokenizer as the files that transformers reads: the same ids for every text."""

from pathlib import Path

from tokenizers import models

from ..tokenization.byte_level import END, PAD, byte_level, save_byte_level


def write_byte_tokenizer(folder: Path) -> None:
    """Write ``tokenizer.json`` and ``tokenizer_config.json``.

    A byte stands in the vocabulary as the character that byte-level tokenizers write for it, and
    there are no merges.

    Args:
        folder: Where to.
    """
    seen = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)}
    hidden = [byte for byte in range(256) if byte not in seen]
    places = {byte: byte if byte in seen else 0x100 + hidden.index(byte) for byte in range(256)}
    made = byte_level(models.BPE({chr(place): byte for byte, place in places.items()}, []))
    made.add_special_tokens([END, PAD])  # behind the bytes, in the order of `DOCUMENT` and `PAD`
    save_byte_level(made, folder)
