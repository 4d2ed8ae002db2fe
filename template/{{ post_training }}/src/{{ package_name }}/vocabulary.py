"""Text to token ids and back, by the vocabulary of the model that is post-trained.

A model is of use only with the ids that it was pre-trained with. So there is a choice: bytes, as
models of the `language` task have them, or a tokenizer that lies beside a downloaded checkpoint.
Nothing is downloaded here.
"""

import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int32, Integer

from .errors import UserError
from .settings import Settings
from .tokenizer import DOCUMENT, PAD, ByteTokenizer

# What special tokens are called where no file says so, the first that is there.
_USUAL = {
    "bos_token": ("<s>", "<bos>", "[BOS]", "<|begin_of_text|>", "<|startoftext|>"),
    "eos_token": (
        *("</s>", "<eos>", "[EOS]", "<|im_end|>", "<|eot_id|>"),
        *("<|end_of_text|>", "<|endoftext|>"),
    ),
    "pad_token": ("<pad>", "[PAD]", "<|pad|>", "<|padding|>", "<|finetune_right_pad_id|>"),
}
_BESIDE = ("tokenizer_config.json", "special_tokens_map.json")  # what says so, the first that does


@runtime_checkable
class Tokenizer(Protocol):
    """What prompts and responses are encoded with.

    Attributes:
        name: What a data set records, so that it is not read with another tokenizer.
        vocab_size: Ids that it has; a model may have more.
        start: The id before each prompt; that of `end` where there is none of its own.
        end: The id after each response.
        pad: The id that fills the rest; neither `start` nor `end`.
        reserved: Ids that no response may hold: `pad` and unused ones, but not `end`.
    """

    name: str
    vocab_size: int
    start: int
    end: int
    pad: int
    reserved: tuple[int, ...]

    def encode(self, text: str) -> Int32[np.ndarray, " seq_len"]:
        """Encode text, without `start` and `end`."""
        ...

    def decode(self, ids: Integer[np.ndarray, " seq_len"]) -> str:
        """Decode ids; special ones, and those that the vocabulary lacks, are dropped."""
        ...


