"""What general compressors need for the held-out text of the bundled sample, in bits per byte.

A language model's bits per byte are the size to which it would compress the text (Shannon, 1948),
so these are the numbers to compare ``evaluate`` with. ``xz, primed`` has seen the training text
first, as the model has.

Usage: ``python text_yardsticks.py PACKAGE`` in the environment of a rendered language project.
"""

import bz2
import gzip
import importlib
import lzma
import sys
import tempfile
from pathlib import Path

import numpy as np


def main(package: str) -> None:
    """Prepare the sample and print a line for each held-out split and compressor."""
    data = importlib.import_module(f"{package}.data")
    dataset = importlib.import_module(f"{package}.storage.dataset")
    with tempfile.TemporaryDirectory() as folder:
        settings = data.TextData(directory=str(Path(folder) / "text"))
        settings.prepare_sample(progress=False)
        opened = dataset.DataSet.open(Path(settings.directory))
        text = {split: read(opened, split) for split in ("train", "validation", "test")}
    primed = len(lzma.compress(text["train"], preset=9))
    for split in ("validation", "test"):
        held_out = text[split]
        sizes = {
            "gzip -9": len(gzip.compress(held_out, 9)),
            "bzip2 -9": len(bz2.compress(held_out, 9)),
            "xz -9": len(lzma.compress(held_out, preset=9)),
            "xz, primed": len(lzma.compress(text["train"] + held_out, preset=9)) - primed,
        }
        for name, size in sizes.items():
            print(f"{split:>10}  {name:10}  {8 * size / len(held_out):.3f} bits per byte")


def read(opened, split: str) -> bytes:
    """The bytes of a split, without the marks between documents."""
    source = opened.source(split)
    tokens = np.concatenate(
        [np.frombuffer(source[at], opened.info["dtype"]) for at in range(len(source))]
    )
    return tokens[tokens < 256].astype(np.uint8).tobytes()


if __name__ == "__main__":
    main(sys.argv[1])
