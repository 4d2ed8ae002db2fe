"""Where examples come from: a sample, or JSON lines of your own, checked line by line.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from . import samples
from .errors import UserError
from .post_training.messages import check_messages, split_conversation, split_question
from .samples import Record
from .storage.decoding import DecodedText, is_wide, lines_of
from .storage.matching import matching_files
from .storage.reading import PACKED, inner_name, reading
from .tokenization import TOKENIZER_HELP

Advance = Callable[[int], object]
SUFFIXES = (".jsonl", ".ndjson")

_MOST_TOLD = 10  # problems


@dataclass(frozen=True)
class Kind:
    """A kind of example.

    Attributes:
        name: What a data set records.
        fields: What each example has, texts that are not empty; the prompt first, then the right
            response.
        optional: Fields that are kept where an example has them; None keeps all.
        messages: Fields that may be lists of messages in place of texts, all of them at once.
    """

    name: str
    fields: tuple[str, ...]
    optional: tuple[str, ...] | None = ()
    messages: tuple[str, ...] = ()

    def sample(self, name: str, count: int = samples.COUNT) -> Iterator[Record]:
        """The examples of a sample; see `samples.records`."""
        return samples.records(name, self.fields, count)

    @property
    def expected(self) -> str:
        """The field of the right response."""
        return self.fields[1]

    @property
    def responses(self) -> tuple[str, ...]:
        """The fields of all responses."""
        return self.fields[1:]

    @property
    def question(self) -> "Kind":
        """The kind of an example whose prompt will do."""
        return replace(
            self, fields=("prompt",), optional=(self.expected,), messages=self.messages[:1]
        )


DEMONSTRATIONS = Kind("demonstrations", ("prompt", "response"), messages=("prompt", "response"))
_PAIR = ("prompt", "chosen", "rejected")
PREFERENCES = Kind("preferences", _PAIR, messages=_PAIR)
PROMPTS = Kind("prompts", ("prompt", "answer"), optional=None, messages=("prompt",))

# No number will do for these.
_TEXTS = ("prompt", "response", "chosen", "rejected")
# What batches of prompts hold beside the columns; see `data.py`.
_TAKEN = ("prompt_mask", "response", "response_mask", "weights", "text")


@dataclass
class Problems:
    """What is wrong with examples, collected so that all of it can be put right at once.

    Attributes:
        first: Messages, as many as are told.
        count: How many there were.
    """

    first: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, where: str, what: str) -> None:
        """Note one."""
        self.count += 1
        if self.count <= _MOST_TOLD:
            self.first.append(f"{where}: {what}")

    def check(self) -> None:
        """Raise what was noted.

        Raises:
            UserError: There are problems: the first ones, a line for each.
        """
        if self.count > len(self.first):
            self.first.append(f"and {self.count - len(self.first):,} more problems")
        if self.first:
            raise UserError("\n".join(self.first))


@dataclass(frozen=True)
class Source:
    """Files of JSON lines, an object on each, or a sample; packed ones are unpacked.

    Attributes:
        files: The files, in a fixed order; none stands for a sample.
        sample: Which sample; empty for the one that the data settings name.
        patterns: What the user gave to name the files.
        group: A field; examples with the same value in it stay in one split. Empty for the prompt.
        tokenizer: Where the tokenizer is read from; None for the one that the data settings name.
        show: Examples that are printed once they are prepared.
    """

    files: tuple[Path, ...] = ()
    sample: str = ""
    patterns: str = ""
    group: str = ""
    tokenizer: Path | None = None
    show: int = 0

    @property
    def name(self) -> str:
        """What the data set remembers as its origin."""
        return self.patterns or f"sample {self.sample}"

    def size(self) -> int:
        """Bytes of all files as they lie on disk."""
        return sum(path.stat().st_size for path in self.files)

    def examples(
        self, kind: Kind, problems: Problems, advance: Advance
    ) -> Iterator[tuple[str, Record]]:
        """Read all examples that are as they should be.

        Args:
            kind: What they should be.
            problems: Told what is wrong with the others.
            advance: Told, now and then, how many more bytes were read from disk.

        Yields:
            Where an example stands, and its fields.

        Raises:
            UserError: A file cannot be read at all.
        """
        if not self.files:
            for number, record in enumerate(kind.sample(self.sample), start=1):
                yield f"sample {self.sample}, example {number}", record
            return
        for path in self.files:
            if not inner_name(path).endswith(SUFFIXES):
                raise UserError(
                    f"{path} is no file of JSON lines: give {' or '.join(SUFFIXES)}, also packed "
                    f"as {', '.join(PACKED)}"
                )
            for where, line in read_lines(path, advance):
                try:
                    yield where, parse(line, kind)
                except ValueError as error:
                    problems.add(where, str(error))


def sample(name: str = "") -> Source:
    """A sample, one of `samples.SAMPLES`; without a name that of the data settings."""
    return Source(sample=name)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the prepare command that say where examples come from."""
    parser.add_argument(
        "--source",
        nargs="+",
        action="extend",
        metavar="GLOB",
        help="your examples: .jsonl files (.gz, .bz2, .xz, .zst and .zip are unpacked) with an "
        "object on each line; ** searches folders. Fields: prompt and response for demonstrations; "
        "prompt, chosen and rejected for preferences; prompt, answer and any more for prompts. A "
        "conversation has "
        "messages, or lists of them as prompt, chosen and rejected; prompts may be such a list "
        "too. Without it: a sample",
    )
    parser.add_argument(
        "--group",
        default="",
        metavar="FIELD",
        help="keep examples with the same value in this field in one split, such as those of one "
        "conversation (default: those with the same prompt)",
    )
    parser.add_argument(
        "--sample",
        choices=sorted(samples.SAMPLES),
        help="a sample that is made here (default: data.sample of the configuration)",
    )
    parser.add_argument("--tokenizer", type=Path, metavar="PATH", help=TOKENIZER_HELP)
    parser.add_argument(
        "--show",
        type=int,
        default=0,
        metavar="N",
        help="print N examples, with what counts in the loss between ⟦ and ⟧",
    )


