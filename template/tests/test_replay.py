"""A step is made again, and the module that breaks it is named."""

import shutil

import pytest
from flax import nnx

from . import tiny, tiny_task
from .project import command_line, commands, storage, training
from .watched import unchanged

CHANGES = (
    "loop.steps=3",
    "loop.eval_every=3",
    "checkpoint.every=1",
    "data.batch_size=16",
    *tiny_task.COMPUTED[1],
)


def run(*words):
    return command_line.main([str(word) for word in words])


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A run of three steps, before the last of which one module gets weights that overflow.

    Where its layers are stacked, the last one alone does. With the run comes the module's name.
    """
    folder = tmp_path_factory.mktemp("runs")
    options = [f"--config={each}" for each in tiny.directives(tiny.prepare(folder), *CHANGES)]
    path = folder / "run"
    assert run("train", "--run-dir", path, *options) == 0
    program, state, _ = commands._run.open_run(path, "2")
    model = nnx.merge(program.layout.graphdef, state.params, state.variables)
    found = {}
    for parts, node in nnx.iter_graph(model):
        if isinstance(node, nnx.Param) and len(parts) > 1:
            found.setdefault(parts[:-1], []).append(node)
    parts, weights = next(iter(found.items()))
    name = ".".join(map(str, parts))
    stacked = weights[0].get_metadata()["out_sharding"][0] == "num_layers"
    for weight in weights:
        weight[...] = weight[...].at[-1 if stacked else slice(None)].set(3e38)
    if stacked:
        name = name.replace(parts[0], f"{parts[0]}[{len(weights[0]) - 1}]")
    state = state._replace(params=nnx.to_pure_dict(nnx.state(model, nnx.Param)))

    batches = training.batches.training_batches(program.experiment)
    assert next(batches) and next(batches)
    for step in (2, 3):
        shutil.rmtree(path / "checkpoints" / str(step))
    settings = program.experiment.checkpoint
    with storage.checkpoints.Checkpoints(path / "checkpoints", settings) as checkpoints:
        checkpoints.save(2, state, batches)
    return path, name


def test_the_first_module_is_named(broken, capsys):
    path, name = broken
    with unchanged(path):
        assert run("replay", "--run-dir", path, "--step", 3) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["repeating steps 3 to 3", f"{path}, step 3, batch 3"]
    (output, *_) = (line for line in lines if "first output that is not finite" in line)
    assert f": {name}: " in output
    experiment = tiny.make(path.parent / "data", *CHANGES)
    (held,) = training.batches.origins(experiment, [3])
    assert lines[-len(held) :] == [f"  {origin}" for origin in held]


def test_a_step_in_which_all_is_finite(broken, capsys):
    path, _ = broken
    with unchanged(path):
        assert run("replay", "--run-dir", path, "--step", 2) == 0
    told = capsys.readouterr().out
    assert "first output that is not finite: none" in told
    assert "first gradient that is not finite, going backwards: none" in told
    assert "gradient norm of " in told and "nan" not in told and "the batch itself" not in told


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--step", 4), "--step 4: the run has steps 1 to 3"),
        (("--step", 0), "--step 0: the run has steps 1 to 3"),
        (("--step", 2, "--rollback", 1), "--rollback 1: the run has gone back 0 times"),
    ],
)
def test_there_is_no_such_step(broken, capsys, words, error):
    assert run("replay", "--run-dir", broken[0], *words) == 2
    assert capsys.readouterr().err == f"error: {error}\n"
