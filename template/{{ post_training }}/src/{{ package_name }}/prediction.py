"""What the trained model tells: its response to a prompt, the likeliest token at each step.

Prompts of your own files are answered by length, the longest first, so that what exceeds the memory
does so at once, and in arrays only as wide as they need; the output has the order of the files.
"""

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
from .training.prediction import Arrays, Chunk, Result

_TEXT = (".txt", ".txt.gz", ".txt.zst")
_HALVINGS = 3  # of the widest prompts; what generates is compiled for each width


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
        examples: list[tuple[int, Record]] = []
        blank: Record = {}
        found = _examples(sources, kind, problems, targets)
        for where, record, example in with_tokens(
            found, kind, data.tokenizer, data.train_on, problems
        ):
            lengths = measure(example, kind, data.tokenizer.encode)
            note_lengths(problems, where, lengths, data.lengths, "the model was made for no more")
            examples.append((lengths.prompt, example))
            blank |= dict.fromkeys(record, "")
        problems.check()
        if not examples:
            raise UserError(f"--source {' '.join(sources)}: the files hold no prompt")
        order = sorted(range(len(examples)), key=lambda number: -examples[number][0])
        for start in range(0, len(order), data.batch_size):
            numbers = order[start : start + data.batch_size]
            some = [examples[number][1] for number in numbers]
            rows = [
                {"number": number, **_row(example, data.KIND.expected, blank)}
                for number, example in zip(numbers, some, strict=True)
            ]
            some = [blank | example for example in some]
            some += [blank] * (data.batch_size - len(some))
            yield Chunk(data.batch(some) if targets else _narrowed(data.prompts(some)), rows)

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
        tokenizer, told, following = self.tokenizer, dict[int, dict[str, Any]](), 0
        for rows, _, outputs in results:
            for row, ids in zip(rows, outputs["response"], strict=True):
                made = {"prompt": row["prompt"], "response": tokenizer.decode(ids)}
                if "expected" in row:
                    made["expected"] = row["expected"]
                    made["correct"] = _same(made["response"], row["expected"])
                told[row["number"]] = made
            while following in told:
                yield told.pop(following)
                following += 1


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


def _narrowed(batch: Arrays) -> Arrays:
    """Prompts without what is padding before all of them, in one of a few widths."""
    longest, widest = batch["prompt_mask"].sum(axis=1).max(), batch["prompt"].shape[1]
    width = min(half for n in range(_HALVINGS + 1) if (half := widest >> n) >= longest)
    return {name: array[:, -width:] if array.ndim > 1 else array for name, array in batch.items()}


def _row(record: Record, expected: str, fields: Record) -> dict[str, Any]:
    """What the output says of an example: the same for all, if its value be unknown."""
    row: dict[str, Any] = {"prompt": record.get("text", record["prompt"])}
    if expected in fields:
        row["expected"] = record.get(expected) or None
    return row


def _same(response: str, expected: str | None) -> bool | None:
    """Whether two texts are the same, blanks around them aside."""
    return None if expected is None else response.strip() == expected.strip()
