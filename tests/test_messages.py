"""The messages of Copier that the documents explain are those that it gives."""

import re
from pathlib import Path

import copier
import pytest
import yaml

from .support import rendering

DOCUMENT = (rendering.ROOT / "docs" / "messages.md").read_text()
MISTAKES = {  # what is given as the address, and what stands in the data file
    "Local template must be a directory": [("ADDRESS", ""), ("file:///nowhere", "")],
    "Unexpected exit code: 128": [("git+file:///nowhere", "")],
    "Invalid choice for 'task'": [("template", "task: vision")],
    "Not a YAML list": [("template", "launchers: slurm")],
    "Validation error for question 'user_email'": [("template", "user_email: nobody")],
    "while parsing a flow sequence": [("template", "launchers: [slurm")],
    "Input should be a valid string": [("template", "on: MIT")],
}


def test_each_message_is_shown() -> None:
    rows = re.findall(r"^\| (`.+?`)[^|]* \|", DOCUMENT, re.MULTILINE)
    assert [message.split("`")[1] for message in rows] == list(MISTAKES)


@pytest.mark.parametrize("message", MISTAKES)
def test_the_message_is_the_one_of_the_mistake(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for address, data in MISTAKES[message]:
        source = str(template) if address == "template" else address
        with pytest.raises(Exception, match=message):
            copier.run_copy(source, "lab", yaml.safe_load(data), defaults=True, quiet=True)
        assert not Path("lab").exists()
