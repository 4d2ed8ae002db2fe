"""Small JSON files, such as lie beside weights and tokenizers."""

from pathlib import Path
from typing import Any

from ..files import read_json


def read_json_if_there(path: Path | None) -> dict[str, Any]:
    """The object in a JSON file; nothing where there is no such file.

    Raises:
        UserError: Something else is in it.
    """
    return read_json(path) if path is not None and path.is_file() else {}
