"""Memory and speed of preparing a folder of images, beside Pillow alone.

It writes folders of few and of many small images, and prepares them; Pillow alone decodes the same
files, brings them to the same size, and keeps nothing. Resident memory is that of the process, and
of the largest of the processes that it starts to read images, at their peaks.

Usage: ``python image_preparation.py PACKAGE [COUNT]`` in the environment of a rendered image
project, on Linux.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

FEW, MANY = 2_000, 200_000
SIDE, SIZE = 40, 32
CLASSES = ("one", "two", "three", "four")

PREPARE = """
import json, resource, sys, time
from pathlib import Path
from importlib import import_module

def main():
    package, folder, output = sys.argv[1:]
    data = import_module(f"{package}.data")
    source = import_module(f"{package}.sources").Source("bench", Path(folder), size=(32, 32))
    start = time.perf_counter()
    data.ImageData(directory=output).prepare(source, overwrite=False, progress=False)
    seconds = time.perf_counter() - start
    kinds = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    peaks = [resource.getrusage(kind).ru_maxrss / 1024 for kind in kinds]
    print(json.dumps([seconds, *peaks]))

if __name__ == "__main__":
    main()
"""


def main(package: str, count: int) -> None:
    """Print a line for each folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = folder / "prepare_images.py"
        script.write_text(PREPARE)
        print("    images   seconds    Pillow   ratio      MB   workers")
        for size in (FEW, count):
            files = write(folder / str(size), size)
            words = [sys.executable, script, package, folder / str(size), folder / f"data-{size}"]
            told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
            seconds, peak, workers = json.loads(told)
            start = time.perf_counter()
            for path in files:
                read_alone(path)
            alone = time.perf_counter() - start
            ratio = seconds / alone
            told = f"{size:10,}  {seconds:8.1f}  {alone:8.1f}  {ratio:6.2f}"
            print(f"{told}  {peak:6.0f}  {workers:8.0f}")


def write(folder: Path, count: int) -> list[Path]:
    """Write noisy colour images, the same for each count."""
    random, files = np.random.default_rng(0), []
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
    for number in range(count):
        path = folder / CLASSES[number % len(CLASSES)] / f"{number:07}.png"
        pixels = random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(pixels).save(path)
        files.append(path)
    return files


def read_alone(path: Path) -> bytes:
    """What has to be done at the least."""
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file).convert("RGB")
    return ImageOps.fit(image, (SIZE, SIZE), Image.Resampling.BICUBIC).tobytes()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else MANY)
