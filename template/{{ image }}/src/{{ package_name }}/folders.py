"""Images in folders: which files are images, and what their places say about them."""

import glob
import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .errors import UserError
from .storage.splitting import SPLITS

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".jp2", ".tga"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".heic", ".heif"),
)

_NOT_OURS = ("__MACOSX", "@eaDir")  # what macOS and file servers put beside people's images


class Item(NamedTuple):
    """An image that has not been read, and what is known of it.

    Attributes:
        where: What names it for a reader.
        content: The file, what a file holds, or pixels; see `decoding.py`.
        targets: Values of what is to be predicted: a class; several numbers or truth values; or one
            text or list of labels. None where one is missing, nothing where they are not asked for.
        split: ``train``, ``validation`` or ``test``; None where nothing says so.
        group: SHA-256 of what stands for the group of images that it is one of; empty without.
    """

    where: str
    content: Any
    targets: tuple[Any, ...] = ()
    split: str | None = None
    group: bytes = b""


class Folder(NamedTuple):
    """A folder of images whose places or names tell their classes.

    Attributes:
        folder: Folders named by classes, or folders ``train``, ``validation`` and ``test`` of such
            folders; with `label`, images in any folders.
        label: A regular expression, which finds an image's class in its path below the folder.
        group: A regular expression. Images stay together where it matches the same text in their
            paths below the class folders; empty for equal images only.
    """

    folder: Path
    label: str = ""
    group: str = ""

    def items(self, passed_over: Counter[str] | None = None) -> Iterator[Item]:
        """The images in a fixed order, one by one: memory holds the names in one folder at a time.

        Files whose names do not end like those of images, and whatever begins with a dot, are
        passed over.

        Args:
            passed_over: Counts the former by how their names end.

        Raises:
            UserError: A folder has no images, or an image is where none belongs, or has no group.
        """
        ready = self._check()
        for parts in _walk(self.folder, passed_over=passed_over):
            above, name = parts[:-1], "/".join(parts)
            path = self.folder.joinpath(*parts)
            if self.label:
                found, below = _found("--label", self.label, name, name), name
                label = found.group(1 if found.re.groups else 0) or ""
            else:
                if len(above) != 1 + ready and not (self.group and above):
                    raise UserError(
                        f"{path} lies where no image belongs: give a folder of class folders, "
                        "which hold images only, or folders train, validation and test of such "
                        "folders; --label finds classes in names, and a table may list them"
                    )
                label, below = above[ready], "/".join(parts[1:])
            split = above[0] if ready else None
            group = b""
            if self.group:
                kept = _found("--group", self.group, below, name).group()
                group = hashlib.sha256(kept.encode()).digest()
            yield Item(str(path), path, (label,), split, group)

    def _check(self) -> bool:
        """Whether the folder holds ready-made splits."""
        tops: set[str] = set()
        deep, some = False, False
        for parts in _walk(self.folder):
            tops.add(parts[0])
            deep, some = deep or len(parts) > 2, True
        folders = {each.name for each in _entries(self.folder) if each.is_dir()}
        if (folders > tops and not self.label) or not some:
            empty = self.folder.joinpath(*sorted(folders - tops)[:1])
            raise UserError(f"{empty} holds no image ({_suffixes()})")
        ready = tops == set(SPLITS) and (deep or bool(self.label))
        if ready and self.group:
            raise UserError(f"--group: {self.folder} has ready-made splits, which stay as they are")
        return ready


def find(patterns: Sequence[str]) -> list[str]:
    """Image files by name, by pattern, or below folders, wherever they lie.

    Raises:
        UserError: A pattern matches nothing, or nothing but folders without images.
    """
    found: set[str] = set()
    for pattern in patterns:
        expanded = os.path.expanduser(pattern)
        files: list[str] = []
        for match in glob.glob(expanded, recursive=True) or [expanded]:
            path = Path(match)
            below = (str(path.joinpath(*parts)) for parts in _walk(path))
            files += [match] if path.is_file() else below
        if not files:
            raise UserError(f"--source {pattern} matches no image ({_suffixes()})")
        found.update(files)
    return sorted(found)


def _walk(
    folder: Path, above: tuple[str, ...] = (), passed_over: Counter[str] | None = None
) -> Iterator[tuple[str, ...]]:
    """The images below a folder, by the parts of their paths from there."""
    for entry in _entries(folder.joinpath(*above)):
        parts = (*above, entry.name)
        if entry.is_dir():
            yield from _walk(folder, parts, passed_over)
        elif entry.name.lower().endswith(SUFFIXES):
            if entry.is_file():
                yield parts
        elif passed_over is not None:
            passed_over[os.path.splitext(entry.name)[1].lower() or entry.name] += 1


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    """What is in a folder and may concern us, in the order of its names."""
    try:
        with os.scandir(folder) as entries:
            ours = (each for each in entries if each.name[0] != "." and each.name not in _NOT_OURS)
            return sorted(ours, key=lambda entry: entry.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}") from error


def _found(option: str, pattern: str, text: str, path: str) -> re.Match[str]:
    found = re.search(pattern, text)
    if not found:
        raise UserError(f"{option} {pattern} matches nothing in {path}")
    return found


def _suffixes() -> str:
    return ", ".join(suffix.removeprefix(".") for suffix in SUFFIXES)
