"""Whether a project makes the same of the conversations of `chats.py` as transformers.

Run in a project's environment: `python chats_in_project.py PACKAGE FOLDER`.
"""

import importlib
import json
import sys
from pathlib import Path

PACKAGE, FOLDER = sys.argv[1], Path(sys.argv[2])
chats = importlib.import_module(f"{PACKAGE}.tokenization.chat")
keeping = importlib.import_module(f"{PACKAGE}.tokenization.keeping")

for path in sorted(FOLDER.glob("*/chats.json")):
    chat = chats.Chat(keeping.read_tokenizer(path.parent))
    for row in json.loads(path.read_text()):
        ids, counts = chat.encode(row["messages"], "all")
        assert ids.tolist() == row["ids"], (path, row["messages"])
        assert counts.astype(int).tolist() == row["counts"], (path, row["messages"])
        assert chat.encode_prompt(row["messages"][:-1]).tolist() == row["prompt"], path
        _, last = chat.encode(row["messages"], "last")
        start = len(row["prompt"])
        assert last.argmax() == start, path
        assert (last[start:] == counts[start:]).all(), path
    print(f"{path.parent.name}: conversations")
