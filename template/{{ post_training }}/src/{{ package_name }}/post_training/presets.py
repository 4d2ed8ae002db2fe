"""Variations of experiments of post-training, for `experiments.py` to import."""

from ..pretrained.presets import pretrained

__all__ = ["pretrained"]
