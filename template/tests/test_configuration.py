"""The command line's directives, the errors they give, and configurations on disk."""

import argparse
import sys
from types import ModuleType
from typing import Annotated

import fiddle as fdl
import pytest

from .project import commands, configuration, errors, experiments, settings, storage

compose = configuration.compose


def one_line(directives, module=experiments):
    """The message of the error that these directives give, which must be a single line."""
    with pytest.raises(errors.UserError) as caught:
        configuration.build(compose(directives, module))
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.fixture
def sample():
    """A module of experiments with two fiddlers: one changes its argument, one returns another."""

    def base() -> fdl.Config:
        return experiments.base()

    def faster(config: fdl.Config, factor: int = 2) -> None:
        config.optimizer.learning_rate *= factor

    def reseeded(config: fdl.Config, seed: int) -> fdl.Config:
        return fdl.copy_with(config, seed=seed)

    module = ModuleType("sample")
    vars(module).update(base=base, faster=faster, reseeded=reseeded, helper=len, _hidden=base)
    return module


def test_every_experiment_builds_and_survives_json():
    names = configuration.catalogue(experiments)["experiment"]
    assert "base" in names
    for name in names:
        config = compose([f"config:{name}"], experiments)
        loaded = configuration.load_json(configuration.dump_json(config))
        assert configuration.build(loaded) == configuration.build(config)
        assert configuration.differences(config, loaded) == []
        assert configuration.differences(loaded, config) == []


def test_directives_apply_in_order(sample):
    directives = ["set:optimizer.learning_rate=0.5", "fiddler:faster(factor=4)", "set:seed=7"]
    built = configuration.build(compose(directives, sample))
    assert built.optimizer.learning_rate == 2.0
    assert built.seed == 7


def test_a_fiddler_may_return_another_configuration(sample):
    assert configuration.build(compose(["fiddler:reseeded(3)"], sample)).seed == 3


def test_base_is_the_start_if_none_is_named(sample):
    assert configuration.differences(compose([], sample), compose(["config:base"], sample)) == []


def test_text_needs_no_quotes_and_booleans_any_case():
    directives = [
        "set:precision.compute_dtype=float32",
        "set:optimizer.schedule.kind='wsd'",
        "set:mesh.fsdp=true",
    ]
    built = configuration.build(compose(directives, experiments))
    assert built.precision.compute_dtype == "float32"
    assert built.optimizer.schedule.kind == "wsd"
    assert built.mesh.fsdp is True


def test_a_group_left_to_its_default_can_be_set():
    config = experiments.base()
    del config.optimizer.schedule
    module = ModuleType("sample")

    def base() -> fdl.Config:
        return config

    vars(module).update(base=base)
    changed = compose(["set:optimizer.schedule.kind=wsd"], module)
    assert configuration.build(changed).optimizer.schedule.kind == "wsd"
    assert configuration.build(compose([], module)).optimizer.schedule.kind != "wsd"


