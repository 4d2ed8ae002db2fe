"""The command that lets a run's model write."""

import pytest

from . import tiny, tiny_task
from .project import command_line


def run(*words):
    return command_line.main([str(word) for word in words])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The run directory of a trained run."""
    folder = tmp_path_factory.mktemp("lab")
    data = tiny_task.prepare(folder)
    options = [f"--config={each}" for each in tiny.directives(data, "mesh.data=8")]
    assert run("train", "--run-dir", folder / "run", *options) == 0
    return folder / "run"


def test_generate_continues_the_prompt_and_follows_its_seed(trained, capsys):
    words = ("generate", "--run-dir", trained, "--prompt", "def ", "--max-tokens", 20)
    texts = []
    for seed in (0, 0, 1):
        assert run(*words, "--seed", seed) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0].startswith("def ") and len(texts[0]) > 5
    assert texts[0] == texts[1] != texts[2]


def test_a_run_that_is_not_there(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("generate", "--run-dir", "nowhere", "--prompt", "x") == 2
    assert "nowhere holds no run" in capsys.readouterr().err


def test_impossible_sampling_names_the_option(trained, capsys):
    words = ("generate", "--run-dir", trained, "--temperature", -1)
    assert run(*words) == 2
    assert "temperature: " in capsys.readouterr().err
