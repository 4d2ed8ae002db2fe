"""Tokenizers: bytes, or files as they come with published models, or one trained on the data."""
