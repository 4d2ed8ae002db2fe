"""Small JSON files, such as lie beside weights and tokenizers."""

import json
from pathlib import Path
from typing import Any

from ..errors import UserError


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        UserError: There is no such file, or something else is in it.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no JSON object")
    return content


def read_json_if_there(path: Path | None) -> dict[str, Any]:
    """The object in a JSON file; nothing where there is no such file.

    Raises:
        UserError: Something else is in it.
    """
    return read_json(path) if path is not None and path.is_file() else {}
