"""Samples: the same each time, and right to the letter."""

import hashlib
import json

import pytest

from .project import errors, samples, sources

KINDS = (sources.DEMONSTRATIONS, sources.PREFERENCES, sources.PROMPTS)
SOLVED = {"reverse": lambda word: word[::-1], "copy": str}


@pytest.mark.parametrize("name", SOLVED)
def test_answers_are_exact_and_prompts_distinct(name):
    pairs = list(samples.SAMPLES[name](3000))
    assert len({prompt for prompt, _ in pairs}) == len(pairs) == 3000
    assert all(SOLVED[name](prompt[:-1]) == answer for prompt, answer in pairs)
    words = [prompt[:-1] for prompt, _ in pairs]
    assert all(word.isalpha() and word.islower() and word.isascii() for word in words)
    assert {len(word) for word in words} == {3, 4}
    assert len({prompt[-1] for prompt, _ in pairs}) == 1


def test_tasks_are_told_apart_by_their_prompts():
    prompts = [{prompt for prompt, _ in samples.SAMPLES[name](100)} for name in SOLVED]
    assert prompts[0].isdisjoint(prompts[1])


def test_more_examples_begin_with_the_same():
    assert list(samples.reverse(5)) == list(samples.reverse(50))[:5]


@pytest.mark.parametrize("name", SOLVED)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_is_made_of_a_sample_and_passes_its_checks(name, kind):
    records = list(kind.sample(name))
    assert len(records) == samples.COUNT
    for record in records[:300]:
        assert tuple(record) == kind.fields
        assert sources.parse(json.dumps(record).encode(), kind) == record
        assert record[kind.expected] == SOLVED[name](record["prompt"][:-1])


@pytest.mark.parametrize("name", SOLVED)
def test_what_is_rejected_is_wrong_by_a_letter_or_two(name):
    for record in sources.PREFERENCES.sample(name, 2000):
        chosen, rejected = record["chosen"], record["rejected"]
        assert len(chosen) == len(rejected) and rejected.islower()
        wrong = [at for at in range(len(chosen)) if chosen[at] != rejected[at]]
        if len(wrong) == 2:
            assert wrong[1] == wrong[0] + 1 and sorted(chosen) == sorted(rejected)
        else:
            assert len(wrong) == 1


def test_samples_are_the_same_everywhere():
    pairs = [list(samples.reverse(500)), list(samples.copy(500))]
    wrong = [record["rejected"] for record in sources.PREFERENCES.sample("reverse", 500)]
    digest = hashlib.sha256(json.dumps([pairs, wrong]).encode()).hexdigest()
    assert digest[:16] == "20ce21c04fc957c6"


def test_docstrings_are_those_of_the_standard_library():
    pairs = list(samples.docstrings(300))
    assert len({prompt for prompt, _ in pairs}) == len(pairs) == 300
    assert all(prompt.startswith("def ") and prompt.endswith("):") for prompt, _ in pairs)
    assert all("\n" not in prompt + line and line == line.strip() for prompt, line in pairs)
    assert max(len(prompt) for prompt, _ in pairs) <= 60
    assert 40 < max(len(line) for _, line in pairs) <= 80


def test_a_python_without_sources_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(samples.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(errors.UserError, match=r"no sources in .*another sample"):
        list(samples.docstrings())
