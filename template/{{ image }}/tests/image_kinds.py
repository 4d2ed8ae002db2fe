"""Images as people have them: how each kind is made, what it is prepared with, what then happens.

Most of them hold the images of `CLEAN`, so the data prepared from them must be the same.
"""

import io
import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tifffile
from PIL import Image, ImageOps
from pyarrow import parquet

Pair = tuple[Any, np.ndarray]
"""What is to be predicted, and pixels."""

Write = Callable[[Path], None]
CLASSES = ("ant", "bee", "cow")
SPLITS = ("train", "validation", "test")
HEIGHT, WIDTH = 10, 12


def clean(count: int = 30) -> list[Pair]:
    """Noisy colour images that are the same every time."""
    random = np.random.default_rng(0)
    shape = (count, HEIGHT, WIDTH, 3)
    pixels = random.integers(0, 256, shape).astype(np.uint8)
    return [(CLASSES[at % 3], pixels[at]) for at in range(count)]


CLEAN = clean()
GREY: list[Pair] = [(label, pixels[..., :1]) for label, pixels in CLEAN]
DEEP: list[Pair] = [(label, pixels.astype(np.uint16) * 200 + 7) for label, pixels in GREY]
BANDS: list[Pair] = [
    (label, np.concatenate([pixels, pixels[::-1, :, :2]], axis=-1)) for label, pixels in CLEAN
]


@dataclass(frozen=True)
class Kind:
    """One way in which images come.

    Attributes:
        name: What people would call it.
        write: Makes the files in a folder.
        words: What `prepare` is told beside ``--source``.
        says: What the summary, or the error, holds.
        fails: Whether it is refused.
        holds: What the data hold, in any order; None for those of `CLEAN`, split by split.
        near: How much a pixel may differ.
        source: What `prepare` reads, below the folder.
    """

    name: str
    write: Write
    words: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    fails: bool = False
    holds: Sequence[Pair] | None = None
    near: int = 0
    source: str = "photos"


