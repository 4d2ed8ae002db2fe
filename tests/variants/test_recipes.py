"""The recipes of a project's README, carried out as they stand there.

A recipe is a section below "Recipes", from `includes/readme/recipes/`. Its fenced blocks are

- `python title="PATH"`: a new file;
- `diff title="PATH"`: a change to a file, in lines that begin with `+`, `-` or a space; a line `@@`
  stands between places that lie apart;
- `bash`: commands, run one after the other in the project's folder.

Together they add or change one file, and leave the project clean.
"""

import ast
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ..support import history, interpreters, rendering
from . import projects, training
from .projects import Project

INCLUDES = rendering.ROOT / "includes" / "readme"

CHARACTERS = """
import pathlib, sys
import numpy as np
folder = pathlib.Path("data/characters")
folder.mkdir(parents=True, exist_ok=True)
text = "".join(path.read_text() for path in sorted(pathlib.Path("src").rglob("*.py")))
ids = (np.frombuffer(text.encode(), np.uint8) + int(sys.argv[1])) % 65
ids[:-9000].astype("<u2").tofile(folder / "train.bin")
ids[-9000:].astype("<u2").tofile(folder / "val.bin")
"""
FLOWERS = """
import pathlib, sys
import numpy as np, pyarrow as pa, pyarrow.parquet
from sklearn.datasets import load_iris
iris, order = load_iris(), np.random.default_rng(int(sys.argv[1])).permutation(150)
columns = {f"number {at}": iris.data[order, at] for at in range(4)}
table = pa.table(columns | {"species": [str(iris.target_names[at]) for at in iris.target[order]]})
for name, start, stop in (
    *(("train/a", 0, 50), ("train/b", 50, 100)), ("validation/a", 100, 125), ("test/a", 125, 150)
):
    path = pathlib.Path(f"data/flowers/{name}.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table.slice(start, stop - start), path)
"""
DATA = {"token-files": CHARACTERS, "parquet-files": FLOWERS}
"""Recipes for data of one's own, and programs that write the data; another argument, other data."""

SHARES = """
import itertools, sys
import numpy as np
from proof_lab import configuration, experiments
data = configuration.build(configuration.compose([sys.argv[1]], experiments)).data
def batches(process, processes):
    share = {"process": process, "processes": processes}
    return itertools.islice(iter(data.train_batches(seed=7, **share)), 5)
for whole, *parts in zip(batches(0, 1), batches(0, 2), batches(1, 2), strict=True):
    for name, array in whole.items():
        together = np.stack([part[name] for part in parts], axis=1).reshape(array.shape)
        assert np.array_equal(together, array), name
"""


class Recipe(NamedTuple):
    """A recipe as a README tells it.

    Attributes:
        files: language, path and text of each file.
        commands: the words of each command, without `uv run`.
    """

    files: list[tuple[str, str, str]]
    commands: list[list[str]]


def names_of(task: str) -> list[str]:
    """The recipes of a task."""
    stated = re.search(r"set recipes = (\[.*\])", (INCLUDES / f"{task}.md").read_text())
    assert stated is not None
    return ast.literal_eval(stated[1])


def read_recipes(readme: str) -> list[Recipe]:
    """The recipes of a README in their order."""
    section = readme.partition("\n## Recipes\n")[2].partition("\n## ")[0]
    recipes = []
    for text in section.split("\n### ")[1:]:
        recipe = Recipe([], [])
        blocks = re.findall(r'^```(\w+)(?: title="(.+?)")?\n(.*?)^```$', text, re.M | re.S)
        for language, path, block in blocks:
            if path:
                recipe.files.append((language, path, block))
                continue
            assert language == "bash", language
            for line in block.splitlines():
                uv, run, *words = shlex.split(line)
                assert (uv, run) == ("uv", "run"), line
                recipe.commands.append(words)
        recipes.append(recipe)
    return recipes


def apply(project: Path, recipe: Recipe) -> None:
    """Makes and changes the files of a recipe."""
    for language, path, text in recipe.files:
        if language != "diff":
            assert not (project / path).exists(), f"{path} is there already: give a diff"
            history.append(project / path, text)
            continue
        for place in re.split(r"^@@.*\n", text, flags=re.M):
            lines = place.splitlines(keepends=True)
            old, new = (
                "".join(each[1:] for each in lines if each[0] in kept) for kept in (" -", " +")
            )
            history.replace(project / path, old, new)


FIRST = {name: task for task in reversed(rendering.choices("task")) for name in names_of(task)}
"""The recipes, each with one of the tasks that have it."""

POST_TRAINING = {(name, "post-training") for name in names_of("post-training")}
"""Those of the task whose steps are made in another way than all others'; what another task has
shown by day, it shows at night."""


@pytest.fixture(scope="module")
def project_of(
    template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Project]:
    """Makes a project of a task when it is first asked for."""
    made: dict[str, Project] = {}
    newest = [*interpreters.ends().values()][-1]

    def make(task: str) -> Project:
        if task not in made:
            path = tmp_path_factory.mktemp("recipes") / "proof-lab"
            made[task] = projects.make(template, path, newest, environments, task=task)
        projects.install(made[task].path, newest, environments)  # another may have taken its place
        return made[task]

    return make


