"""What commands share that let a model write: options, and text as soon as it is made."""

import argparse
import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from ..generation import Sampling
    from ..training.program import Program

_SAMPLING = (  # name, type, metavar, help
    ("max_tokens", int, "N", "at most so many"),
    ("temperature", float, "T", "0 takes the likeliest token (default: 0.8)"),
    ("top_k", int, "K", "only the K likeliest tokens"),
    ("top_p", float, "P", "only the likeliest tokens that make up P together"),
    ("min_p", float, "P", "only tokens at least P times as likely as the likeliest"),
)


def add_sampling_options(parser: argparse.ArgumentParser, *, max_tokens: int) -> None:
    """Add the options that say how tokens are picked.

    Args:
        parser: Where to add them.
        max_tokens: How many are made at most, where none says so.
    """
    for name, kind, metavar, told in _SAMPLING:
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=kind, metavar=metavar, help=told)
    parser.set_defaults(max_tokens=max_tokens)
    told = "end before this text; may be given several times"
    parser.add_argument("--stop", action="append", default=[], metavar="TEXT", help=told)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the samples")


def sampling_of(arguments: argparse.Namespace) -> "Sampling":
    """What the options say.

    Raises:
        UserError: An option has an impossible value.
    """
    import fiddle as fdl

    from .. import configuration
    from ..generation import Sampling

    given = {name: getattr(arguments, name) for name, *_ in _SAMPLING}
    chosen = {name: value for name, value in given.items() if value is not None}
    return configuration.build(fdl.Config(Sampling, **chosen))


class Writer:
    """Lets a model write, and prints that as it comes, but for the beginning of a stop string."""

    def __init__(
        self,
        program: "Program",
        model: Any,
        tokenizer: Any,
        sampling: "Sampling",
        arguments: argparse.Namespace,
    ) -> None:
        """Keep what it takes.

        Args:
            program: The run's.
            model: The model.
            tokenizer: Its tokenizer.
            sampling: How tokens are picked.
            arguments: The options.
        """
        self._program, self._model, self._sampling = program, model, sampling
        self._tokenizer, self._stops, self._seed = tokenizer, arguments.stop, arguments.seed

    def write_text(self, text: str) -> None:
        """Continue a text."""
        import numpy as np

        from ._tokenizer import special_ids

        start, end, _ = special_ids(self._tokenizer)
        self.write(np.array([start, *self._tokenizer.encode(text)], np.int32), end)

    def write(self, prompt: "np.ndarray", end: int, *, step: int = 1) -> str:
        """Continue a prompt.

        Args:
            prompt: Its token ids.
            end: The id that ends the text.
            step: Prompts are padded to multiples of it, and compiled for each once.

        Returns:
            What was printed.
        """
        import jax
        import jax.numpy as jnp
        import numpy as np

        from ..generation import generate

        self._ids: np.ndarray = prompt
        # A tokenizer may write the space between prompt and text only if it sees both.
        self._before = len(self._tokenizer.decode(prompt))
        self._text, self._printed, self._stopped = "", 0, False
        options: dict[str, Any] = {"watch": self, "end": end}
        if padding := -len(prompt) % step:
            prompt = np.pad(prompt, (padding, 0), constant_values=end)
            options["starts"] = jnp.array([padding], jnp.int32)
        known = inspect.signature(generate).parameters  # those of older projects cannot be watched
        options = {name: value for name, value in options.items() if name in known}
        with jax.set_mesh(self._program.mesh):
            key, tokens = jax.random.key(self._seed), jnp.asarray(prompt)[None]
            made = np.asarray(generate(self._model, tokens, key, self._sampling, **options))
        for token in () if "watch" in known else made[0]:
            self(token[None])
        self._print(self._text)
        print()
        return self._text

    def __call__(self, tokens: "np.ndarray") -> "np.ndarray":
        """Take the next token of the one sequence; whether it is to end."""
        import numpy as np

        if not self._stopped:
            self._ids = np.append(self._ids, tokens)
            text = self._tokenizer.decode(self._ids)[self._before :]
            found = [at for stop in self._stops if (at := text.find(stop)) >= 0]
            self._stopped, self._text = bool(found), text[: min(found, default=None)]
            sure = self._text[: max(0, len(text) - max(map(len, self._stops), default=0))]
            if not sure.endswith("\ufffd"):  # which may be half a character
                self._print(sure)
        return np.full(tokens.shape, self._stopped)

    def _print(self, text: str) -> None:
        print(text[self._printed :], end="", flush=True)
        self._printed = max(self._printed, len(text))
