"""What the trained model tells: its response to a prompt, the likeliest token at each step."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from .completion import complete
from .errors import UserError
from .preparation import measure, note_lengths, with_tokens
from .reporting.records import write_records
from .samples import Record
from .settings import Size
from .sources import Kind, Problems, Source, decode, from_patterns, read_lines
from .tokenization.fitting import UsesTokenizer
from .training.prediction import Chunk, Result

_TEXT = (".txt", ".txt.gz", ".txt.zst")


class ResponsePrediction(UsesTokenizer):
    """Responses to prompts; where the right one is known, whether it is the same.

    Attributes:
        max_response_tokens: The most tokens that a response gets, its end included.
    """

    max_response_tokens: Size = 64

    def input_specs(self, data: Any) -> dict[str, jax.ShapeDtypeStruct]:
        """Tokens of the prompt and which of them are real, each of shape (max_prompt_tokens,)."""
        length = (data.max_prompt_tokens,)
        return {
            "prompt": jax.ShapeDtypeStruct(length, jnp.int32),
            "prompt_mask": jax.ShapeDtypeStruct(length, jnp.bool_),
        }

    def __call__(self, model: Any, inputs: dict[str, Array]) -> dict[str, Array]:
        """Int32 ``response``, (batch, max_response_tokens), padding behind its end."""
        response = complete(
            model,
            inputs["prompt"],
            inputs["prompt_mask"],
            max_tokens=self.max_response_tokens,
            end=self.end,
            pad=self.tokenizer.pad,
        )
        return {"response": response}

    def read(self, data: Any, sources: Sequence[str], *, targets: bool) -> Iterable[Chunk]:
        """Examples of JSON lines; without targets a prompt will do, as on each line of a text file.

        A right response that a line has is kept, to compare with.
        """
        kind, problems = data.KIND if targets else data.KIND.question, Problems()
        examples: list[Record] = []
        blank: Record = {}
        found = _examples(sources, kind, problems, targets)
        for where, record, example in with_tokens(
            found, kind, data.tokenizer, data.train_on, problems
        ):
            lengths = measure(example, kind, data.tokenizer.encode)
            note_lengths(problems, where, lengths, data.lengths, "the model was made for no more")
            examples.append(example)
            blank |= dict.fromkeys(record, "")
        problems.check()
        if not examples:
            raise UserError(f"--source {' '.join(sources)}: the files hold no prompt")
        rows = [_row(example, data.KIND.expected, blank) for example in examples]
        for start in range(0, len(examples), data.batch_size):
            some = [blank | example for example in examples[start : start + data.batch_size]]
            some += [blank] * (data.batch_size - len(some))
            batch = data.batch(some) if targets else data.prompts(some)
            yield Chunk(batch, rows[start : start + data.batch_size])

    def write_samples(self, model: Any, results: list[Result], path: Path) -> None:
        """Write prompts with the model's responses, as JSON lines."""
        tokenizer = self.tokenizer
        rows = [
            {"prompt": tokenizer.decode(prompt), "response": tokenizer.decode(response)}
            for _, batch, outputs in results
            for prompt, response in zip(batch["prompt"], outputs["response"], strict=True)
        ]
        write_records(rows, path.with_suffix(".jsonl"))

    def records(self, results: Iterable[Result]) -> Iterator[dict[str, Any]]:
        """One row for each prompt, with the response; and with the right one where any is known."""
        tokenizer = self.tokenizer
        for rows, _, outputs in results:
            for row, ids in zip(rows, outputs["response"], strict=True):
                told = {"prompt": row["prompt"], "response": tokenizer.decode(ids)}
                if "expected" in row:
                    told["expected"] = row["expected"]
                    told["correct"] = _same(told["response"], row["expected"])
                yield told


def _examples(
    patterns: Sequence[str], kind: Kind, problems: Problems, targets: bool
) -> Iterator[tuple[str, Record]]:
    for path in from_patterns(patterns).files:
        if not path.name.endswith(_TEXT):
            yield from Source((path,)).examples(kind, problems, lambda _: None)
            continue
        if targets:
            raise UserError(f"{path} holds prompts alone: give .jsonl files, with {kind.expected}")
        for where, line in read_lines(path, lambda _: None):
            try:
                yield where, {"prompt": decode(line).rstrip("\r\n")}
            except ValueError as error:
                problems.add(where, str(error))


def _row(record: Record, expected: str, fields: Record) -> dict[str, Any]:
    """What the output says of an example: the same for all, if its value be unknown."""
    row: dict[str, Any] = {"prompt": record.get("text", record["prompt"])}
    if expected in fields:
        row["expected"] = record.get(expected) or None
    return row


def _same(response: str, expected: str | None) -> bool | None:
    """Whether two texts are the same, blanks around them aside."""
    return None if expected is None else response.strip() == expected.strip()