def image(pixels: np.ndarray) -> Image.Image:
    """Pixels for Pillow."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def encoded(pixels: np.ndarray, suffix: str = "png") -> bytes:
    """The bytes of an image file."""
    whole = io.BytesIO()
    image(pixels).save(whole, suffix)
    return whole.getvalue()


def folders(
    suffix: str = "png",
    pairs: Sequence[Pair] = CLEAN,
    change: Callable[[Image.Image], Image.Image] = lambda each: each,
    place: str = "photos/{label}/{at:03}.{suffix}",
    **options: Any,
) -> Write:
    """Writes images that Pillow knows into folders of classes."""

    def write(folder: Path) -> None:
        for at, (label, pixels) in enumerate(pairs):
            split = SPLITS[(at // 3) % 3]
            path = folder / place.format(label=label, at=at, suffix=suffix, split=split)
            path.parent.mkdir(parents=True, exist_ok=True)
            change(image(pixels)).save(path, **options)

    return write


def tiffs(pairs: Sequence[Pair], **options: Any) -> Write:
    """Writes TIFF files of any number of bands."""

    def write(folder: Path) -> None:
        for at, (label, pixels) in enumerate(pairs):
            path = folder / "photos" / label / f"{at:03}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            apart = options.get("planarconfig") == "separate"
            stored = np.moveaxis(pixels, -1, 0) if apart else pixels
            tifffile.imwrite(
                path, stored, **{"photometric": "minisblack", "planarconfig": "contig", **options}
            )

    return write


def beside(*files: tuple[str, bytes], first: Write | None = None) -> Write:
    """Writes the clean images, or others, and some more files."""

    def write(folder: Path) -> None:
        (first or folders())(folder)
        for name, content in files:
            path = folder / "photos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    return write


def table(
    line: Callable[[int, str], str], head: str, name: str = "list.csv", place: str = "{at}.png"
) -> Write:
    """Writes images into one folder, and a table of them."""

    def write(folder: Path) -> None:
        folders(place=f"photos/all/{place}")(folder)
        lines = [line(at, label) for at, (label, _) in enumerate(CLEAN)]
        text = "".join(f"{each}\n" for each in (head, *lines) if each)
        (folder / "photos" / name).write_text(text, encoding="utf-8")

    return write


def parquets(column: Callable[[], Any], labels: Sequence[Any], noted: Any = None) -> Write:
    """Writes a Parquet file of images."""

    def write(folder: Path) -> None:
        (folder / "photos").mkdir()
        made = pa.table({"image": column(), "label": labels})
        if noted is not None:
            made = made.replace_schema_metadata({"huggingface": json.dumps(noted)})
        parquet.write_table(made, folder / "photos" / "t.parquet", row_group_size=7)

    return write


def hugging_face() -> Any:
    """Images as `datasets` writes them: a struct of bytes and path."""
    return [{"bytes": encoded(pixels), "path": f"{at}.png"} for at, (_, pixels) in enumerate(CLEAN)]


def npz(**arrays: Any) -> Write:
    """Writes an `.npz` file."""

    def write(folder: Path) -> None:
        (folder / "photos").mkdir()
        np.savez_compressed(folder / "photos" / "t.npz", **arrays)

    return write


def palette(each: Image.Image) -> Image.Image:
    """The same colours by their numbers."""
    pixels = np.asarray(each)
    colors, numbers = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    made = Image.fromarray(numbers.reshape(pixels.shape[:2]).astype(np.uint8), "L")
    made = made.convert("P")
    made.putpalette(colors.ravel().tolist())
    return made


def half_clear(each: Image.Image) -> Image.Image:
    """The right half transparent."""
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:, WIDTH // 2 :] = 0
    each.putalpha(Image.fromarray(alpha))
    return each


def half_clear_palette(each: Image.Image) -> Image.Image:
    """The colours of the right half transparent; none of them is in the left half."""
    made = palette(each)
    clear = set(np.asarray(made)[:, WIDTH // 2 :].ravel().tolist())
    made.info["transparency"] = bytes(0 if number in clear else 255 for number in range(256))
    return made


def whitened(pixels: np.ndarray) -> np.ndarray:
    """The right half white."""
    changed = pixels.copy()
    changed[:, WIDTH // 2 :] = 255
    return changed


def with_alpha(pixels: np.ndarray) -> np.ndarray:
    """What is left of `half_clear` images with four channels."""
    alpha = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    alpha[:, WIDTH // 2 :] = 0
    return np.concatenate([pixels, alpha], axis=-1)


def turned() -> Write:
    """Writes images as a camera does that was held on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return folders(change=lambda each: each.transpose(Image.Transpose.ROTATE_90), exif=exif)


def targets(values: Callable[[int], Any]) -> list[Pair]:
    """The clean images with other targets."""
    return [(values(at), pixels) for at, (_, pixels) in enumerate(CLEAN)]


STACK = np.stack([pixels for _, pixels in CLEAN])
NUMBERS = np.array([CLASSES.index(label) for label, _ in CLEAN])
NOTED = {"info": {"features": {"label": {"names": list(CLASSES), "_type": "ClassLabel"}}}}
BROKEN = encoded(CLEAN[0][1])[:200]
SIZES: list[Pair] = [*CLEAN[:15], *((label, pixels[:9]) for label, pixels in CLEAN[15:])]
FLAT: list[Pair] = [
    (label, np.broadcast_to(pixels[:1, :1], pixels.shape).copy()) for label, pixels in CLEAN
]
SCRIPTS = {"ant": "蟻", "bee": unicodedata.normalize("NFD", "abeïlle"), "cow": "корова"}
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
FRAMES: dict[str, Any] = {"save_all": True, "append_images": [image(CLEAN[1][1])], "duration": 9}

