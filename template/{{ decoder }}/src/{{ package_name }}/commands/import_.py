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
    from functools import partial

    import jax

    from .. import configuration, experiments
    from ..pretrained.families import family_of
    from ..pretrained.folder import CONFIG, ModelFolder
    from ..pretrained.importing import BESIDE, read_model, set_fields
    from ..storage.run_directory import RunDirectory
    from ..tokenization.keeping import published_info
    from ._imported import write_run

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
    config.model = getattr(config.model, "base", config.model)  # below LoRA
    try:
        set_fields(config.model, settings)
    except AttributeError as error:
        raise UserError(f"the project's model cannot be {family.architecture}: {error}") from error
    if folder.dtype != "bfloat16":
        config.precision.param_dtype = "float32"
    beside = [folder.path / name for name in BESIDE if (folder.path / name).is_file()]
    read = partial(read_model, folder, family)
    program = write_run(config, published_info(folder.path), run_directory, read, beside)
    count = sum(leaf.size for leaf in jax.tree.leaves(program.layout.abstract.variables))
    print(f"{run_directory.path}: {family.architecture}, {count:,} parameters in {folder.dtype}")
