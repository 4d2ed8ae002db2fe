"""Item 2: the order of dimensions in shape strings."""

from collections import Counter
from collections.abc import Iterator

from ..arrays.annotations import array_types
from ..arrays.dimensions import Shape
from ..arrays.shapes import Written, written_shapes
from ..arrays.vocabulary import BATCH, CHANNELS, CONTENT, DEVICES, HEIGHT, SEQUENCE, WIDTH
from ..catalogue import rule
from ..findings import Confidence, Finding
from ..project import Project
from ..source.module import Module


@rule(
    "JX202",
    "batch-not-first",
    "The batch comes after a dimension of its examples.",
    confidences=(Confidence.PROVEN, Confidence.LIKELY, Confidence.HEURISTIC),
    in_tests=Confidence.PROVEN,
)
def batch_not_first(module: Module, project: Project) -> Iterator[Finding]:
    """`"d_model batch"`; what stacks whole batches, such as layers or devices, may come before."""
    for written in written_shapes(module, project):
        before = _before_batch(written.shape)
        content = next((name for name in before if name in CONTENT), None)
        if content and not set(before) & {*SEQUENCE, "max_seq_len"}:
            yield _late_batch(module, written, content, Confidence.PROVEN)
        elif before and not content:
            sure = _contradicted(module, project, written, before[-1])
            if sure is not None:
                yield _late_batch(module, written, before[-1], sure)


def _late_batch(module: Module, written: Written, before: str, confidence: Confidence) -> Finding:
    return module.finding(
        "JX202",
        written.node,
        f'"{written.spec}" has {before!r} before the batch. Code for (batch, ...) takes the wrong '
        "axis of it for the examples, silently where sizes agree. Put the batch first (after "
        "num_gpu, if there is one).",
        confidence=confidence,
    )


def _before_batch(shape: Shape) -> list[str]:
    """The names before the batch; none without a batch."""
    at = shape.index(*BATCH)
    if not at:
        return []
    return [name for each in shape.dimensions[:at] for name, _ in each.names if name not in DEVICES]


def _contradicted(
    module: Module, project: Project, written: Written, before: str
) -> Confidence | None:
    """Whether the rest of the project has a name of its own after the batch, not before."""
    if before == "num_layers":
        return None
    orders = _orders(project)
    if orders[module, "after", before] or _signature_contradicts(module, written, before):
        return Confidence.LIKELY
    outlier = orders[None, "before", before] == 1 and orders[None, "after", before]
    return Confidence.HEURISTIC if outlier else None


def _signature_contradicts(module: Module, written: Written, before: str) -> bool:
    """Whether another array of the signature, such as an alias, has that name after the batch."""
    function = written.function
    if function is None:
        return False
    for annotation in (*(p.annotation for p in function.parameters), function.returns):
        for found in array_types(module, annotation):
            names = found.shape.names if found.shape else ()
            batch = next((at for at, name in enumerate(names) if name in BATCH), None)
            if batch is not None and before in names[batch + 1 :]:
                return True
    return False


def _orders(project: Project) -> Counter[tuple[Module | None, str, str]]:
    """How often each name stands right before and anywhere after the batch: by module, in all."""
    found: Counter[tuple[Module | None, str, str]] | None = project.facts.get("batch orders")
    if found is None:
        found = project.facts["batch orders"] = Counter()
        for module in list(project.modules.values()):
            for written in written_shapes(module, project):
                at = written.shape.index(*BATCH)
                if at is None:
                    continue
                names = written.shape.names
                counted = [("before", name) for name in names[:at][-1:]]
                counted += [("after", name) for name in names[at + 1 :]]
                for side, name in counted:
                    found[module, side, name] += 1
                    found[None, side, name] += 1
    return found


@rule(
    "JX203",
    "image-axes-out-of-order",
    "An image's channels come before its height or width, or its width before its height.",
    confidences=(Confidence.PROVEN,),
    in_tests=Confidence.PROVEN,
)
def image_axes_out_of_order(module: Module, project: Project) -> Iterator[Finding]:
    """`"batch channels height width"` and `"batch width height channels"`."""
    for written in written_shapes(module, project):
        shape = written.shape
        height, width = shape.index(*HEIGHT), shape.index(*WIDTH)
        channels = shape.index(*CHANNELS)
        places = [at for at in (height, width) if at is not None]
        first = bool(places) and channels is not None and channels < max(places)
        swapped = height is not None and width is not None and width < height
        if first or swapped:
            what = "channels before the image's axes" if first else "width before height"
            yield module.finding(
                "JX203",
                written.node,
                f'"{written.spec}" has {what}. The conventions and nnx.Conv read (batch, height, '
                "width, channels): a convolution of this array mixes pixels as if they were "
                "channels. Reorder the array and its annotation.",
            )


@rule(
    "JX205",
    "sequence-before-batch",
    "The positions of a sequence come before the batch.",
    confidences=(Confidence.PROVEN,),
    in_tests=Confidence.PROVEN,
)
def sequence_before_batch(module: Module, project: Project) -> Iterator[Finding]:
    """`"seq_len batch d_model"`."""
    for written in written_shapes(module, project):
        before = _before_batch(written.shape)
        name = next((name for name in before if name in (*SEQUENCE, "max_seq_len")), None)
        if name is not None:
            yield module.finding(
                "JX205",
                written.node,
                f'"{written.spec}" is time-major: {name!r} stands before the batch. Attention and '
                "losses written for (batch, seq_len, ...) then mix the examples with each other. "
                "Put the batch first.",
            )
