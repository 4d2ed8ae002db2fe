"""The byte tokenizer as the files that transformers reads: the same ids for every text."""

import json
from pathlib import Path
from typing import Final

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
    plain = dict.fromkeys(("single_word", "normalized", "lstrip", "rstrip"), False)
    specials = {END: end, PAD: pad}
    added = [{"id": id, "content": name, "special": True, **plain} for name, id in specials.items()]
    options = {"add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    byte_level = {"type": "ByteLevel", **options}
    vocabulary = {character: byte for byte, character in enumerate(_characters())}
    start, text = (
        {"SpecialToken": {"id": END, "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    )
    tokenizer = {
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": byte_level,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [start, text],
            "pair": [start, text, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {END: {"id": END, "ids": [end], "tokens": [END]}},
        },
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    }
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END,
        "eos_token": END,
        "pad_token": PAD,
        "clean_up_tokenization_spaces": False,
    }
    for name, content in (("tokenizer.json", tokenizer), ("tokenizer_config.json", config)):
        write_atomically(folder / name, json.dumps(content, indent=1) + "\n")


def _characters() -> list[str]:
    """The character of each byte: itself if it can be seen, or one of those from U+0100 on."""
    seen = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)}
    hidden = [byte for byte in range(256) if byte not in seen]
    return [chr(byte if byte in seen else 0x100 + hidden.index(byte)) for byte in range(256)]
