"""Tokenizers: bytes, or files as they come with published models, or one trained on the data."""

from typing import Final

TOKENIZER_HELP: Final = (
    "a tokenizer.json, a .model of sentencepiece, or a folder that holds either, such as that of a "
    "published model, of a data set or of a run; without it: bytes"
)
