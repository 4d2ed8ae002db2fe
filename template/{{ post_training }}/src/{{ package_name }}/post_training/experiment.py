"""An experiment of post-training."""

from pathlib import Path
from typing import Any

import jax
from jax.sharding import Mesh
from pydantic import model_validator

from ..errors import UserError
from ..training.experiment import Experiment
from ..training.program import Program
from .methods import Method


class PostTraining(Experiment):
    """A run whose steps Tunix makes.

    Attributes:
        method: How the model is trained.
        start_from: Folder of the run whose weights this one begins with, of this project or of one
            that trains a language model; None begins with random weights. A run keeps a copy of
            them in its folder, so the other run may go on or away.
    """

    method: Method
    start_from: str | None = None

    @model_validator(mode="after")
    def _method_fits(self) -> "PostTraining":
        if self.loop.micro_batches != 1:
            raise ValueError("loop.micro_batches: Tunix takes a batch as a whole; leave it at 1")
        if self.safety.debug_nans:
            raise ValueError("safety.debug_nans: not with Tunix; set JAX_DEBUG_NANS=1 instead")
        kind = getattr(getattr(self.data, "KIND", None), "name", "other data")
        if kind != self.method.DATA:
            raise ValueError(
                f"data: {type(self.method).__name__} learns from {self.method.DATA}, not {kind}"
            )
        tokenizer = self.tokenizer
        if self.vocab_size < tokenizer.vocab_size:
            raise ValueError(
                f"model.vocab_size: {self.vocab_size} is less than the {tokenizer.vocab_size} ids "
                f"of the tokenizer {tokenizer.name!r}"
            )
        return self

    @property
    def tokenizer(self) -> Any:
        """The data's tokenizer."""
        data: Any = self.data
        return data.tokenizer

    @property
    def vocab_size(self) -> int:
        """Entries of the model's vocabulary."""
        return self.plain_model.vocab_size

    @property
    def plain_model(self) -> Any:
        """Settings of the model, those below LoRA."""
        return getattr(self.model, "base", self.model)

    def make_program(self, mesh: Mesh, run: Path | None) -> Program:
        """The program whose steps Tunix makes.

        Raises:
            UserError: There are several processes, or the weights to start from are not there.
        """
        if jax.process_count() > 1:
            raise UserError(
                "post-training runs in one process, on all devices that it sees: start it without "
                "JAX_COORDINATOR_ADDRESS"
            )
        from .program import make_tunix_program

        return make_tunix_program(self, mesh, run)
