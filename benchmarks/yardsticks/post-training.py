"""How often the answer to the most similar prompt is right: what a table of examples can do.

Two prompts are the more similar, the more characters they have in the same places; of equally
similar ones the first counts. A model that has learned the task and not the examples is above it.

Usage: ``python post-training.py PACKAGE DIRECTORY`` in the environment of a rendered project.
"""

import importlib
import sys
from pathlib import Path

import numpy as np


def main(package: str, directory: str) -> None:
    """Print a line for each held-out split."""
    data = importlib.import_module(f"{package}.data")
    dataset = importlib.import_module(f"{package}.storage.dataset")
    info = dataset.DataSet.open(Path(directory)).info

    def read(split: str) -> dict[str, np.ndarray]:
        settings = data.Demonstrations(
            directory=directory,
            batch_size=info["split"]["counts"][split],
            max_prompt_tokens=info["longest_prompt"],
            max_response_tokens=info["longest_response"],
        )
        (batch,) = settings.eval_batches(split, limit=None, process=0, processes=1)
        return batch

    known = read("train")
    for split in ("validation", "test"):
        asked = read(split)
        nearest = [np.argmax((known["prompt"] == prompt).sum(axis=1)) for prompt in asked["prompt"]]
        right = (known["response"][nearest] == asked["response"]).all(axis=1)
        print(f"{split}_nearest_prompt_exact_match {right.mean():.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
