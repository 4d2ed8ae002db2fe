"""What the tests of the training loop need to know of the task: small series, a small model."""

from pathlib import Path

from .project import data
from .tiny_series import source, write_table

EXPERIMENT = "smoke"
FIELDS = (
    "data.seq_len=28",
    "data.horizon=7",
    "data.batch_size=8",
    "model.patch_len=7",
    "model.d_model=32",
    "model.num_layers=2",
    "model.num_heads=2",
    "model.d_ff=64",
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
MEMORISE = ("data.batch_size=2", "model.d_model=64")  # one batch is learned by heart,
LEARNED = 0.2  # which brings the loss down to this share of the first one
SHARDING = ("model.num_heads=8",)  # divides over eight devices
SHARDS = {
    "blocks.attention.query": (None, "data", "model", None),
    "blocks.feed_forward.down": (None, "model", "data"),
    "history": (None, "data"),
    "head": ("data", None),
}
OTHER_MODEL = "model.d_ff=128"
METRICS = ("wql", "mase")

# Per layer: 4 of attention's weights, 2 of scores and values, 3 of the feed-forward layer; then the
# embeddings of history, future and calendar, and the head. A loop over layers holds one layer.
PRODUCTS = 9 + 4
COMPUTED = (  # ways of computing the same model
    (),
    ("model.unroll_layers=False", "model.remat=full"),
    ("loop.micro_batches=2", "model.dropout=0.1"),
)


def prepare(folder: Path) -> Path:
    """The series as a prepared data set."""
    table = write_table(folder / "tables" / "shops.csv")
    settings = data.SeriesData(directory=str(folder / "data"), seq_len=28, horizon=7)
    settings.prepare(source(table, "--series", "place"), overwrite=False, progress=False)
    return folder / "data"


def prepare_words(folder: Path) -> list[str]:
    """What the `prepare` command is told to prepare them."""
    return ["--source", str(write_table(folder / "tables" / "shops.csv")), "--series", "place"]


def own_files(folder: Path) -> list[str]:
    """Files as a user of a trained model may have them."""
    return [str(write_table(folder / "own" / "new shops.csv", days=40, seed=7))]
