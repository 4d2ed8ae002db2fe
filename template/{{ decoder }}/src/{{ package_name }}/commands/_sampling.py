"""What commands share that let a model write: options, and text as soon as it is made."""

import argparse
import inspect
from typing import TYPE_CHECKING, Any

from ..errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from ..generation import Sampling
    from ..training.program import Program

_SAMPLING = ("max_tokens", "temperature", "top_k", "top_p", "min_p")


def add_sampling_options(parser: argparse.ArgumentParser, *, max_tokens: int) -> None:
    """Add the options that say how tokens are picked.

    Args:
        parser: Where to add them.
        max_tokens: How many are made at most, where none says so.
    """
    parser.add_argument(
        "--max-tokens", type=int, default=max_tokens, metavar="N", help="at most so many"
    )
    parser.add_argument(
        "--temperature", type=float, default=0.8, metavar="T", help="0 takes the likeliest token"
    )
    parser.add_argument("--top-k", type=int, default=0, metavar="K", help="0 considers all tokens")
    parser.add_argument(
        "--top-p", type=float, metavar="P", help="only the likeliest tokens that make up P together"
    )
    parser.add_argument(
        "--min-p",
        type=float,
        metavar="P",
        help="only tokens at least P times as likely as the best",
    )
    parser.add_argument(
        "--stop",
        action="append",
        default=[],
        metavar="TEXT",
        help="end before this text; may be given several times",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the samples")


def sampling_of(arguments: argparse.Namespace) -> "Sampling":
    """What the options say.

    Raises:
        UserError: An option has an impossible value.
    """
    from pydantic import ValidationError

    from ..generation import Sampling

    given = {name: getattr(arguments, name) for name in _SAMPLING}
    try:
        return Sampling(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problem = error.errors()[0]
        option = str(problem["loc"][0]).replace("_", "-")
        raise UserError(f"--{option}: {problem['msg'].removeprefix('Input ')}") from error


def write_text(
    program: "Program",
    model: Any,
    tokenizer: Any,
    sampling: "Sampling",
    arguments: argparse.Namespace,
    *,
    shown: str,
) -> None:
    """Let a model continue the prompt of the options, and print that as it is made.

    Args:
        program: The run's.
        model: The model.
        tokenizer: Its tokenizer.
        sampling: How tokens are picked.
        arguments: The options.
        shown: Printed before it.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np

    from ..generation import generate

    prompt = np.array([tokenizer.start, *tokenizer.encode(arguments.prompt)], np.int32)
    writer = _Writer(tokenizer, prompt, arguments.stop)
    known = inspect.signature(generate).parameters  # up to 0.5.0, it could not be watched
    more: dict[str, Any] = {"watch": writer} if "watch" in known else {}
    if "end" in known:
        more["end"] = tokenizer.end
    print(shown, end="", flush=True)
    with jax.set_mesh(program.mesh):
        key = jax.random.key(arguments.seed)
        made = generate(model, jnp.asarray(prompt)[None], key, sampling, **more)
        made = np.asarray(made)[0]
    for token in () if "watch" in more else made:
        if token == tokenizer.end or writer(np.array([token]))[0]:
            break
    writer.finish()


class _Writer:
    """Prints text as its tokens come, but for what may be the beginning of a stop string."""

    def __init__(self, tokenizer: Any, prompt: "np.ndarray", stops: list[str]) -> None:
        self._tokenizer, self._stops = tokenizer, stops
        self._ids = prompt.tolist()
        # A tokenizer may write the space between prompt and text only if it sees both.
        self._before = len(tokenizer.decode(prompt))
        self._printed, self._text, self._stopped = 0, "", False

    def __call__(self, tokens: "np.ndarray") -> "np.ndarray":
        """Take the next token of the one sequence; whether it is to end."""
        import numpy as np

        if not self._stopped:
            self._ids.append(int(tokens[0]))
            self._text = self._tokenizer.decode(np.array(self._ids))[self._before :]
            found = [at for stop in self._stops if (at := self._text.find(stop)) >= 0]
            self._stopped = bool(found)
            if found:
                self._text = self._text[: min(found)]
            held = max(map(len, self._stops), default=0)
            part = self._text[: max(0, len(self._text) - held)]
            if not part.endswith("\ufffd"):  # which may be half a character
                self._print(part)
        return np.full(tokens.shape, self._stopped)

    def finish(self) -> None:
        """Print the rest."""
        self._print(self._text)
        print()

    def _print(self, text: str) -> None:
        print(text[self._printed :], end="", flush=True)
        self._printed = max(self._printed, len(text))
