"""The messages of a conversation, as they stand in files."""

from collections.abc import Mapping
from typing import Any

Message = dict[str, Any]
"""``role`` and ``content``, texts, and whatever else a chat template reads."""


def split_conversation(content: Mapping[str, Any]) -> dict[str, Any]:
    """A prompt and a response from ``messages``: the response begins with the assistant's first.

    Raises:
        ValueError: There is no message of the assistant's.
    """
    messages = check_messages("messages", content["messages"])
    roles = [message["role"] for message in messages]
    if "assistant" not in roles:
        raise ValueError("no message of the role 'assistant', so there is nothing to learn")
    first = roles.index("assistant")
    last = len(roles) - roles[::-1].index("assistant")
    return {"prompt": messages[:first], "response": messages[first:last]}


def split_question(content: Mapping[str, Any], answer: str) -> dict[str, Any]:
    """The messages of ``prompt`` or ``messages`` that are to be answered.

    Args:
        content: The fields of an example.
        answer: The field of the right answer. If it holds messages, its text is the last one's;
            without it, that of the last of ``messages`` if this is the assistant's.

    Raises:
        ValueError: There is nothing to answer: the last message is the assistant's.
    """
    field = "prompt" if "prompt" in content else "messages"
    prompt, told = check_messages(field, content[field]), {}
    if isinstance(content.get(answer), list):
        told = {answer: check_messages(answer, content[answer])[-1]["content"]}
    elif field == "messages" and answer not in content and prompt[-1]["role"] == "assistant":
        prompt, told = prompt[:-1], {answer: prompt[-1]["content"]}
    if not prompt or prompt[-1]["role"] == "assistant":
        raise ValueError(f"field {field!r} ends with the assistant's message: nothing to answer")
    return {"prompt": prompt, **told}


def check_messages(name: str, value: Any, *, single: bool = False) -> list[Message]:
    """The messages of a field; a `single` one is the assistant's.

    Raises:
        ValueError: They are no messages; the error says why.
    """
    if not isinstance(value, list) or not value:
        raise ValueError(f"field {name!r} is no list of messages")
    for number, message in enumerate(value, start=1):
        for part in ("role", "content"):
            text = message.get(part) if isinstance(message, dict) else None
            if not isinstance(text, str):
                raise ValueError(f"message {number} of field {name!r} has no text as its {part}")
            text.encode()  # a ValueError where it holds half a surrogate pair
    if single and [message["role"] for message in value] != ["assistant"]:
        raise ValueError(f"field {name!r} is not one message of the role 'assistant'")
    return value
