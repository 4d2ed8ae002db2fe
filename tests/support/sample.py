"""A small template with releases, whose projects are quick to render and to update."""

from pathlib import Path

import yaml

from .rendering import git
from .small import write

QUESTIONS = {
    "project_name": {"type": "str", "default": "Lab"},
    "task": {"type": "str", "default": "language", "choices": ["language", "image"]},
    "email": {
        "type": "str",
        "default": "",
        "validator": "{% if email and '@' not in email %}Give an address.{% endif %}",
    },
    "computed": {"type": "str", "when": False, "default": "{{ task }}"},
}
SETTINGS = {
    "_subdirectory": "template",
    "_skip_if_exists": ["/model"],
    "_exclude": ["{% if _copier_operation == 'update' %}/model\n/left{% endif %}"],
    **QUESTIONS,
}
OWNERS = {"seamed": ["/settings"]}
LINES = "".join(f"line {number}\n" for number in range(9))
SEAMED = "[a]\n# below this line\n\n[b]\nx\n# also below this line\n"
LINTER = """import json, sys
told = {"item": 1, "title": "Keys", "status": "fail", "passed": 1, "total": 2}
print(json.dumps({"coverage": [told], "summary": {"failing": 3}}))
sys.exit(1)
"""


def template(folder: Path) -> Path:
    """A template with three releases, some days apart."""
    files = folder / "template"
    write(folder, **{"copier.yml": yaml.safe_dump(SETTINGS), "CHANGELOG.md": "# Changelog\n"})
    write(folder, **{"ownership.yml": yaml.safe_dump(OWNERS)})
    answers = {"{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml -}}\n"}
    write(files, **answers)
    write(files, **{"tools/jaxcheck.pyz": LINTER, "name.jinja": "{{ project_name }}\n"})
    write(files, merged=LINES, settings=SEAMED, model="1\n", left="1\n", goes="1\n", stays="1\n")
    git(folder, "init", "--quiet")
    release(folder, "v1.0.0", day=1)
    write(files, merged=LINES.replace("5", "five"), model="2\n", left=None, goes=None)
    write(files, comes="1\n")
    release(folder, "v1.1.0", day=4)
    write(files, settings=SEAMED.replace("x", "y"))
    release(folder, "v2.0.0", day=11)
    return folder


def release(folder: Path, tag: str, *, day: int) -> None:
    """Commits a release on a day of a month."""
    when = f"GIT_COMMITTER_DATE=2026-01-{day:02}T12:00:00Z"
    git(folder, "add", "--all")
    git(folder, "-c", f"alias.on=!{when} git commit --quiet --message", "on", tag)
    git(folder, "tag", tag)
