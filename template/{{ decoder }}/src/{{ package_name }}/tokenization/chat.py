"""Conversations as a model's own chat template writes them, and which tokens are the assistant's.

Templates are written for transformers, so they are rendered as its `apply_chat_template` does: in
Jinja's sandbox, with the same names. Nothing that a template says can run anything else.
"""

import datetime
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
from jaxtyping import Bool
from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..errors import UserError
from .files import CHAT_TEMPLATE
from .json_files import read_json_if_there
from .specials import BESIDE, token_text
from .tokenizer import Ids, Tokenizer

_MARKS: Final = ("\ufdd0", "\ufdd1")  # around a generation block; Unicode has them for such uses

Message = Mapping[str, Any]
"""``role`` and ``content``, texts, and whatever else a template reads."""

Span = tuple[int, int]  # the characters of a turn, from one up to another


class Chat:
    """The chat template of a tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Compile the template that lies beside a tokenizer.

        Raises:
            UserError: There is none, or it cannot be used.
        """
        encode = getattr(tokenizer, "encode_with_offsets", None)
        if encode is None:
            raise UserError(
                f"tokenizer {tokenizer.name} cannot read conversations: give that of a chat model, "
                "a folder with tokenizer.json and its chat template, by --tokenizer"
            )
        self._encode: Callable[[str], tuple[Ids, Any]] = encode
        self._tokenizer = tokenizer
        self._specials = _special_tokens(tokenizer.files)
        source = _source(tokenizer.files)
        extensions = ("jinja2.ext.loopcontrols", _Generation)
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=extensions
        )
        environment.filters["tojson"] = _to_json
        environment.globals.update(raise_exception=_raise, strftime_now=_now)
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise UserError(f"the chat template is no template of Jinja: {error}") from error

    def encode(
        self, messages: Sequence[Message], train_on: str
    ) -> tuple[Ids, Bool[np.ndarray, " seq_len"]]:
        """A conversation as tokens.

        Args:
            messages: The conversation, whose last message is the assistant's.
            train_on: Which turns of the assistant count in the loss: ``all``, or the ``last``.

        Returns:
            Its ids, and which of them count.

        Raises:
            ValueError: The template refuses the conversation, or does not tell the turns.
        """
        text, spans = self.render(messages)
        if not spans:  # the template has no generation blocks
            turns = [at for at, message in enumerate(messages) if message["role"] == "assistant"]
            chosen = turns[-1:] if train_on == "last" else turns
            spans = [self._turn(messages, at, text) for at in chosen]
        ids, offsets = self._encode(text)
        starts, stops = offsets.T
        counts = np.zeros(len(ids), bool)
        for first, last in spans[-1:] if train_on == "last" else spans:
            # The offsets of a token of blanks may be cut to nothing behind them.
            counts |= (stops > first) & (np.minimum(starts, stops - 1) < last)
        return ids, counts

    def encode_prompt(self, messages: Sequence[Message]) -> Ids:
        """A conversation, and the beginning of the assistant's turn that follows it, as tokens."""
        return self._encode(self.render(messages, prompt=True)[0])[0]

    @property
    def end(self) -> int:
        """The token that ends a turn of the assistant's, which may be another than ends a text."""
        talk = [{"role": role, "content": "x"} for role in ("user", "assistant")]
        ids, counts = self.encode(talk, "last")
        special = ids[counts & (self._tokenizer.sizes[ids] == 0)]
        return int(special[-1]) if len(special) else self._tokenizer.end

    def render(
        self, messages: Sequence[Message], *, prompt: bool = False
    ) -> tuple[str, list[Span]]:
        """A conversation as text, and the generation blocks in it.

        Args:
            messages: The conversation.
            prompt: End with the beginning of an assistant's turn, which a model is to continue.

        Raises:
            ValueError: The template refuses the conversation; the message says why.
        """
        try:
            given = {"messages": messages, "tools": None, "documents": None, **self._specials}
            marked = self._template.render(given, add_generation_prompt=prompt)
        except Exception as error:  # whatever its expressions raise
            raise ValueError(f"the chat template refuses the conversation: {error}") from error
        text, spans = "", []
        for number, piece in enumerate(re.split("|".join(_MARKS), marked)):
            if number % 2:
                spans.append((len(text), len(text) + len(piece)))
            text += piece
        return text, spans

    def _turn(self, messages: Sequence[Message], at: int, text: str) -> Span:
        """Where a message stands: behind all that a model sees when it is to write it."""
        before, _ = self.render(messages[:at], prompt=True)
        through, _ = self.render(messages[: at + 1])
        if not (through.startswith(before) and text.startswith(through)):
            raise ValueError(
                f"the chat template writes the messages up to number {at + 1} otherwise when more "
                "follow, so the assistant's turns cannot be told: put {% generation %} and "
                "{% endgeneration %} around them in the template, or set data.train_on to last"
            )
        return len(before), len(through)


class _Generation(Extension):
    """Blocks from ``{% generation %}`` to ``{% endgeneration %}``: what the assistant writes."""

    tags = {"generation"}  # noqa: RUF012 - as Jinja has it

    def parse(self, parser: Parser) -> nodes.Node:
        """Put marks around a block."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        first, last = (nodes.Output([nodes.TemplateData(mark)], lineno=line) for mark in _MARKS)
        return nodes.Scope([first, *body, last], lineno=line)


def _source(files: Mapping[str, Path]) -> str:
    """The template: a file of its own, or a field of the tokenizer's configuration."""
    if CHAT_TEMPLATE in files:
        return files[CHAT_TEMPLATE].read_text(encoding="utf-8")
    found = read_json_if_there(files.get(BESIDE[0])).get("chat_template")
    if isinstance(found, list):
        found = {each["name"]: each["template"] for each in found}.get("default")
    if not isinstance(found, str):
        folder = next(iter(files.values())).parent
        raise UserError(
            f"{folder} has no chat template: put {CHAT_TEMPLATE} there, or chat_template into "
            f"{BESIDE[0]}"
        )
    return found


def _special_tokens(files: Mapping[str, Path]) -> dict[str, str]:
    """Texts of the special tokens, such as ``bos_token``, as templates call them."""
    told = [read_json_if_there(files.get(name)) for name in reversed(BESIDE)]
    named = {name: token for each in told for name, token in each.items()}
    texts = {name: token_text(each) for name, each in named.items() if name.endswith("_token")}
    return {name: text for name, text in texts.items() if isinstance(text, str)}


def _raise(message: str) -> NoReturn:
    raise TemplateError(message)


def _now(form: str) -> str:
    return datetime.datetime.now().strftime(form)


def _to_json(value: Any, ensure_ascii: bool = False, **options: Any) -> str:
    """JSON without the escapes of HTML, which Jinja's own filter puts in."""
    return json.dumps(value, ensure_ascii=ensure_ascii, **options)
