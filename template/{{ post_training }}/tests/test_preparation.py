"""Prepared examples: who is in which split, what is counted, and mistakes."""

import json

import numpy as np
import pytest

from .chats import CHATML, INST, TALK, write_tokenizer
from .project import data, errors, post_training, sources, storage

UserError = errors.UserError
SPLITS = storage.splitting.SPLITS


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def demonstrations(count, tail=""):
    return [{"prompt": f"question {n}", "response": f"answer {n}{tail}"} for n in range(count)]


def prepare(records, cls=data.Demonstrations, *, overwrite=False, group="", **changes):
    """Prepare records of a file."""
    with open("own.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
    settings = cls(directory="data/set", **changes)
    return settings.prepare(
        sources.from_patterns(["own.jsonl"], group), overwrite=overwrite, progress=False
    )


def opened():
    """The data set's description and the records of each split."""
    found = storage.dataset.DataSet.open(data.Path("data/set"))
    records = {}
    for split in found.splits:
        source = found.source(split)
        records[split] = [json.loads(source[at]) for at in range(len(source))]
    return found.info, records


def test_every_example_is_in_exactly_one_split_as_it_was():
    given = [{"prompt": f"größer {n}", "response": f"λ\n{n} \x00"} for n in range(500)]
    prepare(given)
    _, records = opened()
    everything = [record for split in records.values() for record in split]
    by_prompt = {record["prompt"]: record for record in everything}
    assert len(everything) == 500 and all(by_prompt[each["prompt"]] == each for each in given)
    assert [len(records[split]) for split in SPLITS] == [400, 50, 50]
    order = [int(record["prompt"].split()[1]) for record in records["train"]]
    assert order == sorted(order)


def test_the_prompt_alone_decides_the_split():
    prepare(demonstrations(200))
    _, first = opened()
    pairs = [
        {"prompt": f"question {n}", "chosen": f"{m} good", "rejected": "bad"}
        for m in range(3)
        for n in range(200)
    ]
    prepare(pairs, data.Preferences, overwrite=True)
    _, second = opened()
    for split in SPLITS:
        there = {record["prompt"] for record in second[split]}
        assert {record["prompt"] for record in first[split]} == there
        assert len(second[split]) == 3 * len(there)


def test_repeated_examples_are_dropped_and_counted():
    once = demonstrations(200)
    turned = [dict(reversed(record.items())) | {"note": "not kept"} for record in once[:30]]
    told = prepare([*once, *turned, *demonstrations(10, tail="!")])
    info, _ = opened()
    assert info["duplicates"] == 30
    assert sum(info["split"]["counts"].values()) == 210
    assert "30 repeated examples were dropped" in told


def test_the_description_counts_tokens_and_names_fields():
    given = [{"prompt": f"p{n}", "answer": n} for n in range(300)]
    given[7] |= {"prompt": "größer", "hint": "long"}
    given[8] |= {"answer": "x" * 20, "level": 3}
    told = prepare(given, data.Prompts)
    info, records = opened()
    assert info == {
        "kind": "prompts",
        "source": "own.jsonl",
        "fields": ["prompt", "answer", "hint", "level"],
        "split": {
            "by": "SHA-256 of field 'prompt'",
            "percent": {"train": 80, "validation": 10, "test": 10},
            "counts": {split: len(records[split]) for split in SPLITS},
        },
        "duplicates": 0,
        "longest_prompt": len("größer".encode()) + 1,
        "longest_response": 21,
        "tokenizer": "bytes",
        "tokenizer_digest": "",
        "vocab_size": 264,
    }
    assert told.splitlines()[0] == "data/set: prompts, own.jsonl"
    assert "at most 9 tokens in a prompt and 21 in a response (tokenizer bytes)" in told


def test_the_longest_of_two_responses_counts():
    pairs = [{"prompt": str(n), "chosen": "good", "rejected": "not so good"} for n in range(99)]
    prepare(pairs, data.Preferences)
    assert opened()[0]["longest_response"] == len("not so good") + 1


def test_what_is_too_long_is_reported_with_all_else():
    given = demonstrations(200)
    given[3]["prompt"] = "x" * 40
    given[5]["response"] = "x" * 50
    with pytest.raises(UserError) as caught:
        prepare([*given, {"prompt": "p"}], max_prompt_tokens=40, max_response_tokens=50)
    told = str(caught.value).splitlines()
    remedy = "raise that, or leave the example out"
    assert told[:2] == [
        f"own.jsonl:4: the prompt has 41 tokens, more than data.max_prompt_tokens 40: {remedy}",
        f"own.jsonl:6: the response has 51 tokens, more than data.max_response_tokens 50: {remedy}",
    ]
    assert told[2].startswith("own.jsonl:201: no response among its fields")
    assert len(told) == 3
    assert not data.Path("data/set").exists()
    prepare(given, max_prompt_tokens=41, max_response_tokens=51)


def test_too_few_examples_are_reported():
    with pytest.raises(UserError, match="the source holds no example"):
        prepare([])
    with pytest.raises(UserError, match="the test split has no example: 2 examples are too few"):
        prepare(demonstrations(2))
    with pytest.raises(UserError, match="too many of them must stay together"):
        prepare([{"prompt": "p", "response": str(n)} for n in range(100)])
    assert not data.Path("data/set").exists()


def test_a_failed_preparation_leaves_the_old_data():
    prepare(demonstrations(200))
    before = opened()
    with pytest.raises(UserError, match=r"own.jsonl:1: "):
        prepare([{}], overwrite=True)
    assert opened() == before
    with pytest.raises(UserError, match="--overwrite"):
        prepare(demonstrations(200))


def test_examples_of_a_group_stay_together():
    given = [each | {"talk": n // 5} for n, each in enumerate(demonstrations(500))]
    told = prepare(given, group="talk")
    info, records = opened()
    assert info["split"]["by"] == "SHA-256 of field 'talk'" and info["split"]["by"] in told
    found = [{record["talk"] for record in records[split]} for split in SPLITS]
    assert [len(each) for each in found] == [80, 10, 10] and len(set.union(*found)) == 100
    del given[7]["talk"]
    with pytest.raises(UserError, match=r"own.jsonl:8: no field 'talk', which --group names"):
        prepare(given, group="talk", overwrite=True)


def test_pairs_of_a_group_are_still_checked():
    pair = {"prompt": "p", "chosen": "same", "rejected": "same", "talk": "1"}
    with pytest.raises(UserError, match="so there is no preference"):
        prepare([pair], data.Preferences, group="talk")


# Conversations


def prepare_chats(folder, rows, cls=data.Demonstrations, *, show=0, **settings):
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


def test_conversations_become_prompts_and_responses(tmp_path):
    made, told = prepare_chats(write_tokenizer(tmp_path, CHATML), talks(40), show=1)
    assert "40 conversations, where all the assistant's turns count" in told
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
    prepare_chats(write_tokenizer(tmp_path, CHATML), rows)
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
            "prompt": [*TALK[1:3], {"role": "user", "content": f"hi {n}"}],
            "chosen": [{"role": "assistant", "content": "good"}],
            "rejected": [{"role": "assistant", "content": "bad"}],
        }
        for n in range(40)
    ]
    made, told = prepare_chats(write_tokenizer(tmp_path, CHATML), rows, data.Preferences, show=1)
    assert "⟦good<|im_end|>\n⟧" in told and "⟦bad<|im_end|>\n⟧" in told
    batch = made.examples("train").read(np.arange(4))
    rejected = batch["rejected"][0][batch["rejected_mask"][0]]
    assert made.tokenizer.spell(rejected) == "bad<|im_end|>\n"
    rows[3]["chosen"] *= 2
    with pytest.raises(UserError, match=r"own.jsonl:4: field 'chosen' is not one message"):
        prepare_chats(tmp_path, rows, data.Preferences)


def test_prompts_of_messages(tmp_path):
    """They end where the assistant is to begin, and responses with the end of its turn."""
    rows = [
        {"prompt": [*TALK[1:3], {"role": "user", "content": f"h{n}"}], "answer": n, "level": "x"}
        for n in range(40)
    ]
    rows[1] = {"messages": [{"role": "user", "content": "<pad>hi"}], "answer": 1, "level": "y"}
    made, told = prepare_chats(write_tokenizer(tmp_path, CHATML), rows, data.Prompts)
    assert "  40 conversations\n" in f"{told}\n"
    batch = made.examples("train").read(np.arange(2))
    assert set(batch["level"]) == {"x", "y"} and batch["answer"].tolist() == ["0", "1"]
    assert batch["text"][0].endswith("h0<|im_end|>\n<|im_start|>assistant\n")
    for row, text in enumerate(batch["text"]):
        prompt = batch["prompt"][row][batch["prompt_mask"][row]]
        # Padding that a text spells out is left out.
        assert made.tokenizer.spell(prompt) == text.replace("<pad>", "")
    assert made.fitted(made.info()).end == post_training.chat.Chat(made.tokenizer).end
    assert made.end == made.tokenizer.end != made.info()["end"]


def test_prompts_that_cannot_be_answered_are_reported(tmp_path):
    write_tokenizer(tmp_path, CHATML)
    faulty = {
        "field 'prompt' ends with the assistant's message": {"prompt": TALK[:3], "answer": "7"},
        "field 'messages' ends with the assistant's": {"messages": TALK[2:3]},
        "no answer among its fields": {"prompt": TALK[:2]},
        "more than data.max_prompt_tokens 64": {"prompt": [TALK[0]] * 9, "answer": "7"},
    }
    for message, row in faulty.items():
        with pytest.raises(UserError, match=rf"own.jsonl:1: .*{message}"):
            prepare_chats(tmp_path, [row], data.Prompts)
    rows = [{"prompt": TALK[1:2], "answer": "7"}, {"prompt": "plain", "answer": "7"}]
    with pytest.raises(UserError, match="1 prompts are conversations and 1 are texts, whose"):
        prepare_chats(tmp_path, rows, data.Prompts)


def test_messages_that_are_none_are_reported(tmp_path):
    write_tokenizer(tmp_path, CHATML)
    faulty = {
        "is no list of messages": {"messages": []},
        "message 1 of field 'messages' has no text as its role": {"messages": [7]},
        "message 2 .* no text as its content": {
            "messages": [TALK[1], {"role": "assistant", "content": 7}]
        },
        "no message of the role 'assistant'": {"messages": TALK[:2]},
        "surrogates not allowed": {"messages": [TALK[0] | {"content": "\ud800"}, TALK[2]]},
        "'response' is no list of messages": {"prompt": TALK[:2], "response": "7"},
    }
    for message, row in faulty.items():
        with pytest.raises(UserError, match=rf"own.jsonl:1: .*{message}"):
            prepare_chats(tmp_path, [row])


def test_what_is_too_long_is_refused_dropped_or_cut(tmp_path):
    folder = write_tokenizer(tmp_path, INST)
    rows = [{"prompt": f"p{n:02}", "response": "r"} for n in range(40)]
    rows[0] = {"prompt": "p" * 9, "response": "r"}
    rows[1] = {"prompt": "p", "response": "abcdefgh"}
    room = {"max_prompt_tokens": 5, "max_response_tokens": 5}
    with pytest.raises(UserError, match=r"own.jsonl:1: the prompt has 10 tokens"):
        prepare_chats(folder, rows, **room)

    def whole(choice):
        made, told = prepare_chats(folder, rows, too_long=choice, **room)
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


def test_a_conversation_that_is_too_long_is_cut(tmp_path):
    folder = write_tokenizer(tmp_path, INST)
    rows = talks(40)
    rows[0]["messages"][0]["content"] = "h" * 90
    made, told = prepare_chats(folder, rows, too_long="left")
    assert "1 examples that were too long were truncated" in told
    assert made.info()["longest_prompt"] == 64
