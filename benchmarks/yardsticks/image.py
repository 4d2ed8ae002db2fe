"""The accuracy of a support vector machine on a prepared data set of images.

The kernel's width is that of scikit-learn's own example for its handwritten digits. It learns from
the training split alone, so ``test_svc_accuracy`` is the number to compare ``evaluate`` with.

Usage: ``python image.py PACKAGE DIRECTORY`` in the environment of a rendered image project.
"""

import importlib
import sys
from pathlib import Path

import numpy as np
from sklearn.svm import SVC


def main(package: str, directory: str) -> None:
    """Print a line for each held-out split."""
    dataset = importlib.import_module(f"{package}.storage.dataset")
    schema = importlib.import_module(f"{package}.schema")
    opened = dataset.DataSet.open(Path(directory))
    kind = schema.ImageSchema.of(opened.info).record_type

    def read(split: str) -> tuple[np.ndarray, np.ndarray]:
        source = opened.source(split)
        records = np.frombuffer(b"".join(source[at] for at in range(len(source))), kind)
        return records["image"].reshape(len(records), -1) * (16 / 255), records["label"]

    machine = SVC(gamma=0.001).fit(*read("train"))
    for split in ("validation", "test"):
        print(f"{split}_svc_accuracy {machine.score(*read(split)):.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
