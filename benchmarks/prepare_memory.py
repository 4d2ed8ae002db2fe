"""Memory and speed of `prepare` on single texts that are too large for memory.

It writes half a gigabyte of random words as a file of many lines, as a single line, as one field of
a line of JSON, and compressed, and lets a rendered project prepare each of them, in a process of
its own, with bytes as tokens. A tenth of the text is prepared with a tokenizer that is trained on
it, too.

Usage: ``python prepare_memory.py PACKAGE`` in the environment of a rendered language project, on a
Unix system.
"""

import gzip
import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SIZE, PART = 500_000_000, 50_000_000  # bytes

# Runs in the project: prepares a file, and prints seconds and the peak of memory in bytes.
PREPARE = """
import argparse, importlib, json, resource, sys, time
package, output, *words = sys.argv[1:]
data, sources = (importlib.import_module(f"{package}.{name}") for name in ("data", "sources"))
parser = argparse.ArgumentParser()
sources.add_arguments(parser)
unit = 1 if sys.platform == "darwin" else 1024
peak = lambda: unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before, started = peak(), time.perf_counter()
source = sources.from_arguments(parser.parse_args(words))
data.TextData(directory=output).prepare(source, overwrite=True, progress=False)
print(json.dumps([time.perf_counter() - started, time.process_time(), before, peak()]))
"""


def main(package: str) -> int:
    """Print megabytes a second, and the peak of memory, for each file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        print(f"{'':24} {'MB/s':>8} {'CPU s/GB':>9} {'peak MB':>8} {'of which Python':>16}")
        for file, words in (
            ("lines.txt", ()),
            ("line.txt", ()),
            ("field.jsonl", ()),
            ("lines.txt.gz", ()),
            ("part.txt", ("--train-tokenizer", "8192")),
        ):
            size = PART if words else SIZE
            command = [sys.executable, "-c", PREPARE, package, str(folder / "data")]
            told = subprocess.run(
                [*command, "--source", str(folder / file), *words],
                check=True,
                stdout=subprocess.PIPE,
            )
            seconds, cpu, before, peak = json.loads(told.stdout)
            what = f"{file}{' with a BPE' if words else ''}"
            print(
                f"{what:24} {size / seconds / 1e6:8.1f} {cpu / size * 1e9:9.1f} "
                f"{peak / 1e6:8.0f} {before / 1e6:16.0f}"
            )
    return 0


def write(folder: Path) -> None:
    """Write the files: all of them hold the same words."""
    draw = random.Random(0)
    letters, shares = "etaoinshrdlucmfwypvbgkjqxz", range(26, 0, -1)
    words = ["".join(draw.choices(letters, shares, k=draw.randint(1, 10))) for _ in range(20_000)]
    words += ["größer", "naïve"] * 50
    shares = [1 / (rank + 3) for rank in range(len(words))]
    lines = [" ".join(draw.choices(words, shares, k=draw.randint(4, 18))) for _ in range(50_000)]
    names = ("lines.txt", "line.txt", "field.jsonl", "part.txt")
    opened = {name: (folder / name).open("w", encoding="utf-8") for name in names}
    opened["field.jsonl"].write('{"id": 1, "text": "')
    written = 0
    while written < SIZE:
        draw.shuffle(lines)
        text = "\n".join(lines) + "\n"
        for name, file in opened.items():
            if name != "part.txt" or written < PART:
                spelled = text.replace("\n", " ") if name == "line.txt" else text
                file.write(json.dumps(spelled)[1:-1] if name == "field.jsonl" else spelled)
        written += len(text.encode())
    opened["field.jsonl"].write('"}\n')
    for file in opened.values():
        file.close()
    with (folder / "lines.txt").open("rb") as file, gzip.open(f"{file.name}.gz", "wb", 1) as packed:
        shutil.copyfileobj(file, packed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
