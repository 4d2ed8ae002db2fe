"""What images a source has, from the heads of their files, and what follows from that."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from .collection import Collection
from .decoding import Content, Look, look
from .errors import UserError
from .images import Form, mapped, reason_of
from .reporting.byte_progress import ByteProgress
from .skipping import unreadable
from .targets import Found

DEFAULT_SIZE = 64
"""Height and width that images are brought to, where nothing else is said."""

_MOST_SIZES = 10_000


@dataclass
class Survey:
    """What the images of a source are.

    Attributes:
        targets: The values of their targets.
        count: How many there are, damaged ones included.
        sizes: Heights and widths, those of upright images.
        channels: 1 for grey, 3 for colour, or how many bands.
        bits: Of a channel.
        kinds: Formats and modes, for a reader.
    """

    targets: Found
    count: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    channels: Counter[int] = field(default_factory=Counter)
    bits: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, seen: Look) -> None:
        """Take in an image."""
        if len(self.sizes) < _MOST_SIZES:
            self.sizes[seen.height, seen.width] += 1
        self.channels[seen.channels] += 1
        self.bits[seen.bits] += 1
        self.kinds[seen.kind] += 1


def survey_images(collection: Collection, *, skip: bool, progress: bool) -> Survey:
    """Look at all images of a source.

    Args:
        collection: The images.
        skip: Pass over images that cannot be read, which are counted when the others are read.
        progress: Show progress on standard error.

    Raises:
        UserError: An image cannot be read, or only some of them say which split they are in.
    """
    survey, with_split = Survey(Found(collection.targets)), 0
    with ByteProgress("looking at images", None, enabled=progress, unit=" images") as bar:
        for items, looks in mapped(look_some, collection.items()):
            bar.advance(len(items))
            survey.count += len(items)
            with_split += sum(item.split is not None for item in items)
            for item, seen in zip(items, looks, strict=True):
                if isinstance(seen, Look):
                    survey.add(seen)
                elif not skip:
                    raise unreadable(item.where, seen)
            survey.targets.add([item.targets for item in items])
    if not survey.kinds:
        raise UserError("none of the images can be read")
    if with_split not in (0, survey.count):
        raise UserError(
            f"only {with_split:,} of {survey.count:,} images say which split they are in"
        )
    return survey


def look_some(contents: list[Content]) -> list[Look | str]:
    """Look at images; what is damaged is told in words."""
    looks: list[Look | str] = []
    for content in contents:
        try:
            looks.append(look(content))
        except Exception as error:  # damage to a file can surface as anything
            looks.append(reason_of(error))
    return looks


def form_for(
    survey: Survey, size: tuple[int, int] | None, channels: int | None, where: str
) -> Form:
    """What images are brought to.

    Args:
        survey: What they are.
        size: Height and width, if the user said so.
        channels: How many channels, if the user said so.
        where: Names the source in errors.

    Raises:
        UserError: Images have different numbers of bands.
    """
    if size is None:
        sizes: Sequence[tuple[int, int]] = list(survey.sizes)
        own = len(sizes) == 1 and max(sizes[0]) <= DEFAULT_SIZE
        size = sizes[0] if own else (DEFAULT_SIZE, DEFAULT_SIZE)
    bands = set(survey.channels)
    if channels is None:
        if bands - {1, 3} and len(bands) > 1:
            listed = ", ".join(f"{count:,} have {each}" for each, count in survey.channels.items())
            raise UserError(f"{where}: images differ in their channels: {listed}")
        channels = max(bands)
    return Form(*size, channels, 16 if set(survey.bits) == {16} else 8)
