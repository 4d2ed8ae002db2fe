"""What a project makes of the tokenizers of `tokenizers_side.py`; and one of its own, for them.

Run in a project's environment: `python tokenizers_in_project.py PACKAGE FOLDER SOURCES`, where the
sources are those of a project that trains language models.
"""

import importlib
import json
import sys
from pathlib import Path

PACKAGE, FOLDER = sys.argv[1], Path(sys.argv[2])
sys.path.insert(0, sys.argv[3])


def module(name: str):
    """A module of the project."""
    return importlib.import_module(f"{PACKAGE}.tokenization.{name}")


for path in sorted(FOLDER.glob("*/expected.json")):
    tokenizer = module("keeping").read_tokenizer(path.parent)
    rows = json.loads(path.read_text())
    texts = [row["text"] for row in rows]
    for row, ids in zip(rows, tokenizer.encode_batch(texts), strict=True):
        assert row["ids"] in (None, ids.tolist()), (path, row["text"])
        assert tokenizer.decode(ids) == row["decoded"], (path, row["text"])
        size = len(row["decoded"].encode())
        assert tokenizer.sizes[ids].sum() - tokenizer.added == size, (path, row["text"])
    print(f"{path.parent.name}: {tokenizer.name}, {tokenizer.vocab_size:,} ids")
module("training").train_tokenizer(texts * 3, 600, FOLDER / "own")
own = module("keeping").read_tokenizer(FOLDER / "own")
rows = [{"text": text, "ids": [own.start, *own.encode(text).tolist()]} for text in texts]
told = {"special": [own.start, own.end, own.pad], "rows": rows}
(FOLDER / "own" / "made.json").write_text(json.dumps(told))
