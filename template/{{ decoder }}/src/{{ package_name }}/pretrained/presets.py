"""Variations of experiments that start from a published model, for `experiments.py` to import."""

from pathlib import Path

import fiddle as fdl

from ..configuration import load_file
from ..errors import UserError
from ..storage.run_directory import RunDirectory
from ..training.experiment import Experiment


def pretrained(config: fdl.Config[Experiment], run: str = "runs/base") -> None:
    """Start from a published model that was imported: its settings, weights and tokenizer."""
    directory = RunDirectory(Path(run))
    if not directory.config_json.exists():
        raise UserError(f"{run} holds no run: import a model there first")
    saved = load_file(directory.config_json).model
    model = getattr(saved, "base", saved)
    if hasattr(config.model, "base"):
        config.model.base = model
    else:
        config.model = model
    config.start_from = run
    if hasattr(config.data, "tokenizer_from"):
        config.data.tokenizer_from = run
    elif hasattr(config.data, "vocabulary") and (directory.pretrained / "tokenizer.json").exists():
        # Data as they were up to 0.5.0.
        for vocabulary in (config.data.vocabulary, config.prediction.vocabulary):
            vocabulary.kind, vocabulary.path = "huggingface", str(directory.pretrained)
