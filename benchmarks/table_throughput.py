"""What `prepare` adds to the work of reading a table.

It writes a CSV file of numbers, texts, dates and truth values, and then times two things on it: a
pass of pyarrow.csv alone, and `prepare` of a rendered project, which makes five passes: it finds
the types, counts values, divides the rows, measures them, and writes them. They are timed a few
times, in turn, and compared by the fastest. A file of four times the rows then tells what memory a
row takes.

Usage: ``python table_throughput.py PACKAGE`` in the environment of a rendered tabular project, on a
Unix system.
"""

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS, ROWS = 3, 300_000

# Runs in a process of its own: prints seconds and the peak of memory in bytes.
ALONE = """
import json, resource, sys, time
from pyarrow import csv
unit = 1 if sys.platform == "darwin" else 1024
started = time.perf_counter()
rows = sum(batch.num_rows for batch in csv.open_csv(sys.argv[2]))
seconds = time.perf_counter() - started
print(json.dumps([seconds, unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""
PREPARE = """
import argparse, importlib, json, resource, sys, time
package, file, output = sys.argv[1:]
data, sources = (importlib.import_module(f"{package}.{name}") for name in ("data", "sources"))
parser = argparse.ArgumentParser()
sources.add_arguments(parser)
unit = 1 if sys.platform == "darwin" else 1024
started = time.perf_counter()
source = sources.from_arguments(parser.parse_args(["--source", file, "--target", "y"]))
data.TableData(directory=output).prepare(source, overwrite=True, progress=False)
seconds = time.perf_counter() - started
print(json.dumps([seconds, unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


def main(package: str) -> int:
    """Print megabytes a second of both, their ratio, and the memory of a row."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, larger = folder / "table.csv", folder / "larger.csv"
        write(file, ROWS)
        write(larger, 4 * ROWS)
        best, peak = [float("inf"), float("inf")], 0
        for _ in range(ROUNDS):
            best[0] = min(best[0], measure(ALONE, package, file)[0])
            seconds, peak = measure(PREPARE, package, file, folder / "data")
            best[1] = min(best[1], seconds)
        more = measure(PREPARE, package, larger, folder / "data")[1]
        size = file.stat().st_size
    print(f"pyarrow.csv alone, a pass  {size / best[0] / 1e6:8.1f} MB/s")
    print(f"prepare, five passes       {size / best[1] / 1e6:8.1f} MB/s")
    print(f"time, as passes of it alone{best[1] / best[0]:8.1f}")
    print(f"peak of memory             {peak / 1e6:8.0f} MB")
    print(f"and for each further row   {(more - peak) / (3 * ROWS):8.0f} bytes")
    return 0


def measure(program: str, *words: object) -> tuple[float, int]:
    """What a program prints."""
    command = [sys.executable, "-c", program, *map(str, words)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    seconds, peak = json.loads(told.stdout)
    return seconds, peak


def write(path: Path, rows: int) -> None:
    """Write a table."""
    draw = random.Random(0)
    with path.open("w") as file:
        file.write("a,b,c,d,color,shop,day,flag,y\n")
        for _ in range(rows):
            numbers = f"{draw.gauss(0, 1):.6f},{draw.gauss(10, 3):.5f},{draw.randint(0, 10**6)}"
            texts = f"{draw.choice(('red', 'green', 'blue'))},shop {draw.randint(0, 300)}"
            day = f"2024-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"
            flag = draw.choice(("true", "false"))
            file.write(
                f"{numbers},{draw.random():.4f},{texts},{day},{flag},{draw.gauss(0, 1):.5f}\n"
            )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
