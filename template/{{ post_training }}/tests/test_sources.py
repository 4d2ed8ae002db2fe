"""Examples from files: what is read, and each mistake that is reported."""

import argparse
import bz2
import gzip
import json
import lzma

import pytest

from .project import errors, sources

UserError = errors.UserError
DEMONSTRATIONS, PREFERENCES, PROMPTS = sources.DEMONSTRATIONS, sources.PREFERENCES, sources.PROMPTS


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def source(*arguments):
    parser = argparse.ArgumentParser()
    sources.add_arguments(parser)
    return sources.from_arguments(parser.parse_args(arguments))


def read(kind, *arguments):
    """All examples, none of which is faulty."""
    problems = sources.Problems()
    found = list(source(*arguments).examples(kind, problems, lambda size: None))
    problems.check()
    return found


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


def test_each_kind_reads_its_fields(folder):
    everything = {"prompt": "p", "response": "r", "chosen": "c", "rejected": "j", "id": 7}
    (folder / "a.jsonl").write_text("\n" + lines(everything))
    assert read(DEMONSTRATIONS, "--source", "a.jsonl") == [
        ("a.jsonl:2", {"prompt": "p", "response": "r"})
    ]
    assert read(PREFERENCES, "--source", "a.jsonl") == [
        ("a.jsonl:2", {"prompt": "p", "chosen": "c", "rejected": "j"})
    ]


def test_prompts_keep_all_fields_as_texts(folder):
    (folder / "a.jsonl").write_text(
        '{"prompt": "1.10 + 0", "answer": 1.10, "level": 3, "unit": "m", "note": null}\n'
        '{"answer": "x", "prompt": "y", "big": 123456789012345678901234567890}\n'
    )
    assert [record for _, record in read(PROMPTS, "--source", "a.jsonl")] == [
        {"prompt": "1.10 + 0", "answer": "1.10", "level": "3", "unit": "m"},
        {"prompt": "y", "answer": "x", "big": "123456789012345678901234567890"},
    ]


def test_gz_is_unpacked_and_patterns_search_folders(folder):
    (folder / "deep").mkdir()
    (folder / "deep" / "b.jsonl").write_bytes(
        b"\xef\xbb\xbf" + lines({"prompt": "1", "response": "ü\n"}).encode()
    )
    (folder / "c.jsonl.gz").write_bytes(
        gzip.compress(lines({"prompt": "2", "response": "x"}).encode())
    )
    found = read(DEMONSTRATIONS, "--source", "**/*.jsonl", "--source", "deep/b.jsonl", "*.gz")
    assert found == [
        ("c.jsonl.gz:1", {"prompt": "2", "response": "x"}),
        ("deep/b.jsonl:1", {"prompt": "1", "response": "ü\n"}),
    ]


def test_progress_adds_up_to_the_size_of_the_files(folder):
    many = lines(*({"prompt": str(n), "response": "x" * 100} for n in range(500)))
    (folder / "a.jsonl").write_text(many)
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(many.encode()))
    sizes = []
    opened = source("--source", "*")
    found = opened.examples(DEMONSTRATIONS, sources.Problems(), sizes.append)
    assert len(list(found)) == 1000
    assert sum(sizes) == opened.size()


def test_a_sample_needs_no_file():
    where, record = read(DEMONSTRATIONS, "--sample", "reverse")[16]
    assert where == "sample reverse, example 17"
    assert record["prompt"][:-1][::-1] == record["response"]
    assert source("--sample", "reverse").name == "sample reverse"
    assert source() == sources.sample()


