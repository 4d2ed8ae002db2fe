"""Where tokenizers are kept: each data set and each run has a copy of its own."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import write_atomically
from ..storage.data_record import recorded_info
from ..storage.dataset import TOKENIZER as FOLDER
from ..storage.run_directory import RunDirectory
from .byte_tokenizer import TOKENIZER
from .files import HUGGING_FACE, SENTENCE_PIECE, HuggingFace, SentencePiece
from .tokenizer import Tokenizer, describe, same


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a tokenizer.

    Args:
        path: A ``tokenizer.json``, a ``.model`` of sentencepiece, or a folder: one that holds
            either, or that of a data set or a run, imported or not.

    Raises:
        UserError: It is not there, is no tokenizer, or lacks the token that ends a text.
    """
    folders = (path, path / FOLDER, RunDirectory(path).pretrained)
    places = [folder / name for folder in folders for name in (HUGGING_FACE, SENTENCE_PIECE)]
    file = next(filter(Path.is_file, [path, *places]), None)
    if file is None:
        raise UserError(f"{path} holds no tokenizer: no {HUGGING_FACE} and no {SENTENCE_PIECE}")
    file = file.absolute()
    return _load(file, file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _load(file: Path, _changed: int) -> Tokenizer:
    try:
        return HuggingFace(file) if file.suffix == ".json" else SentencePiece(file)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from error


def tokenizer_of(info: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer of a data set or a run.

    Args:
        info: What `describe` said, and ``folder``, where it is kept.

    Raises:
        UserError: It is no longer there, or another one is.
    """
    if same(TOKENIZER, info):
        return TOKENIZER
    found = read_tokenizer(Path(info["folder"]))
    if not same(found, info):
        raise UserError(f"{info['folder']} holds {found.name}, not its own {info['tokenizer']}")
    return found


def keep_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Copy the files of a tokenizer, if it has any, to where a data set or a run keeps it."""
    for name, file in tokenizer.files.items():
        (folder / FOLDER).mkdir(exist_ok=True)
        write_atomically(folder / FOLDER / name, file.read_bytes())


def check_tokenizer(tokenizer: Tokenizer, run: Path, what: str) -> None:
    """Check that a run has this tokenizer, if it has recorded any.

    Args:
        tokenizer: The tokenizer of the data.
        run: The folder of the run.
        what: The beginning of the message.

    Raises:
        UserError: It has another one.
    """
    info = recorded_info(RunDirectory(run).data_set)
    if "tokenizer" in info and not same(tokenizer, info):
        raise UserError(
            f"{what} has tokenizer {info['tokenizer']}, the data {tokenizer.name}: prepare the "
            f"data with --tokenizer {run}"
        )


def published_info(folder: Path) -> dict[str, Any]:
    """What the folder of a published model says of its tokenizer; nothing where it has none.

    Raises:
        UserError: The tokenizer cannot be used.
    """
    if not any((folder / name).is_file() for name in (HUGGING_FACE, SENTENCE_PIECE)):
        return {}
    return {**describe(read_tokenizer(folder)), "folder": str(folder)}
