"""Conversations: what a chat template makes of them, and which tokens count in the loss."""

import io
import json

import jax.numpy as jnp
import numpy as np
import pytest
import tokenizers
from flax import nnx

from .project import (
    commands,
    data,
    errors,
    model,
    numerics,
    post_training,
    sources,
    storage,
    tokenization,
)
from .project import tokenizer as tokens

UserError = errors.UserError
CHATML = (
    "{% for message in messages %}\n"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] | trim }}<|im_end|>\n"
    "{% endfor %}\n"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
INST = (
    "{{ bos_token }}{% for message in messages %}{% if message.role == 'user' %}"
    "{% if loop.previtem == message %}{{ raise_exception('said twice') }}{% endif %}"
    "[INST] {{ message.content }} [/INST]{% else %} {{ message.content }}{{ eos_token }}"
    "{% endif %}{% endfor %}"
)
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
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Größe?"},
    {"role": "assistant", "content": "7 λ"},
    {"role": "user", "content": "  And\nthen? "},
    {"role": "assistant", "content": "8 <b>"},
]
TURNS = {
    "chatml": (CHATML, ["7 λ<|im_end|>\n", "8 <b><|im_end|>\n"]),
    "inst": (INST, [" 7 λ</s>", " 8 <b></s>"]),
    "blocks": (BLOCKS, ["7 λ<|im_end|>", "8 <b><|im_end|>"]),
}


