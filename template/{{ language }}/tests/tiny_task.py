"""What the tests of the training loop need to know of the task: a small text, a small model."""

from pathlib import Path

import numpy as np

from .project import data, sources

WORDS = ("def", "return", "for", "in", "if", "else", "not", "while", "import", "class", "self")

EXPERIMENT = "smoke"
FIELDS = (
    "data.seq_len=32",
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
METRICS = ("bits_per_byte", "accuracy")

# Per layer: 4 of attention's weights, 2 of scores and values, 3 of the feed-forward layer; then the
# logits. A loop over layers holds one layer.
PRODUCTS = 9 + 1
COMPUTED = (  # ways of computing the same model
    (),
    ("model.unroll_layers=False", "model.remat=full"),
    ("loop.micro_batches=2", "model.dropout=0.1"),
)


def write_corpus(folder: Path) -> Path:
    """A few dozen documents of pseudo-code, as text files."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for number in range(60):
        words = random.choice(WORDS, size=random.integers(40, 120))
        lines = [" ".join(words[at : at + 8]) for at in range(0, len(words), 8)]
        (folder / f"{number:02}.txt").write_text(f"# {number}\n" + "\n".join(lines) + "\n")
    return folder


def prepare(folder: Path) -> Path:
    """The corpus as a prepared data set."""
    files = tuple(sorted(write_corpus(folder / "text").iterdir()))
    source = sources.Source(name="tests", files=files)
    settings = data.TextData(directory=str(folder / "data"), seq_len=32)
    settings.prepare(source, overwrite=False, progress=False)
    return folder / "data"


def prepare_words(folder: Path) -> list[str]:
    """What the `prepare` command is told to prepare the corpus."""
    return ["--source", str(write_corpus(folder / "text") / "*.txt")]


def own_files(folder: Path) -> list[str]:
    """Files as a user of a trained model may have them."""
    return [str(write_corpus(folder / "own") / "0*.txt")]
