"""Tokenizers with chat templates, for tests of conversations."""

import json

import tokenizers

CHATML = (
    "{% for message in messages %}\n"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] | trim }}<|im_end|>\n"
    "{% endfor %}\n"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
INST = (
    "{{ bos_token }}{% for message in messages %}{% if message.role == 'user' %}"
    "{% if loop.previtem == message %}{{ raise_exception('said twice') }}{% endif %}"
    "[INST] {{ message.content }} [/INST]{% else %} {{ message.content }}{{ eos_token }}"
    "{% endif %}{% endfor %}"
)
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Größe?"},
    {"role": "assistant", "content": "7 λ"},
    {"role": "user", "content": "  And\nthen? "},
    {"role": "assistant", "content": "8 <b>"},
]


def write_tokenizer(folder, template=None, **more):
    """A tokenizer of bytes with the special tokens of chats, and a chat template."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    model = tokenizers.models.BPE({symbol: at for at, symbol in enumerate(alphabet)}, [])
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_special_tokens(["<s>", "</s>", "<pad>", "<|im_start|>", "<|im_end|>"])
    folder.mkdir(exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    told = {"bos_token": "<s>", "eos_token": {"content": "</s>"}, "pad_token": "<pad>", **more}
    if template is not None:
        told["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    return folder
