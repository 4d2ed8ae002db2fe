"""Tokenizers that are read from files, as published models bring them. Nothing is downloaded."""

import hashlib
import importlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import tokenizers
from jaxtyping import Integer

from ..errors import UserError
from .specials import BESIDE, find_specials
from .tokenizer import Ids

HUGGING_FACE: Final = "tokenizer.json"
SENTENCE_PIECE: Final = "tokenizer.model"
CHAT_TEMPLATE: Final = "chat_template.jinja"
_BYTE: Final = re.compile("<0x[0-9A-F]{2}>")  # a token that is one byte


class FileTokenizer(ABC):
    """What tokenizers from files share; see `Tokenizer`."""

    def __init__(
        self, path: Path, specials: tuple[int, int, int], sizes: list[int], unused: Iterable[int]
    ) -> None:
        """Keep what a file says.

        Args:
            path: The file.
            specials: Start, end and pad, which may lie beyond the other ids.
            sizes: Bytes that each of the other ids stands for.
            unused: Ids that no text has.
        """
        self.start, self.end, self.pad = specials
        content = path.read_bytes() + repr(specials).encode()
        self.digest = hashlib.sha256(content).hexdigest()
        name = HUGGING_FACE if path.suffix == ".json" else SENTENCE_PIECE
        self.name = f"{name} {self.digest[:8]}"
        beside = filter(Path.is_file, map(path.with_name, (*BESIDE, CHAT_TEMPLATE)))
        self.files: Mapping[str, Path] = {name: path, **{file.name: file for file in beside}}
        self.vocab_size = max(len(sizes), self.pad + 1)
        self.reserved = tuple(sorted({self.pad, self.start, *unused} - {self.end}))
        self.sizes = np.zeros(self.vocab_size, np.int32)
        self.sizes[: len(sizes)] = sizes
        self.sizes[[self.start, self.end, *self.reserved]] = 0
        self.added = max(0, int(self.sizes[self.encode("a")].sum()) - 1)

    def encode(self, text: str) -> Ids:
        """Encode text, without `start` and `end`."""
        return self.encode_batch([text])[0]

    @abstractmethod
    def encode_batch(self, texts: Sequence[str]) -> list[Ids]:
        """Encode several texts, on all cores."""

    def _plain(self, ids: Integer[np.ndarray, " seq_len"]) -> list[int]:
        """The ids that stand for text."""
        special = np.isin(ids, [self.start, self.end, *self.reserved])
        return ids[(ids >= 0) & (ids < self.vocab_size) & ~special].tolist()


class HuggingFace(FileTokenizer):
    """A ``tokenizer.json`` of the tokenizers package, as most published models have one.

    A special token that a text spells out, such as one of a chat template, is encoded as that
    token.
    """

    def __init__(self, path: Path) -> None:
        """Read a file, and what lies beside it about its special tokens.

        Raises:
            UserError: It is no such file, or no token ends a text.
        """
        try:
            model: Any = tokenizers.Tokenizer.from_str(path.read_text(encoding="utf-8"))
        except Exception as error:  # the package raises nothing narrower
            raise UserError(f"{path} is no tokenizer of the tokenizers package: {error}") from error
        # The file may ask for either, which is not its to say.
        model.no_truncation()
        model.no_padding()
        self._model = model
        vocabulary: dict[str, int] = model.get_vocab(with_added_tokens=True)
        added = model.get_added_tokens_decoder()
        special = {token.content: at for at, token in added.items() if token.special}
        byte_level = "ByteLevel" in str(model.decoder)
        complete = byte_level or getattr(model.model, "byte_fallback", False)
        specials = find_specials(path, vocabulary, special, complete=complete)

        sizes = [0] * (max(vocabulary.values()) + 1)
        # Unless a token tells by itself, it is as long as what it adds to a text.
        before = model.encode("a", add_special_tokens=False).ids
        longer = (
            [] if byte_level else model.decode_batch([[*before, at] for at in range(len(sizes))])
        )
        length = len(model.decode(before).encode())
        for name, at in vocabulary.items():
            if at in added:
                sizes[at] = 0 if added[at].special else len(name.encode())
            elif byte_level:
                sizes[at] = len(name)
            else:
                sizes[at] = 1 if _BYTE.fullmatch(name) else len(longer[at].encode()) - length
        unused = set(range(len(sizes))) - set(vocabulary.values())
        super().__init__(path, specials, sizes, unused)

    def encode_batch(self, texts: Sequence[str]) -> list[Ids]:
        """Encode several texts, on all cores."""
        encoded = self._model.encode_batch_fast(texts, add_special_tokens=False)
        return [np.array(each.ids, np.int32) for each in encoded]

    def decode(self, ids: Integer[np.ndarray, " seq_len"]) -> str:
        """Decode ids; special ones are dropped."""
        return self._model.decode(self._plain(ids), skip_special_tokens=True)

    def encode_with_offsets(self, text: str) -> tuple[Ids, Integer[np.ndarray, "seq_len 2"]]:
        """Encode text, and tell which characters each id stands for: from one up to another."""
        encoded = self._model.encode(text, add_special_tokens=False)
        return np.array(encoded.ids, np.int32), np.array(encoded.offsets, int).reshape(-1, 2)

    def spell(self, ids: Integer[np.ndarray, " seq_len"]) -> str:
        """Decode ids, special ones as they are spelled."""
        return self._model.decode(ids.tolist(), skip_special_tokens=False)


class SentencePiece(FileTokenizer):
    """A ``.model`` of the sentencepiece package, as the first models of Llama and Mistral have."""

    def __init__(self, path: Path) -> None:
        """Read a file.

        Raises:
            UserError: It is no such model, or no token ends a text.
        """
        try:
            package: Any = importlib.import_module("sentencepiece")
            model = package.SentencePieceProcessor(model_proto=path.read_bytes())
        except ImportError as error:
            raise UserError(f"{path} needs sentencepiece: run `uv add sentencepiece`") from error
        except RuntimeError as error:
            raise UserError(f"{path} is no model of sentencepiece: give a .model file") from error
        self._model, size = model, model.get_piece_size()
        start, end, pad = model.bos_id(), model.eos_id(), model.pad_id()
        if end < 0:
            raise UserError(f"{path} has no end token: train it with --eos_id")
        start = end if start < 0 else start
        if pad in (-1, start, end):  # nothing is unknown to a model that falls back to bytes
            pad = model.unk_id() if any(map(model.is_byte, range(size))) else size
        pieces = (model.id_to_piece(at).replace("\u2581", " ") for at in range(size))
        sizes = [1 if model.is_byte(at) else len(text.encode()) for at, text in enumerate(pieces)]
        unused = [at for at in range(size) if model.is_unused(at) or model.is_control(at)]
        super().__init__(path, (start, end, pad), sizes, (*unused, model.unk_id()))

    def encode_batch(self, texts: Sequence[str]) -> list[Ids]:
        """Encode several texts, on all cores."""
        return [np.array(ids, np.int32) for ids in self._model.encode(texts, num_threads=-1)]

    def decode(self, ids: Integer[np.ndarray, " seq_len"]) -> str:
        """Decode ids; special ones are dropped."""
        return self._model.decode(self._plain(ids))
