"""Special tokens of a ``tokenizer.json``: which ones start, end and fill texts."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..errors import UserError
from .json_files import read_json_if_there

BESIDE: Final = ("tokenizer_config.json", "special_tokens_map.json")
"""Files that say so, the first that does."""

_USUAL: Final = {
    "bos_token": ("<s>", "<bos>", "[BOS]", "<|begin_of_text|>", "<|startoftext|>"),
    "eos_token": (
        *("</s>", "<eos>", "[EOS]", "<|im_end|>", "<|eot_id|>"),
        *("<|end_of_text|>", "<|endoftext|>"),
    ),
    "pad_token": ("<pad>", "[PAD]", "<|pad|>", "<|padding|>", "<|finetune_right_pad_id|>"),
}
"""What they are called where no file says so, the first that is there."""


def find_specials(
    path: Path, vocabulary: Mapping[str, int], special: Mapping[str, int], *, complete: bool
) -> tuple[int, int, int]:
    """The ids of start, end and pad.

    Many tokenizers have no token for padding, or that which ends a text. Then it is one that no
    text holds, or an id beyond all others.

    Args:
        path: The ``tokenizer.json``.
        vocabulary: All ids by their tokens.
        special: Those of special tokens.
        complete: Whether the vocabulary has all bytes, so that nothing is unknown to it.

    Raises:
        UserError: No token ends a text, or a file beside `path` names one that is not there.
    """
    start, end, pad = (_find(path, role, vocabulary) for role in _USUAL)
    if end is None:
        raise UserError(
            f'{path} has no end token: name a token of its vocabulary as "eos_token" in '
            f"{path.with_name(BESIDE[0])}"
        )
    start = end if start is None else start
    if pad in (None, start, end):
        names = "unk|pad|reserved|unused" if complete else "pad|reserved|unused"
        spare = [at for name, at in special.items() if re.search(names, name, re.IGNORECASE)]
        beyond = max(vocabulary.values()) + 1
        pad = min((at for at in spare if at not in (start, end)), default=beyond)
    return start, end, pad


def _find(path: Path, role: str, vocabulary: Mapping[str, int]) -> int | None:
    for beside in map(path.with_name, BESIDE):
        name = token_text(read_json_if_there(beside).get(role))
        if name is None:
            continue
        if name not in vocabulary:
            raise UserError(f"{beside}: the vocabulary lacks {name!r}, its {role}")
        return vocabulary[name]
    return next((vocabulary[name] for name in _USUAL[role] if name in vocabulary), None)


def token_text(token: Any) -> Any:
    """The text of a token, which files give as it is or with how it is matched; None for none."""
    return token.get("content") if isinstance(token, dict) else token
