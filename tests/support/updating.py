"""A project that people have worked on, and its update."""

import ast
import contextlib
import io
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import copier

from copier_jax.tables import keep_both

from . import history, rendering
from .rendering import git

PACKAGE = "kept"
SOURCES = f"src/{PACKAGE}"
DELETED, RENAMED = "tests/test_layers.py", "tests/test_sharding.py"
LINTER = "tools/jaxcheck"
ANSWERS = {"project_name": "Kept", "package_name": PACKAGE}
DEPENDENCY = "humanize>=4.9,<5"
SEAM = "# --- your settings of jaxcheck below this line ---"
TABLE = "\n[tool.mine]\ntoken_own_table = true\n"

EXPERIMENT = """

def token_experiment() -> fdl.Config[Experiment]:
    \"\"\"Learn more slowly.\"\"\"
    config = smoke()
    config.optimizer.learning_rate = 1e-3
    return config
"""
PROPERTY = '''    @property
    def token_width(self) -> int:
        """Features of one attention head."""
        return self.d_model // self.num_heads

'''
BUILD = '    def build(self, *, rngs: nnx.Rngs, precision: Precision) -> "Transformer":\n'
MODULE = '''"""Numbers for people: token_new_module."""

import humanize


def in_words(count: int) -> str:
    """Say a number with separators."""
    return humanize.intcomma(count)
'''
TEST = """from .project import mine


def test_token_new_test():
    assert mine.in_words(1234) == "1,234"
"""


def copy(repository: Path, version: str, project: Path, **answers: Any) -> Path:
    """Starts a project from a release, without trust and with defaults, and commits it."""
    given = ANSWERS | answers
    copier.run_copy(str(repository), project, given, vcs_ref=version, defaults=True, quiet=True)
    git(project, "init", "--quiet")
    history.commit(project)
    return project


def edit(project: Path) -> dict[str, str]:
    """Edits a project in the ways that people do, and commits; it works as well as before.

    Returns:
        For each edited path a word that must survive there.
    """
    extended = {
        ".gitattributes": "# token_attributes\n*.npz binary\n",
        ".gitignore": "# token_ignored\n",
        ".pre-commit-config.yaml": "  # token_hook\n",
        f"{SOURCES}/data.py": "\n\n# token_data\n",
        f"{SOURCES}/experiments.py": EXPERIMENT,
        f"{SOURCES}/mine.py": MODULE,
        f"{SOURCES}/training/mine.py": '"""token_new_file_in_a_folder_of_the_template."""\n',
        "tests/test_mine.py": TEST,
    }
    if (project / LINTER).exists():  # releases up to 0.4.1 have it as a folder
        extended |= {
            f"{LINTER}/settings.py": "# token_edited_linter\n",
            f"{LINTER}/rules/item14_mine.py": '"""token_rule_of_mine."""\n',
        }
    for path, text in extended.items():
        history.append(project / path, text)
    opened = {f"{SOURCES}/errors.py": "token_errors", "pyproject.toml": "token_project"}
    for path, word in opened.items():
        (project / path).write_text(f"# {word}\n{(project / path).read_text()}")
    (project / "README.md").write_text("# token-readme: from scratch\n")
    model = (project / SOURCES / "model.py").read_text()
    model = (
        model.replace(BUILD, PROPERTY + BUILD, 1) if BUILD in model else model + "# token_width\n"
    )
    (project / SOURCES / "model.py").write_text(model)
    stated = (project / "pyproject.toml").read_text()
    marker = re.compile(r"(    # --- your dependencies below this line.*\n)")
    stated = marker.sub(rf'\1    "{DEPENDENCY}",\n', stated, count=1)
    if "[tool.jaxcheck]" in stated:  # around the line by which later releases name the rules
        stated = stated.replace('paths = ["src", "tests"]', 'paths = ["tests", "src"]')
        name = re.compile(r"(    # --- your names of array dimensions below this line.*\n)")
        stated = name.sub(r'\1    "mine",\n', stated) + 'ignore = ["JX303"]\n'
    (project / "pyproject.toml").write_text(stated + TABLE)
    (project / DELETED).unlink(missing_ok=True)  # 0.3.0 does not have it for every task
    history.commit(project)
    words = {path: re.findall(r"token_\w+", text)[0] for path, text in extended.items()}
    others = {"README.md": "token-readme", f"{SOURCES}/model.py": "token_width"}
    return words | opened | others | {"pyproject.toml": DEPENDENCY}


