"""What `generate` does in every task: options, and text as soon as it is made."""

import argparse
import inspect
import sys
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ._run import add_run_options, open_chosen

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
_STEP = 128  # tokens by which the room for a conversation grows


def add_writing_options(
    parser: argparse.ArgumentParser, prompt: str, *, required: bool, max_tokens: int
) -> None:
    """Add the options that say which run writes, to what, and how tokens are picked.

    Args:
        parser: Where to add them.
        prompt: What the prompt is.
        required: Whether there must be one, or else a conversation.
        max_tokens: How many tokens are made at most, where none says so.
    """
    add_run_options(parser)
    kinds = parser.add_mutually_exclusive_group(required=required)
    kinds.add_argument("--prompt", default="", metavar="TEXT", help=prompt)
    told = "converse by the model's chat template: each line of the input is a message"
    kinds.add_argument("--chat", action="store_true", help=told)
    for name, kind, metavar, told in _SAMPLING:
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=kind, metavar=metavar, help=told)
    parser.set_defaults(max_tokens=max_tokens)
    told = "end before this text; may be given several times"
    parser.add_argument("--stop", action="append", default=[], metavar="TEXT", help=told)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the samples")


def write(arguments: argparse.Namespace, *, first: str = "") -> None:
    """Do what the options say: print what the model makes of the prompt, or of each line of input.

    Args:
        arguments: The options.
        first: What is printed before that.

    Raises:
        UserError: An option has an impossible value, or the run cannot be used, or has no chat
            template that takes the conversation.
    """
    import numpy as np

    from ._tokenizer import special_ids, tokenizer_of

    sampling = _sampling(arguments)
    program, state, *_ = open_chosen(arguments)
    tokenizer = tokenizer_of(program.experiment.data)
    writer = Writer(program, program.model(state), tokenizer, sampling, arguments)
    if arguments.chat:
        _converse(writer, tokenizer)
        return
    print(first, end="", flush=True)
    start, end, _ = special_ids(tokenizer)
    writer.write(np.array([start, *tokenizer.encode(arguments.prompt)], np.int32), end)


def _sampling(arguments: argparse.Namespace) -> "Sampling":
    import fiddle as fdl

    from .. import configuration
    from ..generation import Sampling

    given = {name: getattr(arguments, name) for name, *_ in _SAMPLING}
    chosen = {name: value for name, value in given.items() if value is not None}
    return configuration.build(fdl.Config(Sampling, **chosen))


def _converse(writer: "Writer", tokenizer: Any) -> None:
    from ..tokenization.chat import Chat

    chat, messages = Chat(tokenizer), []
    invite = "> " if sys.stdin.isatty() else ""
    print(invite, end="", flush=True)
    for line in sys.stdin:
        messages.append({"role": "user", "content": line.rstrip("\n")})
        try:
            prompt = chat.encode_prompt(messages)
        except ValueError as error:
            raise UserError(str(error)) from error
        answer = writer.write(prompt, chat.end, step=_STEP)
        messages.append({"role": "assistant", "content": answer})
        print(invite, end="", flush=True)


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
