"""Public checkers of what is not Python: each takes a file and says what is wrong with it."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pydantic
import yaml
from kubeflow_trainer_api.models.jobset_v1alpha2_job_set_spec import JobsetV1alpha2JobSetSpec

Checker = Callable[[Path], str]

PROGRAMS = Path(sys.executable).parent


def actionlint(workflow: Path) -> str:
    """Says what is wrong with a workflow of GitHub and, by shellcheck, with its scripts."""
    return _run("actionlint", f"-shellcheck={PROGRAMS / 'shellcheck'}", "-no-color", workflow)


def zizmor(workflow: Path) -> str:
    """Says where a workflow of GitHub is open to attacks; the strictest view, without network."""
    return _run("zizmor", "--offline", "--persona=auditor", "--no-progress", "--quiet", workflow)


def schema(name: str) -> Checker:
    """A checker by a schema that the maintainers of a format publish."""
    transform = [f"--data-transform={name}"] if name == "gitlab-ci" else []
    return lambda file: _run(
        "check-jsonschema", "--builtin-schema", f"vendor.{name}", *transform, file
    )


def shellcheck(script: Path) -> str:
    """Says what is wrong with a shell script."""
    return _run("shellcheck", "--severity=style", script)


def shellcheck_parts(shell: str, *names: str) -> Checker:
    """A checker of the shell scripts that stand in a YAML file, under these names."""

    def check(file: Path) -> str:
        scripts = list(_values(yaml.safe_load(file.read_text()), names))
        assert scripts, f"{file} has no {names}"
        return "".join(
            _run("shellcheck", f"--shell={shell}", "--severity=style", "-", script=script)
            for script in scripts
        )

    return check


def hadolint(dockerfile: Path) -> str:
    """Says what is wrong with a Dockerfile and, by shellcheck, with its scripts."""
    return _run("hadolint", "--failure-threshold=style", dockerfile)


def jobset(manifest: Path) -> str:
    """Says what is wrong with a JobSet, by the models of its API and that of Kubernetes.

    The models pass over what they do not know, so it is a finding when something gets lost.
    """
    document = yaml.safe_load(manifest.read_text())
    if document["apiVersion"] != "jobset.x-k8s.io/v1alpha2" or document["kind"] != "JobSet":
        return f"{manifest} is no JobSet"
    name = f"{document['metadata']['name']}-{document['spec']['replicatedJobs'][0]['name']}-0-10"
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,55}[a-z0-9])?", name):
        return f"{name}: no name for a pod, to which Kubernetes adds six characters of 63"
    try:
        model = JobsetV1alpha2JobSetSpec.from_dict(document["spec"])
    except pydantic.ValidationError as error:
        return str(error)
    known = set(_leaves(model.to_dict())) if model else set()
    lost = [path for path, value in _leaves(document["spec"]) if (path, value) not in known]
    return "".join(f"{manifest}: spec{path} is unknown\n" for path in lost)


def _run(program: str, *arguments: str | Path, script: str | None = None) -> str:
    result = subprocess.run(
        [PROGRAMS / program, *arguments],
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert result.returncode == 0 or result.stdout, f"{program} failed without a word"
    return result.stdout if result.returncode else ""


def _values(node: object, names: tuple[str, ...]) -> Iterator[str]:
    """The scripts under these names, anywhere in a document; a list of lines is one script."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in names:
                yield value if isinstance(value, str) else "\n".join(value)
            else:
                yield from _values(value, names)


def _leaves(node: object, path: str = "") -> Iterator[tuple[str, str]]:
    """All values of a document by their paths."""
    if isinstance(node, dict | list) and node:
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for name, value in items:
            yield from _leaves(value, f"{path}.{name}")
    else:
        yield path, str(node)
