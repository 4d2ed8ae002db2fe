"""What a run remembers of its data: enough to use the model where the data is not."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import read_json


def data_record(
    path: Path, fingerprint: str | None, info: Mapping[str, Any], *, allow_change: bool
) -> str:
    """A data set's description, to be written to `path`, if a run may have or go on with this data.

    Args:
        path: The record of the run, JSON: ``fingerprint`` and ``info``.
        fingerprint: A digest of the data; None where it has none.
        info: What the data says of itself.
        allow_change: Go on with other data.

    Raises:
        UserError: The run was started with other data, or `info` is no JSON.
    """
    if not allow_change and not is_same_data(path, fingerprint):
        raise UserError(
            f"{path.parent}: the run was started with other data; set the fields of data back, "
            "such as data.directory, choose another run directory, or give --allow-config-change"
        )
    try:
        return json.dumps({"fingerprint": fingerprint, "info": dict(info)}, indent=2) + "\n"
    except (TypeError, ValueError) as error:
        raise UserError(f"data: what info() returns cannot be written as JSON ({error})") from error


def is_same_data(path: Path, fingerprint: str | None) -> bool:
    """Whether data are those of a run, as far as that is known.

    Args:
        path: The record of the run.
        fingerprint: A digest of the data.
    """
    return _read(path).get("fingerprint") in (None, fingerprint)


def recorded_info(path: Path) -> dict[str, Any]:
    """What a run recorded of its data; nothing for a run without a record.

    Raises:
        UserError: The record is damaged.
    """
    return _read(path).get("info", {})


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        record = read_json(path)
        return {"fingerprint": record["fingerprint"], "info": dict(record["info"])}
    except (UserError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged: delete it, the next start writes it anew") from error
