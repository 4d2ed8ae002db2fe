"""What the tests of the training loop need to know of the task: small images, a small network."""

from . import tiny_images
from .tiny_images import own_files, prepare, prepare_words

__all__ = ["own_files", "prepare", "prepare_words"]

EXPERIMENT = "smoke"
FIELDS = (*tiny_images.FIELDS, "model.widths=(8, 16)", "model.depths=(1, 1)")
RANDOM = ("model.dropout=0.1",)  # a step draws random numbers
EXACT_PARTS = ("model.norm=group",)  # micro-batches equal the whole batch then
MEMORISE = ("objective.label_smoothing=0.0",)  # one batch is learned by heart,
LEARNED = 0.02  # which brings the loss down to this share of the first one
SHARDING = ()  # divides over eight devices as it is
SHARDS = {
    "blocks.0.conv_in": (None, None, "data", "model"),
    "blocks.0.conv_out": (None, None, "model", "data"),
    "blocks.1.shortcut": (None, "data"),
    "stem": (None, None, None, "data"),
}
OTHER_MODEL = "model.widths=(8, 24)"
METRICS = ("accuracy",)

# The stem, two convolutions in each of two blocks, a shortcut in the second, and the classifier.
PRODUCTS = 1 + 2 * 2 + 1 + 1
COMPUTED = (  # ways of computing the same model
    (),
    ("model.norm=group",),
    ("loop.micro_batches=2", "model.dropout=0.1"),
)
