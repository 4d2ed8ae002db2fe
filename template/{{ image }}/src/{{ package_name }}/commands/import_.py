"""Make a run of a published model: a safetensors file of a ResNet or ViT of timm or torchvision.

The run has made no step. Other commands use it as any run; training starts from it.
"""

import argparse
from pathlib import Path

from ..errors import UserError
from .config import add_config_option

_NORMALISATIONS = ("imagenet", "half", "unit")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--source",
        type=Path,
        required=True,
        metavar="FILE",
        help="the file, or a folder with model.safetensors; a config.json of timm's beside it is "
        "read, too",
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="where the run will stand"
    )
    parser.add_argument(
        "--normalisation",
        choices=_NORMALISATIONS,
        help="what the weights expect of pixels from 0 to 1: ImageNet's mean and standard "
        "deviation, both a half, or nothing; needed where no config.json says it",
    )
    parser.add_argument(
        "--heads", type=int, metavar="N", help="attention heads of a ViT of an unusual width"
    )
    parser.add_argument(
        "--image-size", type=int, metavar="N", help="height and width of the images, in pixels"
    )
    add_config_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Carry out the command.

    Raises:
        UserError: The file cannot be read, or holds a model that is not supported, or it is not
            known how its images were normalised, or a run stands there already.
    """
    from functools import partial

    import fiddle as fdl
    import jax

    from .. import configuration, experiments
    from ..pretrained.image_file import SETTINGS, info_of, open_weights, read_model
    from ..pretrained.image_source import describe, read_beside
    from ..pretrained.recognition import recognise
    from ..storage.run_directory import RunDirectory
    from ._imported import write_run

    run_directory = RunDirectory(arguments.output)
    if run_directory.config_json.exists():
        raise UserError(f"{run_directory.path} holds a run: choose another --output")
    run_directory.refuse_links()
    files = open_weights(arguments.source)
    shapes, beside = files.shapes, read_beside(files.path)
    try:
        found = recognise(shapes)
        source = describe(
            found,
            beside,
            normalisation=arguments.normalisation,
            heads=arguments.heads,
            side=arguments.image_size,
        )
    except UserError as error:
        raise UserError(f"{files.path}: {error}") from error
    config = configuration.compose(arguments.config, experiments)
    config.model = fdl.Config(SETTINGS[found.kind], **source.settings)
    height, width, channels = (info := info_of(files.path, found, source))["shape"]
    fdl.assign(config.data, height=height, width=width, channels=channels)
    if files.dtype != "bfloat16":
        config.precision.param_dtype = "float32"
    program = write_run(config, info, run_directory, partial(read_model, files, found))
    count = sum(leaf.size for leaf in jax.tree.leaves(program.layout.abstract.variables))
    told = found.told.removesuffix(" has")
    print(f"{run_directory.path}: {told}, {count:,} parameters in {files.dtype}")
    head = f"head for {found.classes} classes" if found.classes else "no head: one of zeros"
    for line in (head, *source.lines):
        print(f"  {line}")