class VocabularySettings(Settings):
    """Which tokenizer.

    Attributes:
        kind: ``bytes``, one id for each byte of UTF-8, as in the `language` task;
            ``sentencepiece``, a ``.model`` file; ``huggingface``, a ``tokenizer.json``.
        path: The file, or the folder of ``tokenizer.json``; none for bytes.
    """

    kind: Literal["bytes", "sentencepiece", "huggingface"] = "bytes"
    path: str | None = None

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, loaded once.

        Raises:
            UserError: The file is not there, is no tokenizer, or lacks a token that is needed.
        """
        if self.kind == "bytes":
            if self.path is not None:
                raise UserError("vocabulary.path belongs to another vocabulary.kind than bytes")
            return BYTES
        if self.path is None:
            raise UserError(f"vocabulary.kind {self.kind} needs vocabulary.path, a file of yours")
        return _load(self.kind, Path(self.path).expanduser().absolute())


class Bytes(ByteTokenizer):
    """The tokenizer of the `language` task: the end of a document starts and ends all texts."""

    start = end = DOCUMENT
    pad = PAD
    reserved = tuple(range(DOCUMENT + 1, ByteTokenizer.vocab_size))


BYTES = Bytes()


class SentencePiece:
    """A model of the sentencepiece package, as Gemma has one."""

    def __init__(self, path: Path) -> None:
        """Read a file.

        Raises:
            UserError: It is no such model, or lacks a token.
        """
        try:
            from sentencepiece import SentencePieceProcessor
        except ImportError as error:
            raise _not_installed("sentencepiece") from error
        content = _read(path)
        try:
            model: Any = SentencePieceProcessor(model_proto=content)
        except RuntimeError as error:
            raise UserError(f"{path} is no model of sentencepiece: give a .model file") from error
        remedy = "train it with --eos_id and --pad_id, or use a tokenizer.json that has both"
        found = (model.bos_id(), model.eos_id(), model.pad_id())
        start, end, pad = (None if token < 0 else token for token in found)
        self.start, self.end, self.pad = _checked(path, start, end, pad, remedy)
        self.name = _name(path, content)
        self.vocab_size = model.get_piece_size()
        never = {self.pad, self.start, model.unk_id()} - {self.end}
        unused = (token for token in range(self.vocab_size) if model.is_unused(token))
        self.reserved = tuple(sorted({*never, *unused}))
        self._model = model

    def encode(self, text: str) -> Int32[np.ndarray, " seq_len"]:
        """Encode text, without `start` and `end`."""
        return np.array(self._model.encode(text), np.int32)

    def decode(self, ids: Integer[np.ndarray, " seq_len"]) -> str:
        """Decode ids; special ones are dropped."""
        return self._model.decode(_plain(self, ids))


class HuggingFace:
    """A ``tokenizer.json`` of the tokenizers package, as most published checkpoints have one.

    A special token that a text spells out, such as one of a chat template, is encoded as that
    token.
    """

    def __init__(self, path: Path) -> None:
        """Read a file, and what lies beside it about its special tokens.

        Raises:
            UserError: It is no such file, or lacks a token.
        """
        try:
            import tokenizers
        except ImportError as error:
            raise _not_installed("tokenizers") from error
        path = path / "tokenizer.json" if path.is_dir() else path
        content = _read(path)
        try:
            model: Any = tokenizers.Tokenizer.from_str(content.decode())
        except Exception as error:  # the package raises nothing narrower
            raise UserError(f"{path} is no tokenizer of the tokenizers package: {error}") from error
        # The file may ask for either, which is not its to say.
        model.no_truncation()
        model.no_padding()
        vocabulary: dict[str, int] = model.get_vocab(with_added_tokens=True)
        start, end, pad = (_find(path, role, vocabulary) for role in _USUAL)
        remedy = (
            'name tokens of its vocabulary as "eos_token" and "pad_token", the latter one that '
            f"texts never use, in {path.with_name(_BESIDE[0])}"
        )
        self.start, self.end, self.pad = _checked(path, start, end, pad, remedy)
        self.name = _name(path, content)
        self.vocab_size = max(vocabulary.values()) + 1
        never = {self.pad, self.start} - {self.end}
        unused = set(range(self.vocab_size)) - set(vocabulary.values())
        self.reserved = tuple(sorted(never | unused))
        self._model = model

    def encode(self, text: str) -> Int32[np.ndarray, " seq_len"]:
        """Encode text, without `start` and `end`."""
        return np.array(self._model.encode(text, add_special_tokens=False).ids, np.int32)

    def decode(self, ids: Integer[np.ndarray, " seq_len"]) -> str:
        """Decode ids; special ones are dropped."""
        return self._model.decode(_plain(self, ids), skip_special_tokens=True)


_KINDS = {"sentencepiece": SentencePiece, "huggingface": HuggingFace}


@functools.cache
def _load(kind: str, path: Path) -> Tokenizer:
    return _KINDS[kind](path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"vocabulary.path {path} cannot be read: {error.strerror}") from error


def _not_installed(package: str) -> UserError:
    return UserError(f"this vocabulary needs the package {package}: run `uv add {package}`")


def _name(path: Path, content: bytes) -> str:
    """A name that only the same content has, wherever it lies."""
    return f"{path.name} {hashlib.sha256(content).hexdigest()[:8]}"


def _plain(tokenizer: Tokenizer, ids: Integer[np.ndarray, " seq_len"]) -> Sequence[int]:
    """The ids that stand for text."""
    special = [tokenizer.start, tokenizer.end, *tokenizer.reserved]
    there = (ids >= 0) & (ids < tokenizer.vocab_size) & ~np.isin(ids, special)
    return ids[there].tolist()


def _checked(
    path: Path, start: int | None, end: int | None, pad: int | None, remedy: str
) -> tuple[int, int, int]:
    """The special tokens, once they are as they must be."""
    if end is None:
        raise UserError(f"{path} has no end token: {remedy}")
    if pad is None:
        raise UserError(f"{path} has no pad token: {remedy}")
    start = end if start is None else start
    if pad in (start, end):
        which = "end" if pad == end else "start"
        raise UserError(f"the pad token of {path} is its {which} token as well: {remedy}")
    return start, end, pad


def _find(path: Path, role: str, vocabulary: dict[str, int]) -> int | None:
    """The id of a special token, by what the files beside a ``tokenizer.json`` say, or its name."""
    for beside in map(path.with_name, _BESIDE):
        if not beside.is_file():
            continue
        try:
            content = json.loads(beside.read_bytes())
            token = content.get(role)
        except (ValueError, AttributeError) as error:
            raise UserError(f"{beside} holds no JSON object") from error
        name = token.get("content") if isinstance(token, dict) else token
        if name is None:
            continue
        if name not in vocabulary:
            raise UserError(f"{beside}: the vocabulary lacks {name!r}, its {role}")
        return vocabulary[name]
    return next((vocabulary[name] for name in _USUAL[role] if name in vocabulary), None)
