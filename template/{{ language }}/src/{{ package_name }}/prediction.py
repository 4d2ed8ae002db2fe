"""What the trained model tells: the logits of the next token, and what a text costs it."""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Int32
from pydantic import Field, PrivateAttr

from .data import make_batch
from .documents import Found, Reading
from .errors import UserError
from .files import write_atomically
from .generation import Sampling, generate
from .model import Transformer
from .sources import Source, from_patterns
from .tokenization.fitting import UsesTokenizer
from .tokenization.tokenizer import Tokenizer
from .training.prediction import Chunk, Result

_SAMPLES = 4


class TextPrediction(UsesTokenizer):
    """Next-token logits; over files, the bits that each document costs the model.

    Bits per byte are what a compressor that asks the model would need: a common measure of how
    expected a text is, with which corpora are sorted and filtered.

    Attributes:
        seed: Of the samples that are written while a model is trained.
    """

    seed: int = Field(default=0, ge=0, lt=2**32)
    _reading: Reading = PrivateAttr(default_factory=Reading)

    def fitted(self, info: Mapping[str, Any]) -> "TextPrediction":
        """A copy that reads files as those of the data set were read."""
        fitted: TextPrediction = super().fitted(info)
        fitted._reading = Reading(**info.get("reading", {}))
        return fitted

    def input_specs(self, data: Any) -> dict[str, jax.ShapeDtypeStruct]:
        """Tokens with their documents and their positions, each of shape (seq_len,)."""
        row = jax.ShapeDtypeStruct((data.seq_len,), jnp.int32)
        return {"tokens": row, "segments": row, "positions": row}

    def __call__(self, model: Transformer, inputs: dict[str, Array]) -> dict[str, Array]:
        """Float32 ``logits`` of the token that follows each, (batch, seq_len, vocab_size)."""
        return {"logits": model(inputs["tokens"], inputs["segments"], inputs["positions"])}

    def read(self, data: Any, sources: Sequence[str], *, targets: bool) -> Iterable[Chunk]:
        """Documents of text files, each cut into windows of its own; see `sources.py`.

        Long ones are read piece by piece, and are one document nevertheless. A text carries its
        targets in itself, so `targets` makes no difference.
        """
        tokenizer: Tokenizer = data.tokenizer
        windows = _windows(from_patterns(sources, self._reading), data.seq_len, tokenizer)
        while some := list(itertools.islice(windows, data.batch_size)):
            filler = np.full(data.seq_len + 1, tokenizer.pad, np.int32)
            tokens = [window for _, window in some] + [filler] * (data.batch_size - len(some))
            yield Chunk(make_batch(np.stack(tokens), tokenizer), [row for row, _ in some])

    def write_samples(self, model: Transformer, results: list[Result], path: Path) -> None:
        """Write continuations of the first lines of some documents, at temperature 0.8."""
        prompts = np.concatenate([result.batch["tokens"] for result in results])[:_SAMPLES]
        prompts = prompts[:, : prompts.shape[1] // 2]
        decode, key = self.tokenizer.decode, jax.random.key(self.seed)
        made = generate(model, jnp.asarray(prompts), key, Sampling(), end=self.tokenizer.end)
        texts = [
            f"{decode(prompt)}\n[continued]\n{decode(tokens)}\n"
            for prompt, tokens in zip(prompts, np.asarray(made), strict=True)
        ]
        write_atomically(path.with_suffix(".txt"), f"\n{'=' * 80}\n".join(texts))

    def records(self, results: Iterable[Result]) -> Iterator[dict[str, Any]]:
        """One row for each document: where it stands, its length, and what it costs."""
        for (where, number), windows in itertools.groupby(_costs(results), lambda cost: cost[:2]):
            size, bits = np.sum([cost[2:] for cost in windows], axis=0).tolist()
            yield {
                "document": where,
                "number": number,
                "bytes": int(size),
                "bits": round(bits, 2),
                "bits_per_byte": round(bits / size, 4) if size else math.nan,
            }


def _windows(
    source: Source, seq_len: int, tokenizer: Tokenizer
) -> Iterator[tuple[dict[str, Any], Int32[np.ndarray, " window"]]]:
    number, begun, where = 0, np.empty(0, np.int32), ""
    pieces = itertools.chain(source.pieces(lambda _: None, Found()), [None])
    for piece in pieces:
        ends = number > 0 and (piece is None or piece.begins)
        begun = np.append(begun, np.int32(tokenizer.end)) if ends else begun
        row = {"document": where, "number": number}
        whole = max(len(begun) - 1, 0) // seq_len
        for at in range(whole):
            yield row, begun[at * seq_len : (at + 1) * seq_len + 1]
        begun = begun[whole * seq_len :]
        if ends and len(begun) > 1:
            fill = (0, seq_len + 1 - len(begun))
            yield row, np.pad(begun, fill, constant_values=tokenizer.pad)
        if piece is not None:
            if piece.begins:
                number, where = number + 1, piece.where
                begun = np.array([tokenizer.start], np.int32)
            begun = np.concatenate([begun, tokenizer.encode(piece.text.decode())])
    if not number:
        raise UserError(f"--source {source.name}: the files hold no document")


def _costs(results: Iterable[Result]) -> Iterator[tuple[str, int, int, float]]:
    """For each window the name and number of its document, its bytes, and the bits they cost."""
    for rows, batch, outputs in results:
        logits, targets = outputs["logits"], batch["targets"]
        nats = optax.losses.softmax_cross_entropy_with_integer_labels(logits, targets)
        there = batch["weights"] > 0
        sizes = np.sum(batch["bytes"], axis=1)
        bits = np.sum(np.asarray(nats) * there, axis=1) / math.log(2)
        for row, size, cost in zip(rows, sizes.tolist(), bits.tolist(), strict=True):
            yield row["document"], row["number"], size, cost
