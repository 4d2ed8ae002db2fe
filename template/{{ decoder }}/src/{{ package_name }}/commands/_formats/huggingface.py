"""A folder that `transformers.AutoModelForCausalLM.from_pretrained` loads."""

import json
import shutil
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...files import write_atomically
from ...pretrained.byte_tokenizer import write_byte_tokenizer
from ...pretrained.exporting import form_of, write_model
from ...pretrained.folder import CONFIG
from ...storage.run_directory import RunDirectory
from ...tokenization.json_files import read_json_if_there
from ...tokenizer import TOKENIZER
from ...training.program import Program
from ...training.state import TrainState
from .._tokenizer import special_ids, tokenizer_of

FILES = (CONFIG,)
GENERATION = "generation_config.json"
CARD = """\
---
library_name: transformers
pipeline_tag: text-generation
---

# {name}

{architecture}, {count:,} parameters. Weights of the run `{name}` after step {step}.

```python
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("{folder}")
```
"""


def write(program: Program, state: TrainState, step: int, folder: Path, run: RunDirectory) -> str:
    """Export a model with its tokenizer, and say what was written.

    Raises:
        UserError: No family of models has its settings, or the files cannot be written.
    """
    model = program.model(state)
    origin = read_json_if_there(run.pretrained / CONFIG)
    form = form_of(model.settings, origin.get("model_type"))
    data: Any = program.experiment.data
    tokenizer = tokenizer_of(data)
    start, end, pad = special_ids(tokenizer)
    told = {"bos_token_id": start, "eos_token_id": end, "pad_token_id": pad}
    length = getattr(data, "seq_len", None) or data.max_prompt_tokens + data.max_response_tokens
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / GENERATION, json.dumps(told, indent=2) + "\n")
        if run.pretrained.is_dir():
            shutil.copytree(run.pretrained, folder, dirs_exist_ok=True)
        elif tokenizer.name == TOKENIZER.name:
            write_byte_tokenizer(folder)
        for name, file in getattr(tokenizer, "files", {}).items():
            shutil.copyfile(file, folder / name)
        config = {"max_position_embeddings": length, **told}
        if origin.get("model_type") == form.kind:
            config |= origin
        count = write_model(folder, model, form, config)
        names = {"name": run.path.name, "folder": folder, "step": step, "count": count}
        card = CARD.format(**names, architecture=form.family.architecture)
        write_atomically(folder / "README.md", card)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from error
    scaled = ", its embeddings scaled, and beside them those of the logits" if form.scaled else ""
    return f"{folder}: {form.family.architecture}{scaled}; load it with transformers"