def write_tokenizer(folder, template=None, **more):
    """A tokenizer of bytes with the special tokens of chats, and a chat template."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    model = tokenizers.models.BPE({symbol: at for at, symbol in enumerate(alphabet)}, [])
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_special_tokens(["<s>", "</s>", "<pad>", "<|im_start|>", "<|im_end|>"])
    folder.mkdir(exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    told = {"bos_token": "<s>", "eos_token": {"content": "</s>"}, "pad_token": "<pad>", **more}
    if template is not None:
        told["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    return folder


def opened(folder):
    return post_training.chat.Chat(tokenization.keeping.read_tokenizer(folder))


def turns(folder, train_on, talk=TALK):
    """The texts that count, a run of tokens each."""
    tokenizer = tokenization.keeping.read_tokenizer(folder)
    ids, counts = post_training.chat.Chat(tokenizer).encode(talk, train_on)
    edges = np.flatnonzero(np.diff(counts, prepend=False, append=False)).reshape(-1, 2)
    return [tokenizer.spell(ids[start:stop]) for start, stop in edges]


def prepare(folder, rows, cls=data.Demonstrations, *, show=0, **settings):
    """Prepare rows as files have them."""
    (folder / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = sources.from_patterns([str(folder / "own.jsonl")])
    source = sources.replace(source, show=show)
    lengths = {"max_prompt_tokens": 64, "max_response_tokens": 64, **settings}
    made = cls(directory=str(folder / "set"), tokenizer_from=str(folder), batch_size=4, **lengths)
    return made, made.prepare(source, overwrite=True, progress=False)


def talks(count, answer="ok"):
    return [
        {
            "messages": [
                {"role": "user", "content": f"hi {n}"},
                {"role": "assistant", "content": answer},
                {"role": "user", "content": "more"},
                {"role": "assistant", "content": "bye"},
            ]
        }
        for n in range(count)
    ]


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
        post_training.chat.Chat(tokens.TOKENIZER)
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
    commands.generate._converse(Writer(), tokenizer)
    assert [tokenizer.spell(ids).count("<|im_start|>assistant") for ids in seen] == [1, 2]
    assert "one<|im_end|>\n<|im_start|>assistant\nanswer 1<|im_end|>" in tokenizer.spell(seen[1])


# Data sets


def test_conversations_become_prompts_and_responses(tmp_path):
    made, told = prepare(write_tokenizer(tmp_path, CHATML), talks(40), show=1)
    assert "40 conversations, of which all turns of the assistant count" in told
    before = "<|im_start|>user\nhi {}<|im_end|>\n<|im_start|>assistant\n"
    between = "<|im_start|>user\nmore<|im_end|>\n<|im_start|>assistant\n"
    batch = made.examples("train").read(np.arange(2))
    tokenizer = made.tokenizer
    for row in range(2):
        prompt = batch["prompt"][row][batch["prompt_mask"][row]]
        assert tokenizer.spell(prompt) == before.format(row)
        counted = batch["response"][row][batch["response_mask"][row]]
        assert tokenizer.spell(counted) == "ok<|im_end|>\nbye<|im_end|>\n"
    shown = f"response: {before.format(0)}⟦ok<|im_end|>\n⟧{between}⟦bye<|im_end|>\n⟧"
    assert told.endswith(f"\n{shown}")
    with pytest.raises(UserError, match=r"prepared with data.train_on=all: .*--overwrite"):
        made.model_copy(update={"train_on": "last"}).examples("train")


def test_examples_with_the_same_opening_stay_together(tmp_path):
    rows = [talks(50, answer)[n] for answer in ("ok", "no") for n in range(50)]
    prepare(write_tokenizer(tmp_path, CHATML), rows)
    data_set = storage.dataset.DataSet.open(tmp_path / "set")
    openings = []
    for split in data_set.splits:
        source = data_set.source(split)
        found = [json.dumps(json.loads(source[at])["prompt"]) for at in range(len(source))]
        assert len(found) == 2 * len(set(found))
        openings += set(found)
    assert len(openings) == len(set(openings)) == 50


def test_preferences_of_messages(tmp_path):
    rows = [
        {
            "prompt": [{"role": "user", "content": f"hi {n}"}],
            "chosen": [{"role": "assistant", "content": "good"}],
            "rejected": [{"role": "assistant", "content": "bad"}],
        }
        for n in range(40)
    ]
    made, told = prepare(write_tokenizer(tmp_path, CHATML), rows, data.Preferences, show=1)
    assert "⟦good<|im_end|>\n⟧" in told and "⟦bad<|im_end|>\n⟧" in told
    batch = made.examples("train").read(np.arange(4))
    rejected = batch["rejected"][0][batch["rejected_mask"][0]]
    assert made.tokenizer.spell(rejected) == "bad<|im_end|>\n"
    rows[3]["chosen"] *= 2
    with pytest.raises(UserError, match=r"own.jsonl:4: field 'chosen' is not one message"):
        prepare(tmp_path, rows, data.Preferences)


def test_messages_that_are_none_are_reported(tmp_path):
    write_tokenizer(tmp_path, CHATML)
    faulty = {
        "is no list of messages": {"messages": []},
        "message 1 of field 'messages' has no text as its role": {"messages": [7]},
        "message 2 .* no text as its content": {
            "messages": [TALK[1], {"role": "assistant", "content": 7}]
        },
        "no message of the role 'assistant'": {"messages": TALK[:2]},
        "'response' is no list of messages": {"prompt": TALK[:2], "response": "7"},
    }
    for message, row in faulty.items():
        with pytest.raises(UserError, match=rf"own.jsonl:1: .*{message}"):
            prepare(tmp_path, [row])


def test_what_is_too_long_is_refused_dropped_or_cut(tmp_path):
    folder = write_tokenizer(tmp_path, INST)
    rows = [{"prompt": f"p{n:02}", "response": "r"} for n in range(40)]
    rows[0] = {"prompt": "p" * 9, "response": "r"}
    rows[1] = {"prompt": "p", "response": "abcdefgh"}
    room = {"max_prompt_tokens": 5, "max_response_tokens": 5}
    with pytest.raises(UserError, match=r"own.jsonl:1: the prompt has 10 tokens"):
        prepare(folder, rows, **room)

    def whole(choice):
        made, told = prepare(folder, rows, too_long=choice, **room)
        info = made.info()
        numbers = [info.get("truncated", 0), info.get("dropped", 0)]
        assert info["longest_prompt"] <= 5 and info["longest_response"] <= 5
        assert all(f"{n} examples that were too long" in told for n in numbers if n)
        texts = set()
        for split in storage.splitting.SPLITS:
            batch = made.examples(split).read(np.arange(len(made.examples(split))))
            for row in range(len(batch["weights"])):
                prompt = batch["prompt"][row][batch["prompt_mask"][row]]
                answer = batch["response"][row][batch["response_mask"][row]]
                texts.add((made.tokenizer.spell(prompt), made.tokenizer.spell(answer)))
        return numbers, texts - {(f"<s>p{n:02}", "r</s>") for n in range(40)}

    assert whole("drop") == ([0, 2], set())
    assert whole("left") == ([2, 0], {("ppppp", "r</s>"), ("pabcd", "efgh</s>")})
    assert whole("right") == ([1, 1], {("<s>p", "abcde")})
    with pytest.raises(ValueError, match="rewards need whole texts"):
        data.Prompts(too_long="left")


def test_turns_of_a_conversation_are_cut_with_their_mask(tmp_path):
    folder = write_tokenizer(tmp_path, INST)
    truncate = post_training.examples.truncate
    example = {"prompt": [1, 2], "response": [3, 4, 5, 6], "response_mask": [1, 0, 0, 1]}
    assert truncate(example, ["response"], (2, 3), "left") == {
        "prompt": [2, 3],
        "response": [4, 5, 6],
        "response_mask": [0, 0, 1],
    }
    right = truncate(example, ["response"], (2, 3), "right")
    assert right == {"prompt": [1, 2], "response": [3, 4, 5], "response_mask": [1, 0, 0]}
    pair = {"prompt": [1, 2, 3], "chosen": [4], "rejected": [5, 6, 7]}
    assert truncate(pair, ["chosen", "rejected"], (2, 2), "left") is None
    assert truncate(pair, ["chosen", "rejected"], (2, 3), "left") == pair | {"prompt": [2, 3]}
    rows = talks(40)
    rows[0]["messages"][0]["content"] = "h" * 90
    made, told = prepare(folder, rows, too_long="left")
    assert "1 examples that were too long were truncated" in told
    assert made.info()["longest_prompt"] == 64


def test_both_turns_of_a_conversation_are_as_likely_as_each_alone():
    settings = model.TransformerSettings(
        vocab_size=264, d_model=32, num_layers=2, num_heads=2, d_ff=48
    )
    transformer = settings.build(rngs=nnx.Rngs(3), precision=numerics.precision.FLOAT32)
    made = data.Demonstrations(max_prompt_tokens=8, max_response_tokens=6)

    def likelihood(prompt, response, mask):
        record = {"prompt": prompt, "response": response, "response_mask": mask}
        batch = {name: jnp.asarray(array) for name, array in made.batch([record]).items()}
        return post_training.layout.sequence_log_probs(transformer, batch, "response").item()

    whole = likelihood([1, 2, 3], [4, 5, 6, 7, 8], [1, 1, 0, 0, 1])
    first = likelihood([1, 2, 3], [4, 5], [1, 1])
    last = likelihood([1, 2, 3, 4, 5, 6, 7], [8], [1])
    assert whole == pytest.approx(first + last, rel=1e-5)