def edit_further(project: Path, to_come: Iterable[str]) -> dict[str, str]:
    """Edits that meet an update elsewhere: own launchers, a changed tracker, names that collide.

    Args:
        project: the project.
        to_come: template files that the update is going to bring.

    Returns:
        For each path a word that must survive there.
    """
    (project / RENAMED).rename(project / "tests/test_meshes.py")
    extended = {
        "tests/test_meshes.py": "# token_renamed\n",
        "launch/mine.sh": "# token_launcher\n",
        "data/mine.txt": "token_ignored_by_git\n",
    }
    tracker = f"{SOURCES}/reporting/tracker.py"
    if (project / tracker).exists():
        extended[tracker] = "\n\n# token_tracker\n"
    if same := min(to_come, default=None):
        extended[same] = '"""token_same_name."""\n'
    for path, text in extended.items():
        history.append(project / path, text)
    history.commit(project)
    return {path: re.findall(r"token_\w+", text)[0] for path, text in extended.items()}


def update(project: Path, version: str | copier.VcsRef | None = None, **answers: Any) -> str:
    """Updates a project without trust, and returns what copier prints.

    Plain Copier leaves a conflict at the end of a `pyproject.toml` of 0.1.0, where no marker stood
    yet; what `copier-jax update` resolves is resolved here as well.
    """
    with contextlib.redirect_stderr(io.StringIO()) as told:
        copier.run_update(project, answers, vcs_ref=version, defaults=True, overwrite=True)
    if keep_both(project):
        assert SEAM not in git(project, "show", "HEAD:pyproject.toml")
    return told.getvalue()


def turn(project: Path) -> dict[str, Any]:
    """Deletes the files of what is then turned off, and returns answers that turn it off.

    They turn other things on as well.
    """
    given_up = ("renovate.json", "launch/slurm.sbatch", "launch/.gitignore")
    for path in [*project.glob(".github/workflows/*"), *(project / name for name in given_up)]:
        path.unlink(missing_ok=True)
    history.commit(project)
    return {"ci": "none", "launchers": ["local"], "tracker": "wandb", "python_floor": "3.12"}


def conflicts(project: Path) -> list[str]:
    """The files in which an update has left a conflict."""
    return git(project, "diff", "--name-only", "--diff-filter=U").split()


def assert_kept(project: Path, words: dict[str, str], collided: Iterable[str] = ()) -> None:
    """Checks that every edit stands where it was made and that no file was left half merged.

    Args:
        project: the project.
        words: for each path a word that must stand there.
        collided: files in which the edit and the template's change are at the same place.
    """
    for path, word in words.items():
        assert word in (project / path).read_text(), path
    assert not (project / DELETED).exists(), "a deleted file came back"
    assert set(conflicts(project)) <= set(collided)
    assert not [path for path in rendering.contents(project) if path.endswith((".rej", ".orig"))]
    tools = tomllib.loads((project / "pyproject.toml").read_text())["tool"]
    assert tools["mine"] == {"token_own_table": True}
    settings = tools["jaxcheck"]
    assert settings["select"] == ["conventions"]
    if "ignore" in settings:
        assert settings["paths"] == ["tests", "src"]
        assert settings["dimensions"][-1] == "mine"


def missing_imports(project: Path) -> list[str]:
    """What modules import from each other that is not there: the user's are older than others."""
    missing = []
    for path in [*project.glob("src/**/*.py"), *project.glob("tests/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                folder = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
                if node.module == "project":  # tests take the package's modules from there
                    folder = project / SOURCES
                names = {alias.name for alias in node.names} - {"package", "command_line"}
                told = path.relative_to(project)
                missing += [f"{told}: {name}" for name in names - _offered(folder)]
    return missing


def _offered(module: Path) -> set[str]:
    """The names that can be imported from a module or a folder of modules."""
    inner = {path.stem for path in module.glob("*") if path.is_dir() or path.suffix == ".py"}
    file = module / "__init__.py" if module.is_dir() else module.with_name(f"{module.name}.py")
    nodes = list(ast.walk(ast.parse(file.read_text()))) if file.exists() else []
    named = {node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    stored = {node.id for node in nodes if isinstance(node, ast.Name)}
    taken = {node.asname or node.name for node in nodes if isinstance(node, ast.alias)}
    return inner | named | stored | taken
