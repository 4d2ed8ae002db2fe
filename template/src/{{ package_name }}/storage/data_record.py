"""What a run remembers of its data: enough to use the model where the data is not."""

import json
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import write_atomically
from .dataset import DataSet, holds_data_set


def data_set_of(data: Any) -> DataSet | None:
    """The prepared data set of some data settings; None where they read none."""
    directory = getattr(data, "directory", None)
    if not isinstance(directory, str) or not holds_data_set(Path(directory)):
        return None
    return DataSet.open(Path(directory))


def info_of(data: Any) -> dict[str, Any]:
    """What the data set of some data settings says about itself; nothing where there is none."""
    data_set = data_set_of(data)
    return data_set.info if data_set else {}


def record_data_set(path: Path, data: Any, *, allow_change: bool) -> None:
    """Keep a data set's description in a new run; check that a resumed run has the same data.

    Args:
        path: The record, JSON: ``fingerprint`` of all records, and ``info``.
        data: The data settings.
        allow_change: Go on with other data, and record that.

    Raises:
        UserError: The run was started with other data.
    """
    data_set = data_set_of(data)
    if data_set is None:
        return
    known = _read(path)
    if known and known["fingerprint"] != data_set.fingerprint and not allow_change:
        raise UserError(
            f"{path.parent}: the run was started with other data than {data_set.directory} holds; "
            "set data.directory back, choose another run directory, or give --allow-config-change"
        )
    record = {"fingerprint": data_set.fingerprint, "info": data_set.info}
    write_atomically(path, json.dumps(record, indent=2) + "\n")


def recorded_info(path: Path, data: Any) -> dict[str, Any]:
    """What a run recorded of its data; for a run without a record, what the data set itself says.

    Raises:
        UserError: The record is damaged.
    """
    known = _read(path)
    return known["info"] if known else info_of(data)


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {"fingerprint": record["fingerprint"], "info": record["info"]}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged: delete it, the next start writes it anew") from error
