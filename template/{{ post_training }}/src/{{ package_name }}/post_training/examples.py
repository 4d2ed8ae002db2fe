"""Examples as tokens, where their texts alone do not say which: conversations, and what is cut.

Such an example has token ids in place of texts, with the start of the prompt and the end of the
responses. Where not all tokens of a response count in the loss, a list of 0 and 1 beside it,
``response_mask``, says which do.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tokenization.tokenizer import Tokenizer
from ..training.prediction import Arrays
from .chat import Chat

Example = dict[str, Any]


def encode_conversation(
    messages: Example, responses: Sequence[str], chat: Chat, train_on: str
) -> Example:
    """A conversation as tokens; a response reaches from the first token that counts to the last.

    Args:
        messages: The messages of ``prompt`` and of each response.
        responses: The fields of the responses; of several, each is one message. Without any, the
            prompt ends with the beginning of the assistant's turn, and ``text`` is its text.
        chat: Writes them as text.
        train_on: Which turns of the assistant count: ``all``, or the ``last``, as always where
            there are several responses.

    Raises:
        ValueError: The chat template refuses it, or does not tell the assistant's turns.
    """
    if not responses:
        text, _ = chat.render(messages["prompt"], prompt=True)
        return {"prompt": chat.encode_prompt(messages["prompt"]).tolist(), "text": text}
    made: Example = {}
    turns = train_on if len(responses) == 1 else "last"
    for name in responses:
        ids, counts = chat.encode([*messages["prompt"], *messages[name]], turns)
        places = np.flatnonzero(counts)
        if not len(places) or places[0] == 0:
            raise ValueError("the chat template writes no turn of the assistant's behind a prompt")
        response = slice(places[0], places[-1] + 1)
        prompt = ids[: places[0]].tolist()
        if made.setdefault("prompt", prompt) != prompt:
            raise ValueError("the tokens of the prompt depend on the response that follows")
        made[name] = ids[response].tolist()
        if not counts[response].all():
            made[f"{name}_mask"] = counts[response].astype(int).tolist()
    return made


def encode_texts(record: Example, responses: Sequence[str], tokenizer: Tokenizer) -> Example:
    """An example of texts as tokens."""
    texts = {name: tokenizer.encode(record[name]).tolist() for name in responses}
    ends = {name: [*ids, tokenizer.end] for name, ids in texts.items()}
    return {"prompt": [tokenizer.start, *tokenizer.encode(record["prompt"]).tolist()], **ends}


def truncate(
    example: Example, responses: Sequence[str], room: tuple[int, int], side: str
) -> Example | None:
    """Cut an example to the room that there is.

    Args:
        example: Its tokens.
        responses: The fields of the responses.
        room: The most tokens of a prompt, and of a response.
        side: Where tokens are left out: ``left``, from the beginning of the conversation, so that
            what is too much of a response becomes a part of the prompt; ``right``, from its end;
            or ``drop``, all of them.

    Returns:
        The example; None where nothing is left that could be learned: also where the prompt had to
        be cut on the right, or one of several responses to a prompt on the left.
    """
    if side == "drop":
        return None
    prompt, (prompt_room, response_room) = example["prompt"], room
    over = max(0, max(len(example[name]) for name in responses) - response_room)
    if len(prompt) > prompt_room if side == "right" else over and len(responses) > 1:
        return None
    keep = slice(response_room) if side == "right" else slice(over, None)
    if side == "left":
        prompt = [*prompt, *example[responses[0]][:over]]
    parts = {name for response in responses for name in (response, f"{response}_mask")}
    cut = {name: example[name][keep] for name in parts & example.keys()}
    return {**example, **cut, "prompt": prompt[-prompt_room:]}


def marked(batch: Arrays, tokenizer: Tokenizer) -> list[str]:
    """The texts of a batch, with the tokens that count in the loss between ⟦ and ⟧."""
    spell = getattr(tokenizer, "spell", tokenizer.decode)
    responses = [name for name in batch if f"{name}_mask" in batch and name != "prompt"]
    told: list[str] = []
    for row in range(len(batch["weights"])):
        prompt = spell(batch["prompt"][row][batch["prompt_mask"][row]])
        for name in responses:
            ids, counts = batch[name][row], batch[f"{name}_mask"][row]
            length = int(np.flatnonzero(counts)[-1]) + 1
            runs = np.split(np.arange(length), np.flatnonzero(np.diff(counts[:length])) + 1)
            parts = (f"⟦{spell(ids[run])}⟧" if counts[run[0]] else spell(ids[run]) for run in runs)
            told.append(f"{name}: {prompt}{''.join(parts)}")
    return told
