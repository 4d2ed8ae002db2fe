"""What the tests of the training loop need to know of the task: small images, a small network."""

from . import tiny_images
from .tiny_images import own_files, prepare, prepare_words

__all__ = ["own_files", "prepare", "prepare_words"]

EXPERIMENT = "smoke"
FIELDS = (
    *tiny_images.FIELDS,
    "model.d_model=32",
    "model.num_layers=2",
    "model.num_heads=2",
    "model.d_ff=64",
    "model.dropout=0.0",
)
RANDOM = ("model.dropout=0.1",)  # a step draws random numbers
EXACT_PARTS = ()  # micro-batches equal the whole batch as it is
MEMORISE = ("objective.label_smoothing=0.0",)  # one batch is learned by heart,
LEARNED = 0.02  # which brings the loss down to this share of the first one
SHARDING = ("model.num_heads=8",)  # divides over eight devices
SHARDS = {
    "blocks.attention.query": (None, "data", "model", None),
    "blocks.feed_forward.down": (None, "model", "data"),
    "embedding": (None, "data"),
    "head": ("data", None),
}
OTHER_MODEL = "model.d_ff=128"
METRICS = ("accuracy",)

# The patches; for each layer 4 of attention's weights, 2 of scores and values, 3 of the
# feed-forward layer; then the classifier. A loop over layers holds one layer.
PRODUCTS = 1 + 9 + 1
COMPUTED = (  # ways of computing the same model
    (),
    ("model.unroll_layers=False", "model.remat=full"),
    ("loop.micro_batches=2", "model.dropout=0.1"),
)
