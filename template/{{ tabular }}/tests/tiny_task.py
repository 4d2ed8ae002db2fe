"""What the tests of the training loop need to know of the task: a small table, a small model."""

import csv
from pathlib import Path

import numpy as np

from .project import data, sources

EXPERIMENT = "smoke"
FIELDS = (
    "data.batch_size=8",
    "model.d_model=16",
    "model.num_layers=2",
    "model.d_ff=32",
    "model.d_embedding=4",
    "model.dropout=0.0",
    "optimizer.learning_rate=1e-2",
    "optimizer.schedule.warmup_steps=2",
    "loop.steps=10",
    "loop.eval_every=5",
    "loop.eval_batches=2",
    "checkpoint.every=2",
)
RANDOM = ("model.dropout=0.1",)  # a step draws random numbers
EXACT_PARTS = ()  # micro-batches equal the whole batch as it is
MEMORISE = ("data.batch_size=4",)  # one batch is learned by heart,
LEARNED = 0.05  # which brings the loss down to this share of the first one
SHARDING = ()  # it divides over eight devices as it is
SHARDS = {
    "blocks.0.up.weight": ("data", "model"),
    "blocks.1.down.weight": ("model", "data"),
    "stem.weight": (None, "data"),
    "embedding.table": (None, None),
}
OTHER_MODEL = "model.d_ff=64"
METRICS = ("accuracy",)

PRODUCTS = 3 + 2 * 2  # wide, stem and head, and two in each of the blocks
COMPUTED = (  # ways of computing the same model
    (),
    ("loop.micro_batches=2", "model.dropout=0.1"),
)

CLASSES = ("calm", "gale", "storm")
COLORS = ("red", "green", "blue")


def write_table(path: Path, rows: int = 160, seed: int = 0) -> Path:
    """A table with a column of each kind, from which the class in ``sky`` follows nearly."""
    random = np.random.default_rng(seed)
    pressure, wind = random.normal(1000, 20, rows), random.gamma(2.0, 10.0, rows)
    color = random.integers(0, 3, rows)
    warned = random.random(rows) < 0.5
    score = (wind - 20) / 14 - (pressure - 1000) / 20 + (color - 1) + 0.2 * random.normal(size=rows)
    sky = np.digitize(score, (-0.7, 0.7))
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["station", "pressure", "wind", "day", "warned", "color", "sky"])
        for at in range(rows):
            table.writerow(
                [
                    f"s{at:04}",
                    f"{pressure[at]:.2f}",
                    "NA" if at % 10 == 3 else f"{wind[at]:.2f}",
                    f"2024-{1 + at % 12:02}-{1 + at % 28:02}",
                    str(bool(warned[at])).lower(),
                    "" if at % 8 == 7 else COLORS[color[at]],
                    CLASSES[sky[at]],
                ]
            )
    return path


def prepare(folder: Path) -> Path:
    """The table as a prepared data set."""
    source = sources.Source(files=(write_table(folder / "table.csv"),), target="sky")
    settings = data.TableData(directory=str(folder / "data"))
    settings.prepare(source, overwrite=False, progress=False)
    return folder / "data"


def prepare_words(folder: Path) -> list[str]:
    """What the `prepare` command is told to prepare the table."""
    return ["--source", str(write_table(folder / "table.csv")), "--target", "sky"]


def own_files(folder: Path) -> list[str]:
    """Files as a user of a trained model may have them."""
    return [str(write_table(folder / "own.csv", rows=21, seed=1))]
