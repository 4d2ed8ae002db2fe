"""From examples to a data set: checked, divided by the hash of the prompt, one record for each.

A record is the JSON of an example's texts. They become tokens when a batch is made, but all of them
are counted here, so that what does not fit is reported before anything is trained. Conversations,
and what is cut, are tokens already; see `post_training/examples.py`.
"""

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, NamedTuple

from .errors import UserError
from .post_training.chat import Chat
from .post_training.examples import encode_conversation, encode_texts, truncate
from .reporting.byte_progress import ByteProgress
from .samples import Record
from .sources import Kind, Problems, Source
from .storage.dataset import DataSet
from .storage.dataset_writer import DataSetWriter
from .storage.splitting import Splitter, split_lines
from .tokenization.keeping import keep_tokenizer
from .tokenization.tokenizer import Tokenizer, describe

PERCENT = (80, 10, 10)  # of the examples are for training, validation, and the test


class Lengths(NamedTuple):
    """Tokens of a prompt with its start, and of the longest response with its end."""

    prompt: int
    response: int


def measure(record: Record, kind: Kind, encode: Callable[[str], Sized]) -> Lengths:
    """Count the tokens of an example."""

    def count(part: str | list[int]) -> int:
        return 1 + len(encode(part)) if isinstance(part, str) else len(part)

    responses = (count(record[name]) for name in kind.responses)
    return Lengths(count(record["prompt"]), max(responses, default=1))


def note_lengths(
    problems: Problems,
    where: str,
    found: Lengths,
    most: Lengths,
    remedy: str = "raise that, or leave the example out",
) -> None:
    """Note an example that is longer than the data settings allow."""
    for part in Lengths._fields:
        tokens, limit = getattr(found, part), getattr(most, part)
        if tokens > limit:
            setting = f"data.max_{part}_tokens {limit}"
            problems.add(where, f"the {part} has {tokens} tokens, more than {setting}: {remedy}")


def with_tokens(
    examples: Iterable[tuple[str, Record]],
    kind: Kind,
    tokenizer: Tokenizer,
    train_on: str,
    problems: Problems,
) -> Iterator[tuple[str, Record, Record]]:
    """Where examples stand, and they, as they are and with conversations as tokens."""
    chat: Chat | None = None  # whoever has no conversation needs none
    for where, record in examples:
        example = record
        if not isinstance(record["prompt"], str):
            chat = chat or Chat(tokenizer)
            try:
                example = record | encode_conversation(record, kind.messages[1:], chat, train_on)
            except ValueError as error:
                problems.add(where, str(error))
                continue
        yield where, record, example


def write_examples(
    writer: DataSetWriter,
    source: Source,
    *,
    kind: Kind,
    tokenizer: Tokenizer,
    most: Lengths,
    train_on: str,
    too_long: str,
    progress: bool,
) -> dict[str, Any]:
    """Write the splits of a source.

    The order is that of the source. Examples with the same prompt are in one split, or those of one
    group. Memory holds digests only, and disk use peaks at about twice the examples.

    Args:
        writer: Where they go.
        source: The examples.
        kind: What they are.
        tokenizer: Counts the tokens.
        most: The tokens that an example may have.
        train_on: The turns of a conversation that count, as `data.ExampleData` has it.
        too_long: What becomes of an example that has more tokens, likewise.
        progress: Show progress on standard error.

    Returns:
        What the data set is to remember.

    Raises:
        UserError: A file cannot be read, examples are faulty, too long or too few, or a file cannot
            be written.
    """
    longest, columns = Lengths(0, 0), dict.fromkeys(kind.fields)
    problems, seen, counts = Problems(), set[bytes](), Counter[str]()
    together = source.group or "prompt"
    splitter, spool = Splitter(PERCENT, f"field {together!r}"), writer.spool()
    if source.group and kind.optional is not None:
        kind = dataclasses.replace(kind, optional=(*kind.optional, source.group))
    with ByteProgress("reading examples", source.size(), enabled=progress) as bar:
        found = source.examples(kind, problems, bar.advance)
        for where, record, example in with_tokens(found, kind, tokenizer, train_on, problems):
            digest = hashlib.sha256(_packed(record)).digest()
            if digest in seen:
                counts["duplicates"] += 1
                continue
            seen.add(digest)
            if together not in record:
                problems.add(where, f"no field {together!r}, which --group names")
                continue
            counts["texts" if example is record else "conversations"] += 1
            lengths = measure(example, kind, tokenizer.encode)
            if lengths.prompt > most.prompt or lengths.response > most.response:
                if too_long == "refuse":
                    note_lengths(problems, where, lengths, most)
                    continue
                if example is record:
                    example = record | encode_texts(record, kind.responses, tokenizer)
                cut = truncate(example, kind.responses, most, too_long)
                counts["dropped" if cut is None else "truncated"] += 1
                if cut is None:
                    continue
                example, lengths = cut, measure(cut, kind, tokenizer.encode)
            longest = Lengths(*map(max, longest, lengths))
            columns.update(dict.fromkeys(record))
            group = record[together]
            content = group.encode() if isinstance(group, str) else _packed(group)
            splitter.add(hashlib.sha256(content).digest())
            spool.add(_packed(example))
    problems.check()
    if not len(splitter):
        raise UserError("the source holds no example")
    chats = counts["conversations"]
    if chats and counts["texts"] and not kind.messages[1:]:
        raise UserError(
            f"{chats:,} prompts are conversations and {counts['texts']:,} are texts, whose "
            "responses end with different tokens: prepare them as two data sets"
        )
    splits, division = splitter.divide()
    keep_tokenizer(tokenizer, writer.scratch)
    for split, data in zip(splits, spool.take(), strict=True):
        writer.write(split, data)
    return {
        "kind": kind.name,
        "source": source.name,
        "fields": list(columns),
        "split": division,
        "duplicates": counts["duplicates"],
        "longest_prompt": longest.prompt,
        "longest_response": longest.response,
        **describe(tokenizer),
        **({"conversations": chats, "end": Chat(tokenizer).end} if chats else {}),
        **({"train_on": train_on} if chats and len(kind.messages) == 2 else {}),
        **{name: counts[name] for name in _LESS if counts[name]},
    }


_LESS = ("truncated", "dropped")  # what may become of an example that is too long


def _packed(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode()


def summary(data_set: DataSet) -> str:
    """Tell in a few lines what a data set of examples holds."""
    info = data_set.info
    lines = [f"{data_set.directory}: {info['kind']}, {info['source']}"]
    lines += split_lines(info["split"], "examples")
    lines.append(f"  fields {', '.join(info['fields'])}")
    lines.append(
        f"  at most {info['longest_prompt']:,} tokens in a prompt and {info['longest_response']:,} "
        f"in a response (tokenizer {info['tokenizer']})"
    )
    if info["duplicates"]:
        lines.append(f"  {info['duplicates']:,} repeated examples were dropped")
    if "conversations" in info:
        every = info.get("train_on") == "all"
        told = "all the assistant's turns count" if every else "the assistant's last turn counts"
        told = "" if info["kind"] == "prompts" else f", where {told}"
        lines.append(f"  {info['conversations']:,} conversations{told}")
    for name in _LESS:
        if name in info:
            lines.append(f"  {info[name]:,} examples that were too long were {name}")
    return "\n".join(lines)
