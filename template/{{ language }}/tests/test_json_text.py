"""A text in an object whose JSON comes in parts, however it is cut."""

import json
import random

import pytest

from .project import storage

FieldText = storage.json_text.FieldText
ALPHABET = 'ab "\\/\n\tüλ😀\0{}[]:,'


def value(draw, depth=0):
    """Something that JSON can hold."""
    text = "".join(draw.choices(ALPHABET, k=draw.randint(0, 12)))
    plain = [text, text, draw.randint(-9, 9), draw.random() * 1e9, True, None]
    if depth == 3:
        return draw.choice(plain)
    items = [value(draw, depth + 1) for _ in range(draw.randint(0, 3))]
    named = {f"{draw.choice(ALPHABET)}{at}": item for at, item in enumerate(items)}
    return draw.choice([*plain, items, named])


def cut(draw, text):
    """The same in parts, most of them short."""
    while text:
        size = draw.choice([1, 2, 3, 7, 40])
        yield text[:size]
        text = text[size:]


@pytest.mark.parametrize("seed", range(40))
def test_it_is_what_parsing_the_whole_gives(seed):
    draw = random.Random(seed)
    text = "".join(draw.choices(ALPHABET, k=draw.randint(0, 60)))
    inner = {"no": value(draw), "text": text, "id": value(draw)}
    record = {"a": value(draw), "in": inner, "z": value(draw), "text": "another"}
    spelled = json.dumps(record, ensure_ascii=draw.random() < 0.7, indent=draw.choice([None, 1]))
    found = FieldText(cut(draw, spelled), "in.text")
    assert "".join(found) == text and found.found
    assert found.fields == list(record)

    lacking = FieldText(cut(draw, spelled), "in.more")
    assert "".join(lacking) == "" and not lacking.found and not lacking.known

    for stop in draw.choices(range(len(spelled)), k=10):
        with pytest.raises(ValueError, match=r"."):
            list(FieldText(cut(draw, spelled[:stop]), "in.text"))


def test_null_is_no_text_and_other_values_are_refused():
    found = FieldText(['{"text": nu', 'll, "a": 1}'], "text")
    assert list(found) == [] and found.known and not found.found
    for other in ("1", "[]", "{}", "true"):
        with pytest.raises(TypeError, match="is no text"):
            list(FieldText([f'{{"text": {other}}}'], "text"))


@pytest.mark.parametrize("text", ['{"text": "\\x"}', '{"text": "a" "b"}', '{"text": "a"} 1', "[1]"])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        list(FieldText([text], "text"))
