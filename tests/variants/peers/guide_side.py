"""The other side of the guide in the README of post-training; run where transformers is installed.

`make PROJECT` puts a tiny chat model and conversations where the guide expects them.
`check PROJECT` loads what the guide has exported, as the guide does, and compares it with
`expected.npz`, which `guide_in_project.py` leaves.
"""

import json
import sys
from pathlib import Path

import numpy as np
import tokenizers
import torch
import transformers
from chats import TEMPLATES
from safetensors.torch import load_file

SPECIAL = ("<s>", "</s>", "<pad>", "<|im_start|>", "<|im_end|>")


def make(project: Path) -> None:
    """Write the model, its tokenizer of bytes with a chat template, and sums in conversation."""
    folder = base(project)
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    raw = tokenizers.Tokenizer(
        tokenizers.models.BPE({symbol: at for at, symbol in enumerate(alphabet)}, [])
    )
    raw.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = tokenizers.decoders.ByteLevel()
    raw.add_special_tokens(list(SPECIAL))
    names = dict(zip(("bos_token", "eos_token", "pad_token"), SPECIAL[:3], strict=True))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=raw, **names)
    tokenizer.chat_template = TEMPLATES["chatml"]
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
    )
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    with (project / "chats.jsonl").open("w") as file:
        for one in range(15):
            for two in range(10):
                ask = {"role": "user", "content": f"What is {one} plus {two}?"}
                answer = {"role": "assistant", "content": f"It is {one + two}."}
                file.write(json.dumps({"messages": [ask, answer]}) + "\n")


@torch.no_grad()
def check(project: Path) -> None:
    """Compare ids and logits of a conversation, and whether anything was learned."""
    expected = np.load(project / "expected.npz")
    folder = project / "exported" / "tuned"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    talk = [{"role": "user", "content": str(expected["message"])}]
    prompt = tokenizer.apply_chat_template(talk, add_generation_prompt=True, return_dict=True)
    assert prompt["input_ids"] == expected["ids"].tolist()
    found = model(torch.tensor([prompt["input_ids"]])).logits.numpy()
    error = np.abs(found - expected["logits"]).max() / np.abs(found).max()
    assert error <= 1e-4, error
    before, after = (load_file(each / "model.safetensors") for each in (base(project), folder))
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "proj" in name}


def base(project: Path) -> Path:
    """The folder of the model that was published."""
    return project / "models" / "base"


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2]))