def from_arguments(arguments: argparse.Namespace) -> Source:
    """Return what ``add_arguments`` describes.

    Raises:
        UserError: A pattern matches no file, or matches a folder, or there is a sample as well.
    """
    if arguments.source and arguments.sample:
        raise UserError("--source and --sample: give one of them")
    if arguments.group and not arguments.source:
        raise UserError("--group needs examples of your own, named by --source")
    source = (
        from_patterns(arguments.source, arguments.group)
        if arguments.source
        else sample(arguments.sample or "")
    )
    return replace(source, tokenizer=arguments.tokenizer, show=arguments.show)


def from_patterns(patterns: Sequence[str], group: str = "") -> Source:
    """Return the source of all files that the patterns match.

    Raises:
        UserError: A pattern matches no file, or matches a folder.
    """
    files = matching_files(patterns, "**/*.jsonl")
    return Source(files, patterns=" ".join(patterns), group=group)


def read_lines(path: Path, advance: Advance) -> Iterator[tuple[str, bytes]]:
    """Read the lines of a file that are not blank, with where they stand.

    Raises:
        UserError: The file cannot be read.
    """
    told = 0
    with reading(path) as (content, raw):
        for number, line in enumerate(_encoded_lines(path, content), start=1):
            position = raw.tell()
            advance(position - told)
            told = position
            if line.strip():
                yield f"{path}:{number}", line


def _encoded_lines(path: Path, content: Any) -> Iterator[bytes]:
    """The lines as they are; those of UTF-16 and UTF-32 with a byte order mark in UTF-8."""
    if not is_wide(content.peek(4)[:4]):
        return content
    lines = lines_of(DecodedText(path, content).blocks(), sys.maxsize)
    return (str(line).encode() for line in lines)


def decode(line: bytes) -> str:
    """The text of a line; a byte order mark is dropped.

    Raises:
        ValueError: It is not UTF-8.
    """
    if b"\0" in line:
        raise ValueError(
            "NUL bytes, as UTF-16 without a byte order mark has: convert the file to UTF-8"
        )
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"not UTF-8 (byte 0x{error.object[error.start]:02x} at offset {error.start} of the "
            "line): convert the file to UTF-8"
        ) from error


def parse(line: bytes, kind: Kind) -> Record:
    """An example from a line: the fields that its kind needs or keeps, as texts.

    Those of a conversation are lists of messages.

    Raises:
        ValueError: The line is no such example; the message says why.
    """
    try:
        # Numbers stay as they are written.
        text = decode(line)
        content = json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_refuse)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"no JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"no JSON object with the fields {_listed(kind.fields)}")
    conversation = {}
    if kind.messages and any(type(content.get(name)) is list for name in ("messages", "prompt")):
        conversation = _conversation(json.loads(text), kind)
        content.pop("messages", None)
    content |= conversation
    lacking = [name for name in kind.fields if name not in content]
    if lacking:
        there = _listed(content) or "none"
        need = f"{kind.name} need {_listed(kind.fields)}"
        raise ValueError(f"no {_listed(lacking)} among its fields ({there}): {need}")
    optional = content if kind.optional is None else kind.optional
    more = [name for name in optional if name not in kind.fields and content.get(name) is not None]
    if taken := [name for name in more if name in _TAKEN and kind.optional is None]:
        raise ValueError(f"field {taken[0]!r} has a name that batches need: give it another")
    names = [name for name in (*kind.fields, *more) if name not in conversation]
    record = conversation | {name: _text(name, content[name]) for name in names}
    for name in kind.fields:
        if isinstance(record[name], str) and not record[name].strip():
            raise ValueError(f"field {name!r} is empty")
    if "rejected" in kind.fields and record["chosen"] == record["rejected"]:
        raise ValueError("'chosen' and 'rejected' are equal, so there is no preference")
    return record


def _conversation(content: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """The messages of an example that is a conversation, by the fields of its kind."""
    responses = kind.messages[1:]
    if not responses:
        return split_question(content, (*kind.fields, *(kind.optional or ()))[1])
    if "prompt" not in content and "messages" in content and len(responses) == 1:
        return split_conversation(content)
    if not isinstance(content.get("prompt"), list) or not all(map(content.get, kind.messages)):
        return {}
    single = responses if len(responses) > 1 else ()
    return {
        name: check_messages(name, content[name], single=name in single) for name in kind.messages
    }


class _Number(str):
    """A number as it was spelled."""


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or (isinstance(value, _Number) and name in _TEXTS):
        raise ValueError(f"field {name!r} is no text but {_TYPES[type(value)]}")
    try:
        (name + value).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"field {name!r} holds half a surrogate pair") from error
    return str(value)


_TYPES = {
    dict: "an object",
    list: "a list",
    bool: "true or false",
    type(None): "null",
    _Number: "a number",
}


def _refuse(constant: str) -> None:
    raise ValueError(f"no JSON: {constant} is no number")


def _listed(names: Sequence[str] | dict[str, Any]) -> str:
    return ", ".join(names)
