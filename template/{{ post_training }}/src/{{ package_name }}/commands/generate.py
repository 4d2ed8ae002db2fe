"""Let a run's model respond to a prompt."""

import argparse
import sys
from typing import Any

from ..errors import UserError
from ._run import add_run_options, open_chosen
from ._sampling import Writer, add_sampling_options, sampling_of

_STEP = 128  # tokens by which the room for a conversation grows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_run_options(parser)
    kinds = parser.add_mutually_exclusive_group(required=True)
    kinds.add_argument("--prompt", metavar="TEXT", help="the prompt")
    kinds.add_argument(
        "--chat",
        action="store_true",
        help="converse by the model's chat template: each line of the input is a message",
    )
    add_sampling_options(parser, max_tokens=64)


def run(arguments: argparse.Namespace) -> None:
    """Carry out the command: print the response, or one to each line of the input.

    Raises:
        UserError: The run cannot be used, or has no chat template that takes the conversation.
    """
    sampling = sampling_of(arguments)
    program, state, *_ = open_chosen(arguments)
    data: Any = program.experiment.data
    writer = Writer(program, program.model(state), data.tokenizer, sampling, arguments)
    if arguments.chat:
        _converse(writer, data.tokenizer)
    else:
        writer.write_text(arguments.prompt)


def _converse(writer: Writer, tokenizer: Any) -> None:
    from ..post_training.chat import Chat

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
