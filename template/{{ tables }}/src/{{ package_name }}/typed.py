"""Files that state the types of their columns: Parquet, Arrow and Feather."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import ipc, parquet

from .dialect import Dialect
from .packing import ARROW, Form
from .table_file import TableFile

BATCH_ROWS = 2**16  # of a Parquet file at a time


@contextlib.contextmanager
def open_typed(path: Path, form: Form, _: Dialect) -> Iterator[TableFile]:
    """Open a file; fields of nested columns become columns such as ``a.b``."""
    if form.suffix in ARROW:
        with pa.memory_map(str(path)) as raw:
            file = ipc.open_file(raw)

            def stored(_: Sequence[str]) -> Iterator[pa.RecordBatch]:
                for number in range(file.num_record_batches):
                    yield from _flat(pa.Table.from_batches([file.get_batch(number)])).to_batches()

            schema = _flat(file.schema.empty_table()).schema
            yield TableFile(schema, stored, raw.tell, "Arrow")
        return
    size, done = path.stat().st_size, 0
    with parquet.ParquetFile(path) as file:

        def counted(names: Sequence[str]) -> Iterator[pa.RecordBatch]:
            nonlocal done
            for batch in file.iter_batches(BATCH_ROWS, columns=list(names)):
                done += batch.num_rows
                yield from _flat(pa.Table.from_batches([batch])).to_batches()

        schema = _flat(file.schema_arrow.empty_table()).schema
        rows = max(file.metadata.num_rows, 1)
        yield TableFile(schema, counted, lambda: size * done // rows, "Parquet")


def _flat(table: pa.Table) -> pa.Table:
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table
