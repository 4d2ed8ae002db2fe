"""What the tests of the training loop need to know of the task: few examples, a small model.

They train by the project's own step; what Tunix makes of it has tests of its own.
"""

import json
from pathlib import Path

from .project import data, samples, sources

EXPERIMENT = "pretrain"
FIELDS = (
    "data.batch_size=8",
    "model.d_model=32",
    "model.num_layers=2",
    "model.num_heads=2",
    "model.d_ff=64",
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
LEARNED = 0.02  # which brings the loss down to this share of the first one
SHARDING = ("model.num_heads=8",)  # divides over eight devices
SHARDS = {
    "blocks.attention.query": (None, "data", "model", None),
    "blocks.feed_forward.down": (None, "model", "data"),
    "embedding": ("model", "data"),
}
OTHER_MODEL = "model.d_ff=128"
METRICS = ("accuracy", "exact_match")

# Per layer: 4 of attention's weights, 2 of scores and values, 3 of the feed-forward layer; then the
# logits. A loop over layers holds one layer.
PRODUCTS = 9 + 1
COMPUTED = (  # ways of computing the same model
    (),
    ("model.unroll_layers=False", "model.remat=full"),
    ("loop.micro_batches=2", "model.dropout=0.1"),
)


def write_examples(folder: Path, count: int = 200) -> Path:
    """Demonstrations as JSON lines."""
    folder.mkdir(parents=True)
    pairs = samples.SAMPLES["reverse"](count)
    records = [{"prompt": prompt, "response": response} for prompt, response in pairs]
    (folder / "examples.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in records))
    return folder / "examples.jsonl"


def prepare(folder: Path) -> Path:
    """The examples as a prepared data set."""
    source = sources.from_patterns([str(write_examples(folder / "examples"))])
    settings = data.Demonstrations(directory=str(folder / "data"))
    settings.prepare(source, overwrite=False, progress=False)
    return folder / "data"


def prepare_words(folder: Path) -> list[str]:
    """What the `prepare` command is told to prepare the examples."""
    return ["--source", str(write_examples(folder / "examples"))]


def own_files(folder: Path) -> list[str]:
    """Files as a user of a trained model may have them."""
    return [str(write_examples(folder / "own", 12))]
