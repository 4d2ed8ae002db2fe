"""What general compressors need for the held-out text of a prepared data set, in bits per byte.

A language model's bits per byte are the size to which it would compress the text (Shannon, 1948),
so these are the numbers to compare ``evaluate`` with. ``xz_primed`` has seen the training text
first, as the model has.

Usage: ``python language.py PACKAGE DIRECTORY`` in the environment of a rendered language project.
"""

import bz2
import gzip
import importlib
import lzma
import sys
from pathlib import Path

import numpy as np


def main(package: str, directory: str) -> None:
    """Print a line for each held-out split and compressor."""
    dataset = importlib.import_module(f"{package}.storage.dataset")
    opened = dataset.DataSet.open(Path(directory))
    train = read(opened, "train")
    primed = len(lzma.compress(train, preset=9))
    for split in ("validation", "test"):
        held_out = read(opened, split)
        sizes = {
            "gzip": len(gzip.compress(held_out, 9)),
            "bzip2": len(bz2.compress(held_out, 9)),
            "xz": len(lzma.compress(held_out, preset=9)),
            "xz_primed": len(lzma.compress(train + held_out, preset=9)) - primed,
        }
        for name, size in sizes.items():
            print(f"{split}_{name}_bits_per_byte {8 * size / len(held_out):.4f}")


def read(opened, split: str) -> bytes:
    """The bytes of a split, without the marks between documents."""
    source = opened.source(split)
    tokens = np.concatenate(
        [np.frombuffer(source[at], opened.info["dtype"]) for at in range(len(source))]
    )
    return tokens[tokens < 255].astype(np.uint8).tobytes()  # no byte of UTF-8 is larger


if __name__ == "__main__":
    main(*sys.argv[1:])
