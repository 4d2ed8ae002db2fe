"""What `prepare` adds to the work of a tokenizer.

It trains a tokenizer on the standard library's sources, and then times two things on the same
text: the tokenizers package alone, which encodes all documents that lie in memory at once, and
`prepare` of a rendered project, which reads them from files, divides them, encodes them and writes
the data set. Each is timed a few times, in turn, and compared by its fastest.

Usage: ``python tokenizer_throughput.py PACKAGE`` in the environment of a rendered language project.
"""

import dataclasses
import importlib
import sys
import tempfile
import time
from pathlib import Path

import tokenizers

ROUNDS, IDS = 3, 8192


def main(package: str) -> int:
    """Print megabytes a second of both, and their ratio."""
    data, sources = (importlib.import_module(f"{package}.{name}") for name in ("data", "sources"))
    with tempfile.TemporaryDirectory() as folder:
        settings = data.TextData(directory=str(Path(folder) / "data"))
        source = sources.sample()
        training = dataclasses.replace(source, train_tokenizer=IDS)
        settings.prepare(training, overwrite=True, progress=False)
        kept = Path(folder) / "own.json"
        kept.write_bytes((Path(folder) / "data" / "tokenizer" / "tokenizer.json").read_bytes())
        alone = tokenizers.Tokenizer.from_file(str(kept))
        texts = [text for _, text in source.documents(lambda _: None)]
        size = sum(len(text.encode()) for text in texts)
        source = dataclasses.replace(source, tokenizer=kept)
        best = [float("inf"), float("inf")]
        for _ in range(ROUNDS):
            best[0] = min(best[0], timed(lambda: alone.encode_batch_fast(texts)))
            best[1] = min(
                best[1], timed(lambda: settings.prepare(source, overwrite=True, progress=False))
            )
    print(f"the tokenizer alone  {size / best[0] / 1e6:8.2f} MB/s")
    print(f"prepare              {size / best[1] / 1e6:8.2f} MB/s")
    print(f"ratio                {best[0] / best[1]:8.2f}")
    return 0


def timed(work) -> float:
    """Seconds that a function takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
