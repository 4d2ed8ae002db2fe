"""The byte tokenizer as the files that transformers reads: the same ids for every text."""

import json
from pathlib import Path
from typing import Any, Final

from ..files import write_atomically

END: Final = "<|endoftext|>"
PAD: Final = "<|pad|>"


def write_byte_tokenizer(folder: Path, *, end: int, pad: int) -> None:
    """Write ``tokenizer.json`` and ``tokenizer_config.json``.

    A byte stands in the vocabulary as the character that byte-level tokenizers write for it, and
    there are no merges. As the project's commands do, it puts the end of a document before a text.

    Args:
        folder: Where to.
        end: The id that ends a document, and starts one.
        pad: The id of padding.
    """
    special = {"special": True, "normalized": False, "lstrip": False, "rstrip": False}
    added = [
        {"id": id, "content": name, "single_word": False, **special}
        for id, name in ((end, END), (pad, PAD))
    ]
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": False,
        "use_regex": False,
    }
    start = {"SpecialToken": {"id": END, "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    tokenizer: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [start, text],
            "pair": [start, text, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {END: {"id": END, "ids": [end], "tokens": [END]}},
        },
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {character: byte for byte, character in enumerate(_characters())},
            "merges": [],
        },
    }
    names = {"bos_token": END, "eos_token": END, "pad_token": PAD}
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **names,
        "clean_up_tokenization_spaces": False,
    }
    for name, content in (("tokenizer.json", tokenizer), ("tokenizer_config.json", config)):
        write_atomically(folder / name, json.dumps(content, indent=1) + "\n")


def _characters() -> list[str]:
    """The character of each byte: itself if it can be seen, or one of those from U+0100 on."""
    seen = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)}
    hidden = [byte for byte in range(256) if byte not in seen]
    return [chr(byte if byte in seen else 0x100 + hidden.index(byte)) for byte in range(256)]