def test_a_saved_configuration_is_a_start(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(configuration.dump_json(compose(["set:seed=11"], experiments)))
    config = compose([f"config_file:{path}", "set:loop.steps=5"], experiments)
    built = configuration.build(config)
    assert (built.seed, built.loop.steps) == (11, 5)


@pytest.mark.parametrize(
    ("directives", "parts"),
    [
        (["set:optimizer.learning_rte=1"], ["no field optimizer.learning_rte", "learning_rate?"]),
        (["set:learning_rate=1"], ["did you mean optimizer.learning_rate?"]),
        (["set:optimizer.qqqq=1"], ["no field optimizer.qqqq", "fields of optimizer: learning"]),
        (["set:seed.x=1"], ["seed is one value"]),
        (["set:seed"], ["set:seed", "FIELD=VALUE"]),
        (["set:[=1"], ["not the name of a field"]),
        (["config:bsae"], ["no experiment bsae", "did you mean base?"]),
        (["fiddler:qqqq"], ["no fiddler qqqq"]),
        (["base"], ["config:NAME"]),
        (["set:seed=1", "config:base"], ["must come first"]),
        (["config:base(1)"], ["too many"]),
        (["config:base(os.getcwd())"], ["literal arguments"]),
        (["config_file:nowhere.json"], ["nowhere.json cannot be read"]),
        (["set:seed=abc"], ["seed: should be a valid integer, not 'abc'"]),
        (["set:seed=1.5"], ["seed: "]),
        (["set:mesh.fsdp=3"], ["mesh.fsdp: "]),
        (["set:optimizer=3"], ["optimizer: "]),
        (["set:optimizer.learning_rate=-1"], ["optimizer.learning_rate: "]),
        (["set:precision.compute_dtype=float"], ["precision.compute_dtype: ", "'float32'"]),
        (
            ["set:optimizer.schedule.warmup_steps=-1"],
            ["optimizer.schedule.warmup_steps", "greater than or equal to 0, not -1"],
        ),
        (["set:loop.micro_batches=1000003"], ["loop.micro_batches: 1000003 does not divide"]),
    ],
)
def test_a_mistake_gets_one_line_that_names_it(directives, parts):
    message = one_line(directives)
    for part in parts:
        assert part in message


def test_mistakes_in_calls_of_fiddlers(sample):
    assert "factor should be int, not 'x'" in one_line(["fiddler:faster('x')"], sample)
    assert "missing a required argument: 'seed'" in one_line(["fiddler:reseeded"], sample)
    assert "did you mean faster?" in one_line(["fiddler:fastr"], sample)
    assert "no fiddler helper" in one_line(["fiddler:helper"], sample)
    assert "no experiment faster" in one_line(["config:faster"], sample)


def test_all_mistakes_are_told_at_once():
    directives = ["set:seed=x", "set:loop.steps=0", "set:optimizer.b1=2"]
    with pytest.raises(errors.UserError) as caught:
        configuration.build(compose(directives, experiments))
    named = sorted(line.partition(":")[0] for line in str(caught.value).splitlines())
    assert named == ["loop.steps", "optimizer.b1", "seed"]


def test_a_missing_value_is_named():
    config = experiments.base()
    del config.optimizer
    with pytest.raises(errors.UserError, match=r"^optimizer: is required$"):
        configuration.build(config)


def test_differences_name_the_field_and_both_values():
    old = compose([], experiments)
    new = compose(["set:optimizer.b1=0.5", "set:mesh.model=1"], experiments)  # 1 is the default
    (difference,) = configuration.differences(old, new)
    assert (difference.path, difference.new) == ("optimizer.b1", 0.5)
    assert str(difference) == "optimizer.b1: 0.9 -> 0.5"


def test_experiments_and_fiddlers_of_other_modules(sample, monkeypatch):
    module = f"{experiments.__package__}.mine"
    vars(sample).update(__name__=module)
    monkeypatch.setitem(sys.modules, module, sample)
    config = compose(["config:mine.base", "fiddler:mine.reseeded(3)"], experiments)
    assert (config.seed, config.model) == (3, compose([], experiments).model)
    message = one_line(["config:mine.bse"])
    assert message == "config:mine.bse: no experiment bse; did you mean base? (experiments: base)"
    assert "there is no module nowhere" in one_line(["fiddler:nowhere.faster"])
    assert "there is no module" in one_line(["config:os.path.base"])


def test_resuming_with_another_configuration():
    old = compose([], experiments)
    free = ["data.threads=7", "data.directory=x", "loop.log_every=9", "mesh.model=2"]
    configuration.check_resume(old, compose([f"set:{each}" for each in free], experiments))
    new = compose(["set:checkpoint.every=7", "set:optimizer.b1=0.5"], experiments)
    with pytest.raises(errors.UserError, match=r"optimizer\.b1: 0\.9 -> 0\.5") as caught:
        configuration.check_resume(old, new)
    assert "checkpoint.every" not in str(caught.value)


class Inner(settings.Settings):
    size: int = 1


class Marked(settings.Settings):
    free: Annotated[int, settings.FREE] = 1
    inner: Annotated[Inner, settings.FREE] = Inner()
    fixed: int = 1


class Heir(Marked):
    free: int = 2  # declared anew, as a task declares `directory` of its data


@pytest.mark.parametrize("kind", [Marked, Heir])
def test_settings_say_which_fields_may_change(kind):
    old, new = fdl.Config(kind), fdl.Config(kind, free=5, inner=fdl.Config(Inner, size=5))
    configuration.check_resume(old, new)
    configuration.check_resume(old, fdl.Config(kind, inner=Inner(size=5)))
    with pytest.raises(errors.UserError, match=r"\(fixed: 1 -> 5\)"):
        configuration.check_resume(old, fdl.Config(kind, free=5, fixed=5))


def test_the_text_form_shows_values_and_defaults():
    lines = configuration.flatten(compose(["set:seed=5"], experiments)).splitlines()
    assert "seed = 5" in lines
    assert "optimizer.b1 = 0.9  # default" in lines
    assert not any(" at 0x" in line for line in lines)


@pytest.mark.parametrize("text", ["", "{", "3", "[]", '{"root": 1}'])
def test_a_file_of_another_kind_is_refused(text):
    with pytest.raises(errors.UserError, match="not a saved configuration"):
        configuration.load_json(text)


def test_a_saved_configuration_may_outlive_its_code():
    text = configuration.dump_json(compose([], experiments))
    with pytest.raises(errors.UserError, match="names code that is not there"):
        configuration.load_json(text.replace("MeshSettings", "FormerSettings"))
    with pytest.raises(errors.UserError, match=r"optimizer\.former: no such field"):
        configuration.build(configuration.load_json(text.replace('"b1"', '"former"')))


def test_the_list_tells_what_there_is(sample):
    text = configuration.catalogue_text(sample)
    assert "base" in text
    assert "faster" in text
    assert "helper" not in text
    assert "_hidden" not in text


def command(capsys, *words):
    """What ``config`` followed by these words prints."""
    parser = argparse.ArgumentParser()
    commands.config.add_arguments(parser)
    commands.config.run(parser.parse_args(words))
    return capsys.readouterr().out


def test_the_command_shows_lists_and_compares(capsys, tmp_path):
    assert "\nseed = 5\n" in command(capsys, "show", "--config=set:seed=5")
    assert command(capsys, "list") == configuration.catalogue_text(experiments)
    assert command(capsys, "diff") == ""
    assert command(capsys, "diff", "--config=set:optimizer.b1=0.5").startswith("optimizer.b1: ")

    saved = storage.run_directory.RunDirectory(tmp_path).config_json
    saved.write_text(configuration.dump_json(compose(["set:optimizer.b1=0.5"], experiments)))
    words = ["diff", "--against", str(tmp_path), "--config=set:optimizer.b1=0.25"]
    assert command(capsys, *words) == "optimizer.b1: 0.5 -> 0.25\n"


def test_the_command_checks_what_it_shows(capsys):
    with pytest.raises(errors.UserError, match=r"^seed: "):
        command(capsys, "show", "--config=set:seed=x")
    with pytest.raises(errors.UserError, match="no experiment nowhere"):
        command(capsys, "diff", "--against=nowhere")