FAULTY = {
    "latin1": (DEMONSTRATIONS, b'{"prompt": "na\xefve"}', r"not UTF-8 \(byte 0xef at offset 14"),
    "bad": (DEMONSTRATIONS, b'{"prompt": ', r"no JSON: "),
    "nan": (PROMPTS, b'{"prompt": "p", "answer": NaN}', r"no JSON: NaN is no number"),
    "list": (PREFERENCES, b"[1]", r"no JSON object with the fields prompt, chosen, rejected"),
    "field": (
        DEMONSTRATIONS,
        b'{"prompt": "p", "answer": "a"}',
        r"no response among its fields \(prompt, answer\): demonstrations need prompt, response",
    ),
    "none": (PROMPTS, b"{}", r"no prompt, answer among its fields \(none\): prompts need"),
    "number": (DEMONSTRATIONS, b'{"prompt": "p", "response": 7}', r"'response' is no text but a n"),
    "asked": (PROMPTS, b'{"prompt": 7, "answer": 7}', r"'prompt' is no text but a number"),
    "null": (PROMPTS, b'{"prompt": "p", "answer": null}', r"'answer' is no text but null"),
    "nested": (PROMPTS, b'{"prompt": "p", "answer": "a", "x": {}}', r"'x' is no text but an obj"),
    "true": (PROMPTS, b'{"prompt": "p", "answer": true}', r"'answer' is no text but true or false"),
    "chat": (DEMONSTRATIONS, b'{"prompt": [], "response": "r"}', r"'prompt' is no text but a list"),
    "empty": (DEMONSTRATIONS, b'{"prompt": " ", "response": "r"}', r"field 'prompt' is empty"),
    "silent": (DEMONSTRATIONS, b'{"prompt": "p", "response": ""}', r"field 'response' is empty"),
    "same": (
        PREFERENCES,
        b'{"prompt": "p", "chosen": "r", "rejected": "r"}',
        r"'chosen' and 'rejected' are equal",
    ),
    "half": (DEMONSTRATIONS, b'{"prompt": "\\ud800", "response": "r"}', r"half a surrogate pair"),
    "taken": (
        PROMPTS,
        b'{"prompt": "p", "answer": "a", "weights": 1}',
        r"field 'weights' has a name that batches need",
    ),
    "wide": (
        DEMONSTRATIONS,
        '{"prompt": "p", "response": "r"}'.encode("utf-16-le"),
        r"NUL bytes, as UTF-16 without a byte order mark has: convert the file to UTF-8",
    ),
    "deep": (DEMONSTRATIONS, b"[" * 100_000, r"no JSON: "),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_line_is_reported_with_its_place(folder, name):
    kind, content, message = FAULTY[name]
    good = dict.fromkeys(kind.fields, "x") | {kind.fields[-1]: "y"}
    (folder / f"{name}.jsonl").write_bytes(lines(good).encode() + content)
    with pytest.raises(UserError, match=rf"^{name}.jsonl:2: .*{message}") as caught:
        read(kind, "--source", f"{name}.jsonl")
    assert "\n" not in str(caught.value)


def test_faulty_lines_are_reported_together_but_not_without_end(folder):
    (folder / "a.jsonl").write_text('{"prompt": "p", "response": "r"}\n{}\n' * 3)
    (folder / "b.jsonl").write_text("[]\n" * 1009)
    with pytest.raises(UserError) as caught:
        read(DEMONSTRATIONS, "--source", "*.jsonl")
    told = str(caught.value).splitlines()
    places = ["a.jsonl:2", "a.jsonl:4", "a.jsonl:6", *(f"b.jsonl:{n}" for n in range(1, 8))]
    assert [line.partition(": ")[0] for line in told[:-1]] == places
    assert told[-1] == "and 1,002 more problems"


def test_a_file_that_cannot_be_read_is_reported(folder):
    (folder / "a.txt").write_text("text")
    with pytest.raises(UserError, match=r"a.txt is no file of JSON lines: give .jsonl or .ndjson"):
        read(DEMONSTRATIONS, "--source", "a.txt")
    (folder / "b.jsonl.gz").write_bytes(b"not compressed")
    with pytest.raises(UserError, match=r"b.jsonl.gz is no intact gzip file"):
        read(DEMONSTRATIONS, "--source", "b.jsonl.gz")
    (folder / "c.jsonl.gz").write_bytes(gzip.compress(b'{"prompt": "p"}' * 100)[:-10])
    with pytest.raises(UserError, match=r"c.jsonl.gz is no intact gzip file"):
        read(DEMONSTRATIONS, "--source", "c.jsonl.gz")
    (folder / "d.jsonl").write_text("{}")
    opened = source("--source", "d.jsonl")
    (folder / "d.jsonl").unlink()
    with pytest.raises(UserError, match=r"d.jsonl cannot be read: No such file"):
        list(opened.examples(DEMONSTRATIONS, sources.Problems(), lambda size: None))


def test_faulty_arguments_are_reported(folder):
    with pytest.raises(UserError, match=r"--source \*.jsonl matches no file"):
        source("--source", "*.jsonl")
    (folder / "own").mkdir()
    with pytest.raises(UserError, match=r"own is a folder: give a pattern such as 'own/\*\*/\*.js"):
        source("--source", "own")
    (folder / "a.jsonl").write_text("{}")
    with pytest.raises(UserError, match="--source and --sample: give one of them"):
        source("--source", "a.jsonl", "--sample", "reverse")


@pytest.mark.parametrize("packing", [None, gzip, bz2, lzma])
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_lines_are_read_whatever_they_are_packed_and_encoded_in(folder, packing, coding):
    text = lines({"prompt": "größer", "response": "λ"}, {"prompt": "b", "response": "c"})
    content = text.replace("\n", "\r\n").encode(coding)
    suffix = {None: "", gzip: ".gz", bz2: ".bz2", lzma: ".xz"}[packing]
    path = folder / f"a.ndjson{suffix}"
    path.write_bytes(packing.compress(content) if packing else content)
    found = [record for _, record in read(DEMONSTRATIONS, "--source", str(path))]
    assert found == [{"prompt": "größer", "response": "λ"}, {"prompt": "b", "response": "c"}]
