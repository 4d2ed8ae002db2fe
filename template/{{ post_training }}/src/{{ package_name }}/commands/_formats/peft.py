"""The low-rank differences alone, as an adapter that PEFT loads onto the model they are of."""

from pathlib import Path
from typing import Any

from flax import nnx

from ...errors import UserError
from ...post_training.adapter import CONFIG, write_adapter
from ...post_training.lora import LoraModel, LoraSettings
from ...pretrained.exporting import form_of
from ...pretrained.folder import CONFIG as MODEL_CONFIG
from ...storage.run_directory import RunDirectory
from ...tokenization.json_files import read_json_if_there
from ...training.program import Program
from ...training.state import TrainState, evaluation_params

FILES = (CONFIG,)


def write(program: Program, state: TrainState, step: int, folder: Path, run: RunDirectory) -> str:
    """Export the differences that a run has trained, and say what was written.

    Raises:
        UserError: The run trains no such differences, or no family of models has its settings, or
            the files cannot be written.
    """
    experiment: Any = program.experiment
    if not isinstance(experiment.model, LoraSettings):
        raise UserError("--format peft: the run trains no low-rank differences (LoraSettings)")
    params = evaluation_params(state)
    model: LoraModel = nnx.merge(program.layout.graphdef, params, state.variables)
    origin = read_json_if_there(run.pretrained / MODEL_CONFIG)
    form = form_of(model.settings, origin.get("model_type"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_adapter(folder, model, experiment.model, form.family, origin.get("_name_or_path"))
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from error
    return f"{folder}: an adapter of {form.family.architecture}; load it with PEFT"