@pytest.fixture(
    params=[
        pytest.param(
            (name, task),
            id=f"{name}-{task}",
            marks=[
                pytest.mark.xdist_group(f"recipes of {task}"),
                *([] if FIRST[name] == task else [pytest.mark.nightly]),
            ],
        )
        for name, task in sorted({*FIRST.items(), *POST_TRAINING})
    ]
)
def applied(
    request: pytest.FixtureRequest, project_of: Callable[[str], Project]
) -> Iterator[tuple[str, Project, Recipe]]:
    """A recipe's name, the project it was applied to, and the recipe; afterwards it is undone."""
    name, task = request.param
    project = project_of(task)
    recipes = read_recipes((project.path / "README.md").read_text())
    recipe = dict(zip(names_of(task), recipes, strict=True))[name]
    apply(project.path, recipe)
    rendering.git(project.path, "add", "--all")
    yield name, project, recipe
    undo(project.path)


def undo(project: Path) -> None:
    """Takes back what was added, changed and trained."""
    rendering.git(project, "add", "--all")
    rendering.git(project, "reset", "--quiet", "--hard")
    rendering.git(project, "clean", "--quiet", "--force", "-d", "-x", "data", "runs")


def test_recipe_works(applied: tuple[str, Project, Recipe]) -> None:
    name, project, recipe = applied
    assert len(project.changes().splitlines()) == 1, "a recipe is one file"
    project.tool("pre-commit", "run", "--all-files", SKIP="basedpyright")
    project.tool("basedpyright", *(path for _, path, _ in recipe.files if path.endswith(".py")))
    if name in DATA:
        project.tool("python", "-c", DATA[name], "0")
    for words in recipe.commands:
        project.tool(*words)
    if name in DATA:
        check_data(name, project, next(words for words in recipe.commands if "train" in words))
    assert len(project.changes().splitlines()) == 1


def check_data(name: str, project: Project, train: list[str]) -> None:
    """Checks what else data of one's own must do, once `train`, a command, has been run."""
    run = train[train.index("--run-dir") + 1]
    directives = [word.removeprefix("--config=") for word in train if word.startswith("--config=")]
    experiment, *changes = (directive.partition(":")[2] for directive in directives)
    project.tool("python", "-c", SHARES, f"config:{experiment}")

    changed = (experiment, *changes, "checkpoint.every=10")
    middle = training.last_step(project, run) // 2
    training.kill_at(project, "runs/killed", middle, *changed)
    assert [*(project.path / "runs/killed/checkpoints").iterdir()], "nothing to resume from"
    training.finish(project, "runs/killed", *changed)
    for metric in ("train/loss", "train/grad_norm", "eval/loss"):
        assert training.series(project, "runs/killed", metric) == training.series(
            project, run, metric
        )

    project.tool("python", "-c", DATA[name], "1")
    result = project.attempt(*train)
    assert result.returncode == 2
    assert "started with other data" in result.stderr


NETS = """
from flax import nnx
import jax


class Net(nnx.Module):
    def __init__(self, features: int, width: int, outputs: int, *, rngs: nnx.Rngs) -> None:
        self.first = nnx.Linear(features, width, rngs=rngs)
        self.last = nnx.Linear(width, outputs, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.last(jax.nn.relu(self.first(x)))
"""


@pytest.mark.xdist_group("recipes of tabular")
def test_the_guide_to_adoption_trains_a_model_of_ones_own(
    project_of: Callable[[str], Project],
) -> None:
    project = project_of("tabular")
    history.append(project.path / "src/mylab/__init__.py", "")
    history.append(project.path / "src/mylab/nets.py", NETS)
    guide = (rendering.ROOT / "docs" / "adopting.md").read_text()
    blocks = dict(re.findall(r'^```python title="(.+?)"\n(.*?)^```$', guide, re.M | re.S))
    assert set(blocks) == {"model.py", "objective.py", "experiments.py"}
    for name, text in blocks.items():
        (project.path / "src" / project.package / name).write_text(text)
    try:
        project.tool("ruff", "check", f"src/{project.package}")
        project.command("train", "--config=config:smoke", "--run-dir", "runs/own")
        accuracy = training.series(project, "runs/own", "eval/accuracy")
    finally:
        rendering.git(project.path, "reset", "--quiet", "--hard")
        rendering.git(
            project.path, "clean", "--quiet", "--force", "-d", "-x", "src", "data", "runs"
        )
    assert accuracy[100] > 0.9, "logistic regression gets 0.98"


def test_every_recipe_is_told() -> None:
    assert {path.stem for path in (INCLUDES / "recipes").iterdir()} == set(FIRST)


def test_a_diff_changes_every_place(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one\ntwo\nthree\nfour\n")
    diff = " one\n-two\n+2\n@@\n three\n+3.5\n"
    readme = f'\n## Recipes\n\n### A\n```diff title="a.py"\n{diff}```\n\n## B\n'
    [recipe] = read_recipes(readme)
    apply(tmp_path, recipe)
    assert (tmp_path / "a.py").read_text() == "one\n2\nthree\n3.5\nfour\n"
