"""Prepared examples: who is in which split, what is counted, and mistakes."""

import json

import pytest

from .project import data, errors, sources, storage

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
