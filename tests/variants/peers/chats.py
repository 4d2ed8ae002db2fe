"""Chat templates in the manner of several families, and what transformers makes of conversations.

Each template stands in two folders: as it is, and with generation blocks where `MARKS` stand.
"""

import json
from pathlib import Path
from typing import Any

MARKS = ("{#- turn -#}", "{#- over -#}")
BLOCKS = ("{%- generation -%}", "{%- endgeneration -%}")
SPECIAL = [
    *("<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    *("<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]"),
]
TEMPLATES = {
    "chatml": """
{%- if messages[0].role != "system" %}
    {{- "<|im_start|>system\\nYou help.<|im_end|>\\n" }}
{%- endif %}
{%- for message in messages %}
    {{- "<|im_start|>" + message.role + "\\n" }}
    {%- if message.role == "assistant" %}
        {#- turn -#}{{ message.content + "<|im_end|>\\n" }}{#- over -#}
    {%- else %}
        {{- message.content + "<|im_end|>\\n" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- "<|im_start|>assistant\\n" }}
{%- endif %}
""",
    "headers": """{{ bos_token }}
{% macro header(role) %}<|start_header_id|>{{ role }}<|end_header_id|>

{% endmacro %}
{% if messages[0]["role"] == "system" %}
{% set told = messages[0]["content"] | trim %}
{% set messages = messages[1:] %}
{% else %}
{% set told = "" %}
{% endif %}
{{ header("system") + "Today: " + strftime_now("%d %b %Y") + "\\n\\n" + told + "<|eot_id|>" }}
{%- for message in messages %}
{{ header(message["role"]) -}}
{%- if message["role"] == "assistant" -%}
{#- turn -#}{{ message["content"] | trim }}<|eot_id|>{#- over -#}
{%- else -%}
{{ message["content"] | trim }}<|eot_id|>
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{ header("assistant") }}
{%- endif -%}
""",
    "model": """{{ bos_token }}
{%- set ahead = namespace(text="") -%}
{%- for message in messages -%}
    {%- if message.role == "system" -%}
        {%- set ahead.text = message.content + "\\n\\n" -%}
        {%- continue -%}
    {%- endif -%}
    {%- if message.role not in ("user", "assistant") -%}
        {{ raise_exception("no role " + message.role) }}
    {%- endif -%}
    {%- if message.role == "user" -%}
        {{ "<start_of_turn>user\\n" + ahead.text + message.content | trim + "<end_of_turn>\\n" }}
        {%- set ahead.text = "" -%}
    {%- else -%}
        {{ "<start_of_turn>model\\n" }}
        {#- turn -#}{{ message.content | trim }}{{ "<end_of_turn>\\n" }}{#- over -#}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ "<start_of_turn>model\\n" }}
{%- endif -%}
""",
    "instructions": """
{%- set told = messages[0]["content"] if messages[0]["role"] == "system" else none -%}
{{- bos_token }}
{%- for message in messages if message["role"] != "system" %}
    {%- if message["role"] == "user" %}
        {{- "[INST] " + (told + "\\n\\n" if told and loop.first else "") }}
        {{- message["content"] + " [/INST]" }}
    {%- elif message["role"] == "assistant" %}
        {#- turn -#}{{ " " + message["content"] | trim + eos_token }}{#- over -#}
    {%- else %}
        {{- message | tojson }}
    {%- endif %}
{%- endfor %}
""",
}


def conversations(texts: tuple[str, ...]) -> list[list[dict[str, str]]]:
    """Conversations of texts: one turn each, and several turns, of which one has instructions."""
    ask = [{"role": "user", "content": text} for text in texts]
    answer = [{"role": "assistant", "content": text} for text in reversed(texts)]
    pairs = [message for pair in zip(ask, answer, strict=True) for message in pair]
    told = {"role": "system", "content": texts[0]}
    return [*(pairs[at : at + 2] for at in range(0, len(pairs), 2)), pairs, [told, *pairs[2:8]]]


def write_chats(tokenizer: Any, texts: tuple[str, ...], folder: Path) -> None:
    """Write a tokenizer with each of the templates, and what transformers makes of conversations.

    Args:
        tokenizer: A tokenizer of transformers; its template is changed.
        texts: What the conversations are made of.
        folder: Gets a folder for each template.
    """
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL})
    for name, template in TEMPLATES.items():
        blocks = template.replace(MARKS[0], BLOCKS[0]).replace(MARKS[1], BLOCKS[1])
        tokenizer.chat_template = blocks
        rows = []
        for messages in conversations(texts):
            made = tokenizer.apply_chat_template(
                messages, return_dict=True, return_assistant_tokens_mask=True
            )
            prompt = tokenizer.apply_chat_template(
                messages[:-1], add_generation_prompt=True, return_dict=True
            )
            ids, counts = made["input_ids"], made["assistant_masks"]
            rows.append({"messages": messages, "ids": ids, "counts": counts})
            rows[-1]["prompt"] = prompt["input_ids"]
        for kind, text in (("plain", template), ("blocks", blocks)):
            tokenizer.chat_template = text
            target = folder / f"{name}_{kind}"
            tokenizer.save_pretrained(target, save_jinja_files=kind == "blocks")
            (target / "chats.json").write_text(json.dumps(rows))
