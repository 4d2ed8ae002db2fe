"""What an example is, and where examples come from.

There are three kinds: demonstrations (a prompt and its response), preferences (a prompt, a chosen
and a rejected response) and prompts (with what is to be answered). Each example has a row of its
own in the arrays of a batch, unless demonstrations are packed for training. A prompt is ``start``
and its tokens, with padding before it, so that all prompts of a batch end where the responses
begin. A response is its tokens and ``end``, with padding behind it. The masks tell tokens from
padding. What counts in a loss are the tokens of responses, ends included, and never those of
prompts: it is the masks of responses. The response of a conversation reaches from the first token
that counts to the last; between them stand the other side's turns, where the mask is False too.

Which examples form the batch of a step stands in ``training/indexed_data.py``.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Int32
from pydantic import Field, field_validator

from . import preparation, sources
from .errors import UserError
from .post_training.examples import marked
from .post_training.packing import PackedExamples
from .samples import SAMPLES, Record
from .settings import FREE
from .storage.dataset import DataSet
from .storage.dataset_writer import DataSetWriter
from .tokenization.fitting import TokenizedData
from .tokenization.keeping import read_tokenizer
from .tokenizer import TOKENIZER
from .training.indexed_data import Draws, Examples, Numbers
from .training.prediction import Arrays

_BEGINNING = 60  # characters of a prompt that tell which it is


class ExampleData(TokenizedData):
    """A prepared data set of examples and how it is read.

    Attributes:
        directory: Where the prepared data set stands.
        batch_size: Examples in a batch, over all processes together.
        threads: Threads that read ahead.
        max_prompt_tokens: Places for a prompt and its start.
        max_response_tokens: Places for a response and its end.
        too_long: What becomes of an example that needs more places when it is prepared: ``refuse``
            all and say so, ``drop`` it, or cut it on the ``left`` or the ``right``.
        train_on: Which turns of the assistant count in a conversation: ``all``, or the ``last``.
        tokenizer_from: Where `prepare` reads the tokenizer from, unless it is told otherwise; it
            must be that of the model, so take the run to start from. None for bytes.
        sample: The sample that is prepared where no files are given, one of `samples.SAMPLES`.
        KIND: The kind of the examples.
    """

    directory: str = "data/examples"
    max_prompt_tokens: int = Field(default=64, ge=2, le=1 << 20)
    max_response_tokens: int = Field(default=64, ge=2, le=1 << 20)
    too_long: Annotated[Literal["refuse", "drop", "left", "right"], FREE] = "refuse"
    train_on: Literal["all", "last"] = "all"
    tokenizer_from: Annotated[str | None, FREE] = None
    sample: str = "reverse"

    KIND: ClassVar[sources.Kind]

    @field_validator("sample")
    @classmethod
    def _is_a_sample(cls, name: str) -> str:
        if name not in SAMPLES:
            raise ValueError(f"there is no sample {name!r}, only {', '.join(SAMPLES)}")
        return name

    @property
    def lengths(self) -> preparation.Lengths:
        """The most tokens that an example may have."""
        return preparation.Lengths(self.max_prompt_tokens, self.max_response_tokens)

    def prepare(self, source: sources.Source, *, overwrite: bool, progress: bool) -> str:
        """Write the data set, and return a summary of it.

        Raises:
            UserError: The source cannot be used, or the data set not be written.
        """
        path = source.tokenizer or self.tokenizer_from
        tokenizer = TOKENIZER if path is None else read_tokenizer(Path(path))
        with DataSetWriter(Path(self.directory), overwrite=overwrite) as writer:
            info = preparation.write_examples(
                writer,
                source if source.files else sources.sample(source.sample or self.sample),
                kind=self.KIND,
                tokenizer=tokenizer,
                most=self.lengths,
                train_on=self.train_on,
                too_long=self.too_long,
                progress=progress,
            )
            told = [preparation.summary(writer.commit(info))]
        if source.show:
            train = self.examples("train")
            shown = np.arange(min(source.show, len(train)))
            told += marked(train.read(shown), self.tokenizer)
        return "\n".join(told)

    def prepare_sample(self, *, progress: bool) -> str:
        """Write the sample as the data set, and return a summary of it."""
        return self.prepare(sources.sample(), overwrite=False, progress=progress)

    def examples(self, split: str) -> Examples:
        """The examples of a split.

        Raises:
            UserError: The data set is not there, or is of another kind, or does not fit the run's
                tokenizer or the lengths.
        """
        data_set = self.open(self.KIND.name)
        for part, limit in self.lengths._asdict().items():
            longest = data_set.info[f"longest_{part}"]
            if longest > limit:
                raise UserError(
                    f"data.max_{part}_tokens {limit} is too small: the longest {part} of "
                    f"{self.directory} has {longest} tokens"
                )
        if (turns := data_set.info.get("train_on", self.train_on)) != self.train_on:
            raise UserError(
                f"{self.directory} was prepared with data.train_on={turns}: set that, or prepare "
                "it again with --overwrite"
            )
        return StoredExamples(data_set, split, self)

    def batch(self, records: Sequence[Record]) -> Arrays:
        """Make a batch.

        Args:
            records: Texts of examples, or their tokens (see `post_training/examples.py`), none too
                long, all with the same fields; an example whose prompt is empty is padding.

        Returns:
            ``prompt``, int32 ``[batch, max_prompt_tokens]``, and each of the kind's responses,
            int32 ``[batch, max_response_tokens]``, all with a ``_mask`` of bool; ``weights``,
            float32 ``[batch]``.
        """
        made = self.prompts(records)
        for name in self.KIND.responses:
            made[name], made[f"{name}_mask"] = self._rows(records, name, self.max_response_tokens)
        return made

    def prompts(self, records: Sequence[Record]) -> Arrays:
        """The arrays that follow from prompts alone: ``prompt``, ``prompt_mask``, ``weights``."""
        tokens, mask = self._rows(records, "prompt", self.max_prompt_tokens)
        real = np.array([bool(record["prompt"]) for record in records])
        return {"prompt": tokens, "prompt_mask": mask, "weights": real.astype(np.float32)}

    def _rows(self, records: Sequence[Record], field: str, length: int) -> "Rows":
        """Texts or tokens as rows; those of a prompt go to the end of its row."""
        tokenizer, left = self.tokenizer, field == "prompt"
        tokens = np.full((len(records), length), tokenizer.pad, np.int32)
        mask = np.zeros(tokens.shape, bool)
        for row, record in enumerate(records):
            if not record["prompt"]:
                continue
            ids = record[field]
            if isinstance(ids, str):
                ids = tokenizer.encode(ids)
                ids = [tokenizer.start, *ids] if left else [*ids, tokenizer.end]
            if left:  # padding that a text spells out would be taken for padding
                ids = [token for token in ids if token != tokenizer.pad]
            part = slice(length - len(ids), None) if left else slice(len(ids))
            tokens[row, part], mask[row, part] = ids, record.get(f"{field}_mask", True)
        return tokens, mask


Rows = tuple[Int32[np.ndarray, "batch seq_len"], Bool[np.ndarray, "batch seq_len"]]


class Demonstrations(ExampleData):
    """Prompts and the responses that a model is to imitate.

    Attributes:
        pack: In training, fill each row with as many short examples as it has room for; a row has
            the places of the longest prompt and response, and `batch_size` counts rows.
    """

    directory: str = "data/demonstrations"
    pack: bool = False

    KIND: ClassVar[sources.Kind] = sources.DEMONSTRATIONS

    @property
    def tokens_per_batch(self) -> int:
        """Places for tokens in a batch, over all processes together."""
        return self.batch_size * sum(self.lengths)

    def training_examples(self) -> Examples:
        """The examples of ``train``, packed if the settings say so.

        Raises:
            UserError: As `examples` does.
        """
        examples = self.examples("train")
        return PackedExamples(examples, sum(self.lengths)) if self.pack else examples


class Preferences(ExampleData):
    """Prompts, each with a response that is preferred to another."""

    directory: str = "data/preferences"

    KIND: ClassVar[sources.Kind] = sources.PREFERENCES

    @property
    def tokens_per_batch(self) -> int:
        """Places for tokens in a batch, over all processes together; prompts count twice."""
        return 2 * self.batch_size * sum(self.lengths)


class Prompts(ExampleData):
    """Prompts whose responses the model makes itself, with what is known of the right ones."""

    directory: str = "data/prompts"

    KIND: ClassVar[sources.Kind] = sources.PROMPTS

    @field_validator("too_long")
    @classmethod
    def _cuts_nothing(cls, choice: str) -> str:
        if choice in ("left", "right"):
            raise ValueError("rewards need whole texts: choose refuse or drop")
        return choice

    def batch(self, records: Sequence[Record]) -> Arrays:
        """Make a batch.

        Returns:
            The arrays of demonstrations, with the answer as the response, and texts, as arrays of
            strings ``[batch]``: ``text``, the prompt, a conversation as the chat template writes
            it; ``answer``; and each further field.
        """
        made = super().batch(records)
        made["response"], made["response_mask"] = made.pop("answer"), made.pop("answer_mask")
        made["text"] = np.array([each.get("text", each["prompt"]) for each in records], np.str_)
        for name in records[0]:
            if name not in ("prompt", "text"):
                made[name] = np.array([record[name] for record in records], np.str_)
        return made


class StoredExamples:
    """The examples of a split as batches."""

    def __init__(self, data_set: DataSet, split: str, data: ExampleData) -> None:
        self._records = data_set.source(split)
        self._blank: Record = dict.fromkeys(data_set.info["fields"], "")
        self._data = data

    def __len__(self) -> int:
        """How many examples."""
        return len(self._records)

    def read(self, numbers: Numbers, draws: Draws | None = None) -> Arrays:
        """Make a batch; at number -1 stands an example of weight 0."""
        found = self._records.__getitems__(np.maximum(numbers, 0).tolist())
        return self._data.batch(
            [
                self._blank | (json.loads(record) if number >= 0 else {})
                for number, record in zip(numbers.tolist(), found, strict=True)
            ]
        )

    def locate(self, number: int) -> str:
        """Where an example is stored, and the beginning of its prompt."""
        prompt = json.loads(self._records[number])["prompt"]
        if not isinstance(prompt, str):
            prompt = self._data.tokenizer.decode(np.array(prompt))
        return f"{self._records.locate(number)}: {prompt[:_BEGINNING]!r}"
