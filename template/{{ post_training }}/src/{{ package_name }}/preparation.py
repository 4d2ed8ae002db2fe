"""From examples to a data set: checked, divided by the hash of the prompt, one record for each.

A record is the JSON of an example's texts. They become tokens when a batch is made, but all of them
are counted here, so that what does not fit is reported before anything is trained.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sized
from typing import Any, NamedTuple

from .errors import UserError
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
    responses = (len(encode(record[name])) for name in kind.responses)
    return Lengths(1 + len(encode(record["prompt"])), 1 + max(responses, default=0))


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


def write_examples(
    writer: DataSetWriter,
    source: Source,
    *,
    kind: Kind,
    tokenizer: Tokenizer,
    most: Lengths,
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
        progress: Show progress on standard error.

    Returns:
        What the data set is to remember.

    Raises:
        UserError: A file cannot be read, examples are faulty, too long or too few, or a file cannot
            be written.
    """
    longest, columns = Lengths(0, 0), dict.fromkeys(kind.fields)
    problems, seen, duplicates = Problems(), set[bytes](), 0
    together = source.group or "prompt"
    splitter, spool = Splitter(PERCENT, f"field {together!r}"), writer.spool()
    if source.group and kind.optional is not None:
        kind = dataclasses.replace(kind, optional=(*kind.optional, source.group))
    with ByteProgress("reading examples", source.size(), enabled=progress) as bar:
        for where, record in source.examples(kind, problems, bar.advance):
            data = json.dumps(record, ensure_ascii=False, sort_keys=True).encode()
            digest = hashlib.sha256(data).digest()
            if digest in seen:
                duplicates += 1
                continue
            seen.add(digest)
            found = measure(record, kind, tokenizer.encode)
            note_lengths(problems, where, found, most)
            longest = Lengths(*map(max, longest, found))
            columns.update(dict.fromkeys(record))
            if together not in record:
                problems.add(where, f"no field {together!r}, which --group names")
                continue
            splitter.add(hashlib.sha256(record[together].encode()).digest())
            spool.add(data)
    problems.check()
    if not len(splitter):
        raise UserError("the source holds no example")
    splits, division = splitter.divide()
    keep_tokenizer(tokenizer, writer.scratch)
    for split, data in zip(splits, spool.take(), strict=True):
        writer.write(split, data)
    return {
        "kind": kind.name,
        "source": source.name,
        "fields": list(columns),
        "split": division,
        "duplicates": duplicates,
        "longest_prompt": longest.prompt,
        "longest_response": longest.response,
        **describe(tokenizer),
    }


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
    return "\n".join(lines)
