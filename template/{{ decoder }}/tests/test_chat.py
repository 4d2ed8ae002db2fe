"""Conversations: what a chat template makes of them, and which tokens count in the loss."""

import io

import numpy as np
import pytest

from .chats import CHATML, INST, TALK, write_tokenizer
from .project import commands, errors, tokenization

UserError = errors.UserError
BYTES = tokenization.byte_tokenizer.TOKENIZER
BLOCKS = (
    "{% for message in messages %}{{ message.role }}: {% if message.role == 'assistant' %}"
    "{% generation %}{{ message.content }}<|im_end|>{% endgeneration %}"
    "{% else %}{{ message.content }}<|im_end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
# Thoughts of earlier turns are left out, so that one turn tells nothing of the next.
FORGETFUL = (
    "{% for message in messages %}{{ message.role }}: {{ message.content.split('</think>')[-1] "
    "if not loop.last else message.content }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
TURNS = {
    "chatml": (CHATML, ["7 λ<|im_end|>\n", "8 <b><|im_end|>\n"]),
    "inst": (INST, [" 7 λ</s>", " 8 <b></s>"]),
    "blocks": (BLOCKS, ["7 λ<|im_end|>", "8 <b><|im_end|>"]),
}


def opened(folder):
    return tokenization.chat.Chat(tokenization.keeping.read_tokenizer(folder))


def turns(folder, train_on, talk=TALK):
    """The texts that count, a run of tokens each."""
    tokenizer = tokenization.keeping.read_tokenizer(folder)
    ids, counts = tokenization.chat.Chat(tokenizer).encode(talk, train_on)
    edges = np.flatnonzero(np.diff(counts, prepend=False, append=False)).reshape(-1, 2)
    return [tokenizer.spell(ids[start:stop]) for start, stop in edges]


@pytest.mark.parametrize("name", TURNS)
def test_the_turns_of_the_assistant_count_with_their_ends(tmp_path, name):
    template, expected = TURNS[name]
    folder = write_tokenizer(tmp_path, template)
    end = [opened(folder).end]
    assert tokenization.keeping.read_tokenizer(folder).spell(np.array(end)) in expected[0]
    assert turns(folder, "all") == expected
    assert turns(folder, "last") == expected[-1:]


def test_a_template_is_rendered_as_transformers_does(tmp_path):
    template = (
        "{%- for message in messages -%}\n    {%- if message.role == 'tool' %}{% continue %}"
        "{% endif %}\n{{ message | tojson }}{{ unk_token }}{{ bos_token }}\n"
        "{% endfor %}{% if tools %}tools{% endif %}{{ strftime_now('now') }}"
    )
    chat = opened(write_tokenizer(tmp_path, template))
    talk = [{"role": "tool", "content": "x"}, {"role": "user", "content": "ü<&'"}]
    assert chat.render(talk)[0] == '{"role": "user", "content": "ü<&\'"}<s>\nnow'


def test_where_a_template_is_found(tmp_path):
    named = [{"name": "tool_use", "template": "no"}, {"name": "default", "template": "named"}]
    assert opened(write_tokenizer(tmp_path / "a", named)).render(TALK)[0] == "named"
    folder = write_tokenizer(tmp_path / "b", named)
    (folder / "chat_template.jinja").write_text("file")
    assert opened(folder).render(TALK)[0] == "file"
    # Where a data set or a run keeps its tokenizer, its template is kept as well.
    tokenization.keeping.keep_tokenizer(tokenization.keeping.read_tokenizer(folder), tmp_path)
    assert opened(tmp_path).render(TALK)[0] == "file"


def test_templates_that_cannot_be_used_are_reported(tmp_path):
    with pytest.raises(UserError, match=r"tokenizer bytes .*--tokenizer"):
        tokenization.chat.Chat(BYTES)
    with pytest.raises(UserError, match=r"no chat template: put chat_template.jinja there, or"):
        opened(write_tokenizer(tmp_path))
    with pytest.raises(UserError, match="no template of Jinja"):
        opened(write_tokenizer(tmp_path, "{% if %}"))
    with pytest.raises(ValueError, match="refuses the conversation: said twice"):
        opened(write_tokenizer(tmp_path, INST)).render(TALK[1:2] * 2)
    with pytest.raises(ValueError, match=r"refuses the conversation: .*unsafe"):
        opened(write_tokenizer(tmp_path, "{{ messages.__class__.mro() }}")).render(TALK)


def test_turns_that_cannot_be_told_are_reported(tmp_path):
    folder = write_tokenizer(tmp_path, FORGETFUL)
    talk = [dict(each) for each in TALK]
    talk[2]["content"] = talk[4]["content"] = "<think>hm</think>8"
    with pytest.raises(ValueError, match=r"up to number 3 otherwise .*data.train_on to last"):
        turns(folder, "all", talk)
    assert turns(folder, "last", talk) == ["<think>hm</think>8<|im_end|>"]


def test_generate_converses(tmp_path, monkeypatch):
    """Each line is answered, up to the end of the turn, and answers belong to the conversation."""
    chat = opened(write_tokenizer(tmp_path, CHATML))
    seen = []

    class Writer(commands._sampling.Writer):
        def __init__(self):
            pass

        def write(self, prompt, end, *, step):
            seen.append(prompt)
            assert end == chat.end
            return f"answer {len(seen)}"

    monkeypatch.setattr("sys.stdin", io.StringIO("one\ntwo\n"))
    tokenizer = tokenization.keeping.read_tokenizer(tmp_path)
    commands._sampling._converse(Writer(), tokenizer)
    assert [tokenizer.spell(ids).count("<|im_start|>assistant") for ids in seen] == [1, 2]
    assert "one<|im_end|>\n<|im_start|>assistant\nanswer 1<|im_end|>" in tokenizer.spell(seen[1])
