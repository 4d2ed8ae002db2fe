"""A project that leaves the template, as the documents say, works as before."""

import re
import subprocess
import sys
from pathlib import Path

from .support import history, rendering
from .support.rendering import git

DOCUMENT = (rendering.ROOT / "docs" / "ownership.md").read_text()
TEXTS = {"README.md", "renovate.json"}
"""What still names the template; the documents say where."""
CHECKS = [
    ["ruff", "check"],
    ["ruff", "format", "--check"],
    ["tools/jaxcheck.pyz", "--verify"],
    ["tools/jaxcheck.pyz"],
]


def test_a_project_that_has_left(template: Path, tmp_path: Path) -> None:
    launchers = rendering.choices("launchers")
    project = rendering.render(template, tmp_path / "p", ci="github", launchers=launchers)
    git(project, "init", "--quiet")
    history.commit(project)
    before = rendering.contents(project)
    [commands] = re.findall(r"## Leaving the template\n.*?```bash\n(.*?)```", DOCUMENT, re.DOTALL)
    subprocess.run(["sh", "-ec", commands], cwd=project, check=True, capture_output=True)
    after = rendering.contents(project)
    naming = {path for path, text in after.items() if b"copier" in text.lower()}
    assert naming - {"tools/jaxcheck.pyz"} <= TEXTS
    gone = before.keys() - after.keys()
    assert ".copier-answers.yml" in gone
    assert not [path for path in gone if path.endswith((".py", ".toml"))], "types are as before"
    assert all(after[path] == before[path] for path in after)
    for check in CHECKS:
        module = ["-m"] if check[0] == "ruff" else []
        command = [sys.executable, *module, *check]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_documents_say_what_still_names_the_template(template: Path, tmp_path: Path) -> None:
    told = DOCUMENT.partition("## Leaving the template")[2]
    assert all(f"`{name}`" in told for name in TEXTS)
    [section] = re.findall(r"section \"(.*?)\" of `README.md`", told)
    project = rendering.render(template, tmp_path / "p")
    readme = (project / "README.md").read_text()
    opening, rest = readme.split("## Quick start")
    [naming] = [part for part in rest.split("\n## ") if "copier" in part]
    assert naming.startswith(f"{section}\n")
    assert opening.count("copier") == 1
