"""The chat template that `preparation.py` writes conversations with."""

from ..tokenization.chat import Chat

__all__ = ["Chat"]
