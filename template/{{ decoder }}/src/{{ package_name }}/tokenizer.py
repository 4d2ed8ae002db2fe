"""The tokenizer where a data set brings none of its own: bytes. See `tokenization/`."""

from .tokenization.byte_tokenizer import DOCUMENT, PAD, TOKENIZER, ByteTokenizer

__all__ = ["DOCUMENT", "PAD", "TOKENIZER", "ByteTokenizer"]