KINDS = [
    Kind("a folder for each class, `.png`", folders(), says=("PNG RGB", "3 classes", "train")),
    Kind("`.bmp`", folders("bmp"), says=("BMP RGB",)),
    Kind("`.tiff`", folders("tiff"), says=("TIFF RGB",)),
    Kind("`.webp` without loss", folders("webp", lossless=True), says=("WEBP RGB",)),
    Kind("`.ppm`", folders("ppm"), says=("PPM RGB",)),
    Kind(
        "`.jpg`",
        folders("jpg", FLAT, quality=100, subsampling=0),
        says=("JPEG RGB",),
        holds=FLAT,
        near=2,
    ),
    Kind("`.avif`", folders("avif", FLAT, quality=100), says=("AVIF",), holds=FLAT, near=4),
    Kind(
        "`.heic` without pillow-heif",
        beside(("ant/a.heic", HEIC)),
        says=("a.heic cannot be read as an image: that needs the package pillow-heif: run `uv",),
        fails=True,
    ),
    Kind(
        "folders `train`, `validation` and `test`",
        folders(place="photos/{split}/{label}/{at}.png"),
        says=("split by folders", "images:"),
        holds=CLEAN,
    ),
    Kind(
        "classes in other scripts",
        folders(pairs=[(SCRIPTS[label], pixels) for label, pixels in CLEAN]),
        says=("abeïlle", "корова", "蟻"),
        holds=[(unicodedata.normalize("NFC", SCRIPTS[label]), pixels) for label, pixels in CLEAN],
    ),
    Kind(
        "classes in the files' names, `--label`",
        folders(place="photos/{label}.{at}.png"),
        words=("--label", "^[^.]+"),
        says=("3 classes",),
    ),
    Kind(
        "one flat folder",
        folders(place="photos/{at}.png"),
        says=("lies where no image belongs", "a table may list them"),
        fails=True,
    ),
    Kind(
        "`.DS_Store`, `Thumbs.db`, `__MACOSX`, notes",
        beside(
            *((".DS_Store", b"x"), ("ant/Thumbs.db", b"x"), ("ant/._000.png", b"x")),
            *(("__MACOSX/ant/._1.png", b"x"), ("bee/notes.txt", b"x")),
        ),
        says=("passed over files that are no images: .db (1), .txt (1)",),
    ),
    Kind(
        "an empty class", beside(("dog/notes.txt", b"x")), says=("dog holds no image",), fails=True
    ),
    Kind("CMYK", folders("tiff", change=lambda each: each.convert("CMYK")), says=("TIFF CMYK",)),
    Kind("palettes", folders(change=palette), says=("PNG P",)),
    Kind(
        "palettes with transparency",
        folders(change=half_clear_palette),
        says=("PNG P with transparency",),
        holds=[(label, whitened(pixels)) for label, pixels in CLEAN],
    ),
    Kind(
        "transparent parts",
        folders(change=half_clear),
        says=("PNG RGBA with transparency", "pixels, colour"),
        holds=[(label, whitened(pixels)) for label, pixels in CLEAN],
    ),
    Kind(
        "the same, `--channels 4`",
        folders(change=half_clear),
        words=("--channels", "4"),
        says=("pixels, colour with transparency",),
        holds=[(label, with_alpha(pixels)) for label, pixels in CLEAN],
    ),
    Kind("turned by the camera", turned(), says=("images of 10 by 12 pixels, colour",)),
    Kind(
        "animated `.png`",
        folders(**FRAMES),
        says=("30 PNG RGB",),
    ),
    Kind(
        "one pixel",
        folders(pairs=[(label, pixels[:1, :1]) for label, pixels in CLEAN]),
        says=("images of 1 by 1 pixels",),
        holds=[(label, pixels[:1, :1]) for label, pixels in CLEAN],
    ),
    Kind("grey", folders(pairs=GREY), says=("images of 10 by 12 pixels, grey",), holds=GREY),
    Kind(
        "grey, `--channels 3`",
        folders(pairs=GREY),
        words=("--channels", "3"),
        says=("images of 10 by 12 pixels, colour",),
        holds=[(label, np.repeat(pixels, 3, axis=-1)) for label, pixels in GREY],
    ),
    Kind(
        "black and white",
        folders(change=lambda each: each.convert("L").convert("1", dither=Image.Dither.NONE)),
        says=("PNG 1", "pixels, grey"),
        holds=[
            (label, 255 * (np.asarray(image(pixels).convert("L")) >= 128)[..., None])
            for label, pixels in CLEAN
        ],
    ),
    Kind(
        "16 bits",
        folders(pairs=DEEP),
        says=("PNG I;16", "images of 10 by 12 pixels, grey, 16 bits a channel"),
        holds=DEEP,
    ),
    Kind(
        "16 bits and 8 bits",
        folders(pairs=[*DEEP[:15], *GREY[15:]]),
        says=("PNG I;16", "images of 10 by 12 pixels, grey"),
        holds=[*((label, pixels >> 8) for label, pixels in DEEP[:15]), *GREY[15:]],
    ),
    Kind(
        "16 bits in colour",
        tiffs(
            [(label, pixels.astype(np.uint16) * 99) for label, pixels in CLEAN], photometric="rgb"
        ),
        says=("16-bit, 3 channels", "images of 10 by 12 pixels, colour, 16 bits a channel"),
        holds=[(label, pixels.astype(np.uint16) * 99) for label, pixels in CLEAN],
    ),
    Kind("five bands", tiffs(BANDS), says=("8-bit, 5 channels", "pixels, 5 bands"), holds=BANDS),
    Kind(
        "five bands, one after the other",
        tiffs(BANDS, planarconfig="separate", compression="zlib"),
        says=("pixels, 5 bands",),
        holds=BANDS,
    ),
    Kind(
        "five bands of 16 bits",
        tiffs([(label, pixels.astype(np.uint16) * 30) for label, pixels in BANDS]),
        says=("images of 10 by 12 pixels, 5 bands, 16 bits a channel",),
        holds=[(label, pixels.astype(np.uint16) * 30) for label, pixels in BANDS],
    ),
    Kind(
        "five bands and four",
        tiffs([*BANDS[:15], *((label, pixels[..., :4]) for label, pixels in BANDS[15:])]),
        says=("images differ in their channels: 15 have",),
        fails=True,
    ),
    Kind(
        "numbers with a point",
        tiffs([(label, pixels.astype(np.float32)) for label, pixels in BANDS]),
        says=("its pixels are float32; save them as uint8 or uint16",),
        fails=True,
    ),
    Kind(
        "several sizes",
        folders(pairs=SIZES),
        says=("images of 64 by 64 pixels, colour",),
        holds=[
            (label, np.asarray(ImageOps.fit(image(pixels), (64, 64), Image.Resampling.BICUBIC)))
            for label, pixels in SIZES
        ],
    ),
    Kind(
        "the same, `--size 6x4`",
        folders(pairs=[*FLAT[:15], *((label, pixels[:9]) for label, pixels in FLAT[15:])]),
        words=("--size", "6x4"),
        says=("images of 6 by 4 pixels, colour",),
        holds=[(label, pixels[:6, :4]) for label, pixels in FLAT],
    ),
    Kind(
        "a damaged file",
        beside(("ant/cut.png", BROKEN)),
        says=("photos/ant/cut.png cannot be read as an image: ",),
        fails=True,
    ),
    Kind(
        "the same, `--on-error skip`",
        beside(("ant/cut.png", BROKEN), ("bee/text.jpg", b"text")),
        words=("--on-error", "skip", "--max-errors", "2"),
        says=("2 damaged images were skipped",),
    ),
    Kind(
        "more of them than 5 %",
        beside(("ant/cut.png", BROKEN), ("bee/text.jpg", b"text")),
        words=("--on-error", "skip"),
        says=("2 images cannot be read, more than --max-errors 5% allows: ",),
        fails=True,
    ),
    Kind(
        "the same image in two classes",
        beside(("cow/again.png", encoded(CLEAN[0][1]))),
        says=("2 images equal another one; those share", "1 images have other targets than one"),
        holds=[*CLEAN, ("cow", CLEAN[0][1])],
    ),
    Kind(
        "a table of paths and classes",
        table(lambda at, label: f"all/{at}.png,{label}", "file,class"),
        source="photos/list.csv",
        says=("cells separated by ','", "images are in the column file; class is predicted"),
    ),
    Kind(
        "names without suffix, `--path`",
        table(lambda at, label: f"{at};{label};{at}", "id;breed;price"),
        words=("--image", "id", "--path", "all/{}.png", "--target", "breed"),
        source="photos/list.csv",
        says=("images are in the column id; breed is predicted",),
    ),
    Kind(
        "JSON lines",
        table(
            lambda at, label: json.dumps({"file_name": f"all/{at}.png", "text": label}),
            "",
            "metadata.jsonl",
        ),
        source="photos/metadata.jsonl",
        says=("JSON lines",),
    ),
    Kind(
        "a table with a column more",
        table(lambda at, label: f"all/{at}.png,{label},{at}", "file,class,price"),
        source="photos/list.csv",
        says=("give --target with the columns to predict; its columns: file, class, price",),
        fails=True,
    ),
    Kind(
        "a path to nothing",
        table(lambda at, label: f"all/{at + 1}.png,{label}", "file,class"),
        source="photos/list.csv",
        says=("all/30.png cannot be read as an image: No such file or directory",),
        fails=True,
    ),
    Kind(
        "one number for each image",
        table(lambda at, label: f'all/{at}.png,"{at},5"', "file,age"),
        source="photos/list.csv",
        says=("age (regression)",),
        holds=targets(lambda at: [at + 0.5]),
    ),
    Kind(
        "several numbers",
        table(lambda at, label: f"all/{at}.png,{at},{at / 4}", "file,x,y"),
        words=("--target", "x", "y"),
        source="photos/list.csv",
        says=("x, y (regression)",),
        holds=targets(lambda at: [at, at / 4]),
    ),
    Kind(
        "several truth values",
        table(lambda at, label: f"all/{at}.png,{at % 2},{at % 3 // 2}", "file,odd,big"),
        words=("--target", "odd", "big"),
        source="photos/list.csv",
        says=("2 labels, any number of them for an image", "train"),
        holds=targets(lambda at: [at % 2, at % 3 // 2]),
    ),
    Kind(
        "several labels in a cell, `--kind multilabel`",
        table(lambda at, label: f"all/{at}.png,{' '.join(['x', 'y'][at % 2 :])}", "file,tags"),
        words=("--kind", "multilabel"),
        source="photos/list.csv",
        says=("2 labels, any number of them for an image, separated by ' '",),
        holds=targets(lambda at: [1 - at % 2, 1]),
    ),
    Kind(
        "a column of splits",
        table(
            lambda at, label: f"all/{at}.png,{label},{('train', 'val', 'test')[at % 5 % 3]}",
            "file,class,part",
        ),
        words=("--target", "class", "--split", "part"),
        source="photos/list.csv",
        says=("split by column 'part'",),
        holds=CLEAN,
    ),
    Kind(
        "nearly as many classes as images",
        table(lambda at, label: f"all/{at}.png,name {at}", "file,class"),
        source="photos/list.csv",
        says=("the target 'class' has 30 values in 30 images, such as 'name 0'",),
        fails=True,
    ),
    Kind(
        "rows without a class",
        table(lambda at, label: f"all/{at}.png,{label if at % 10 else ''}", "file,class"),
        source="photos/list.csv",
        says=("3 images without a target were skipped",),
        holds=[pair for at, pair in enumerate(CLEAN) if at % 10],
    ),
    Kind(
        "Parquet as Hugging Face writes it",
        parquets(hugging_face, NUMBERS.tolist(), NOTED),
        source="photos/t.parquet",
        says=("images are in the column image.bytes; label is predicted", "ant"),
    ),
    Kind(
        "Parquet with a column of bytes",
        parquets(lambda: [encoded(pixels) for _, pixels in CLEAN], [label for label, _ in CLEAN]),
        source="photos/*.parquet",
        says=("images are in the column image; label is predicted",),
    ),
    Kind(
        "`.npz`",
        npz(images=STACK, labels=NUMBERS),
        source="photos/t.npz",
        says=("images holds 30 images, labels is predicted",),
        holds=[(str(number), pixels) for number, (_, pixels) in zip(NUMBERS, CLEAN, strict=True)],
    ),
    Kind(
        "`.npz` with arrays for each split",
        npz(
            **{f"{name}_images": STACK[at::3] for at, name in enumerate(("train", "val", "test"))},
            **{
                f"{name}_labels": (NUMBERS[at::3] + np.arange(10))[:, None] % 2
                for at, name in enumerate(("train", "val", "test"))
            },
        ),
        source="photos/t.npz",
        says=(
            "val_images holds 10 images, val_labels is predicted; validation",
            "split by the names of arrays",
        ),
        holds=[
            (str((number + at // 3) % 2), pixels)
            for at, (number, (_, pixels)) in enumerate(zip(NUMBERS, CLEAN, strict=True))
        ],
    ),
    Kind(
        "`.npz` with channels first",
        npz(images=np.moveaxis(STACK, -1, 1), labels=NUMBERS),
        source="photos/t.npz",
        says=(
            "images (30, 3, 10, 12) seems to have its channels before height and width: put them",
        ),
        fails=True,
    ),
]
