"""Make a run of a published model: a folder with config.json and safetensors files.

The run has made no step. Other commands use it as any run; training starts from it.
"""

import argparse
from pathlib import Path

from ..errors import UserError
from .config import add_config_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--source", type=Path, required=True, metavar="DIR", help="the folder of the model"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="where the run will stand"
    )
    add_config_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Carry out the command.

    Raises:
        UserError: The model is of no family that is understood, or its tensors are not those that
            its configuration calls for, or a run stands there already.
    """
    import fiddle as fdl
    import jax

    from .. import configuration, experiments
    from ..files import write_atomically
    from ..parallel.distributed import failing_together, start_processes
    from ..pretrained.families import family_of
    from ..pretrained.folder import CONFIG, ModelFolder
    from ..pretrained.importing import set_fields, write_run
    from ..pretrained.model import PretrainedSettings
    from ..storage.data_record import data_record
    from ..storage.run_directory import RunDirectory
    from ..tokenization.keeping import published_info
    from ..training.optimizer import OptimizerSettings
    from ..training.program import make_program

    folder, run_directory = ModelFolder(arguments.source), RunDirectory(arguments.output)
    if run_directory.config_json.exists():
        raise UserError(f"{run_directory.path} holds a run: choose another --output")
    run_directory.refuse_links()
    try:
        family = family_of(folder.config)
        settings = family.settings_of(folder.config)
    except UserError as error:
        raise UserError(f"{folder.path / CONFIG}: {error}") from error
    config = configuration.compose(arguments.config, experiments)
    model = getattr(config.model, "base", config.model)  # below LoRA
    try:
        set_fields(model, settings)
    except AttributeError as error:
        raise UserError(f"the project's model cannot be {family.architecture}: {error}") from error
    config.model = fdl.Config(PretrainedSettings, base=model)
    config.optimizer = fdl.Config(OptimizerSettings)
    config.hooks = ()
    if folder.dtype != "bfloat16":
        config.precision.param_dtype = "float32"
    if hasattr(config, "start_from"):
        config.start_from = None
    info = published_info(folder.path)
    experiment = configuration.build(config).fitted(info)
    start_processes()
    program = make_program(experiment, experiment.make_mesh())
    with jax.set_mesh(program.mesh), failing_together():
        write_run(folder, family, program, run_directory)
        if jax.process_index() == 0:
            if info:
                record = data_record(run_directory.data_set, None, info, allow_change=True)
                write_atomically(run_directory.data_set, record)
            write_atomically(run_directory.config_text, configuration.flatten(config))
            write_atomically(run_directory.config_json, configuration.dump_json(config))
    count = sum(leaf.size for leaf in jax.tree.leaves(program.layout.abstract.variables))
    print(f"{run_directory.path}: {family.architecture}, {count:,} parameters in {folder.dtype}")
