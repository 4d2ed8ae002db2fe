"""A run directory may come from anywhere: what its configuration names is not run."""

import json
import sys
import textwrap

import fiddle as fdl
import pytest
from fiddle.experimental import serialization

from .project import command_line, configuration, errors, experiments, package
from .watched import unchanged, watched

NAME = package.__name__


class Tag(fdl.Tag):
    """Stands for a tag that is foreign."""


def stand_in(command="", **_):
    """Stands for what an attacker names instead."""
    return command


SYMBOLS = [
    *[("builtins", name) for name in ("eval", "exec", "open", "__import__", "getattr", "type")],
    *[("os", "system"), ("posix", "system"), ("os", "popen"), ("os", "path.os.system")],
    *[("subprocess", name) for name in ("call", "getoutput", "Popen", "run")],
    *[("pickle", "loads"), ("marshal", "loads"), ("shutil", "rmtree"), ("ctypes", "CDLL")],
    *[("functools", "partial"), ("importlib", "import_module"), ("pathlib", "Path.unlink")],
    *[("fiddle", "build"), ("fiddle._src.config", "sys.modules"), ("numpy", "load")],
    *[("planted", "anything"), (f"{NAME}_planted", "anything"), (f".{NAME}.files", "os.system")],
    # Found in the project, but not defined there.
    *[(f"{NAME}.files", "os.system"), (f"{NAME}.files", "os"), (f"{NAME}.files", "Path.unlink")],
    *[(f"{NAME}.__main__", "importlib.import_module"), (NAME, "commands.export.pkgutil.os.system")],
    *[(f"{NAME}.settings", "Settings.model_validate"), (f"{NAME}.settings", "Settings.__class__")],
    *[(f"{NAME}.settings", "is_free.__globals__"), (f"{NAME}.settings", "is_free.__call__")],
    *[(f"{NAME}.settings", "is_free.__code__"), (f"{NAME}.experiments", "fdl.build")],
    # Defined there, but no settings.
    *[(f"{NAME}.files", "write_atomically"), (f"{NAME}.files", "replacing")],
    *[(f"{NAME}.reporting.writers", "JsonLinesWriter"), (f"{NAME}.__main__", "main")],
]
PLACES = {
    "a field": lambda config: setattr(config, "objective", fdl.Config(stand_in, "touch ran")),
    "a number": lambda config: setattr(config, "seed", fdl.Config(stand_in, "touch ran")),
    "a field below": lambda config: setattr(config.loop, "steps", fdl.Config(stand_in, "x")),
    "a default": lambda config: setattr(config, "prediction", fdl.Config(stand_in, "x")),
    "a part": lambda config: setattr(config, "hooks", (fdl.Config(stand_in, "touch ran"),)),
    "an entry": lambda config: config.evaluations.update(more=fdl.Config(stand_in, "touch ran")),
    "a list in a list": lambda config: setattr(config, "hooks", ([fdl.Config(stand_in, "x")],)),
    "an argument": lambda config: setattr(
        config, "objective", fdl.Config(stand_in, fdl.Config(stand_in, "touch ran"))
    ),
    "a value": lambda config: setattr(config, "objective", stand_in),
    "a key": lambda config: config.evaluations.update({stand_in: 1}),
    "a partial": lambda config: setattr(config, "objective", fdl.Partial(stand_in, "touch ran")),
    "a factory": lambda config: setattr(config.loop, "steps", fdl.ArgFactory(stand_in, "x")),
    "a tag": lambda config: fdl.add_tag(config, "seed", Tag),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a run, where modules can be imported that leave a file behind."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("planted", f"{NAME}_planted"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    (tmp_path / "run").mkdir()
    return tmp_path


def saved(change=lambda config: None):
    config = experiments.base()
    change(config)
    return serialization.dump_json(config)


def refused(folder, capsys, text, *words):
    """The line with which a command, ``config show`` by default, refuses a configuration."""
    (folder / "run" / "config.json").write_text(text)
    with watched(), unchanged(folder):
        assert (
            command_line.main(words or ("config", "show", "--config=config_file:run/config.json"))
            == 2
        )
    assert "planted" not in sys.modules
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and len(error) < 400
    return error


def naming(place, module, name):
    text = saved(PLACES[place])
    for kind in (stand_in, Tag):
        was = f'"module": "{__name__}", "name": "{kind.__name__}"'
        text = text.replace(was, f'"module": "{module}", "name": "{name}"')
    assert __name__ not in text
    return text


@pytest.mark.parametrize("symbol", SYMBOLS, ids=".".join)
def test_no_symbol_is_called_that_is_not_settings_of_the_project(folder, capsys, symbol):
    error = refused(folder, capsys, naming("a field", *symbol))
    assert "objective: " in error and ".".join(symbol) in error


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("symbol", [("os", "system"), ("planted", "f")], ids=["present", "new"])
def test_no_place_is_overlooked(folder, capsys, place, symbol):
    error = refused(folder, capsys, naming(place, *symbol))
    assert f"'{'.'.join(symbol)}' is none of this project's settings" in error


COMMANDS = ["train", "evaluate", "predict", "export", "doctor", "config diff"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_it(folder, capsys, command):
    words = [*command.split(), "--run-dir", "run"]
    if command == "predict":
        words += ["--source", "*.py"]
    elif command == "export":
        words += ["--output", "exported"]
    elif command == "config diff":
        words = [*command.split(), "--against", "run"]
    error = refused(folder, capsys, naming("a field", "planted", "f"), *words)
    assert "run/config.json: " in error and "planted.f" in error


def endless(content):
    content["objects"]["endless"] = {"type": "ref", "key": "endless"}
    content["root"] = {"type": "ref", "key": "endless"}


def repeated(content):
    kind, before = {"type": "pyref", "module": "builtins", "name": "list"}, 1
    for number in range(60):
        items = [["", before], ["", before]]
        content["objects"][f"n{number}"] = {"type": kind, "items": items, "metadata": None}
        before = {"type": "ref", "key": f"n{number}"}
    content["root"] = before


def misnamed(content):
    for each in content["objects"].values():
        each["paths"] = ["<root>.x\nerror: y\x1b[2J"]
        if each["type"]["name"] == "tuple":
            each["type"] = {"type": "pyref", "module": "os\nx", "name": "system" * 1000}


EDITS = {
    "a reference to itself": endless,
    "references to references": repeated,
    "names that are no names": misnamed,
    "a type that is no symbol": lambda content: content["root"].update(type=3),
    "a symbol of numbers": lambda content: content["root"].update(type="pyref", module=1, name=2),
    "a missing object": lambda content: content["objects"].clear(),
    "objects that are a list": lambda content: content.update(objects=[]),
    "no root": lambda content: content.pop("root"),
    "another kind of object": lambda content: content.update(root=content["objects"]["tuple_1"]),
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_is_no_configuration_is_refused(folder, capsys, edit):
    content = json.loads(saved(lambda config: setattr(config, "hooks", ())))
    EDITS[edit](content)
    refused(folder, capsys, json.dumps(content))


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"root":' * 100_000, '{"root": ' + "9" * 10_000 + "}", "\x00", "null"]
)
def test_what_is_no_json_is_refused(folder, capsys, text):
    assert "not a saved configuration" in refused(folder, capsys, text)


def test_what_the_experiments_use_themselves_is_read(monkeypatch):
    text = naming("a field", "textwrap", "shorten")
    with pytest.raises(errors.UserError, match=r"'textwrap\.shorten' is none"):
        configuration.load_json(text)
    symbols = configuration.symbols
    monkeypatch.setattr(symbols, "_used", lambda: frozenset([("textwrap", "shorten")]))
    assert fdl.get_callable(configuration.load_json(text).objective) is textwrap.shorten


def test_what_the_experiments_use_is_found_in_their_text():
    used = configuration.symbols._used()
    assert (NAME + ".training.experiment", "Experiment") in used
    assert (NAME + ".experiments", "base") not in used  # which is called
