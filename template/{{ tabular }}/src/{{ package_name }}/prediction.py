"""What the trained model tells about rows: a class with its probabilities, or a number."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa
from jaxtyping import Array, Num

from . import cells
from .confusion import plot_confusion
from .data import make_batch
from .encoding import Encoding, Targets
from .errors import UserError
from .model import TableNetwork
from .scatter import plot_scatter, r_squared
from .scores import confusion_matrix, roc_auc
from .settings import Settings
from .tables import Rows, columns_of, find_tables, read_tables
from .training.prediction import Arrays, Chunk, Result


class TablePrediction(Settings):
    """Predictions of the target, class names and units as in the training data.

    Attributes:
        encoding: How rows become arrays; it follows from the data.
    """

    encoding: Encoding | None = None

    def fitted(self, info: Mapping[str, Any]) -> "TablePrediction":
        """These predictions for the columns of a data set."""
        return self.model_copy(update={"encoding": Encoding.of(info)})

    def input_specs(self, data: Any) -> dict[str, jax.ShapeDtypeStruct]:
        """Numbers, which of them are missing, and categories, each a row of the table's."""
        encoding = self._encoding
        return {
            "numbers": jax.ShapeDtypeStruct((len(encoding.numbers),), jnp.float32),
            "missing": jax.ShapeDtypeStruct((len(encoding.with_missing),), jnp.float32),
            "categories": jax.ShapeDtypeStruct((len(encoding.categories),), jnp.int32),
        }

    def __call__(self, model: TableNetwork, inputs: dict[str, Array]) -> dict[str, Array]:
        """Float32 ``probabilities``, (batch, num_classes); or ``values``, (batch,)."""
        outputs = model(inputs["numbers"], inputs["missing"], inputs["categories"])
        target = self._encoding.target
        if target.task == "classification":
            return {"probabilities": jax.nn.softmax(outputs, axis=-1)}
        return {"values": outputs[:, 0] * target.std + target.mean}

    def read(self, data: Any, sources: Sequence[str], *, targets: bool) -> Iterable[Chunk]:
        """Rows of table files, which need the columns that the model was trained with.

        Columns that were ignored then name the rows in the output; others are passed over.
        """
        encoding, paths, size = self._encoding, find_tables(sources), data.batch_size
        types, naming = encoding.types(targets=targets), _naming(paths, encoding)
        empty = True
        for rows in read_tables(paths, types | naming, lambda _: None, encoding.dialect):
            batch = self._batch(rows, targets)
            names = [
                {"file": str(rows.path), "row": row, **name}
                for row, name in enumerate(rows.batch.select(list(naming)).to_pylist(), rows.first)
            ]
            for start in range(0, len(names), size):
                empty, part = False, slice(start, start + size)
                cut = {name: _pad(array[part], size) for name, array in batch.items()}
                yield Chunk(cut, names[part])
        if empty:
            raise UserError(f"--source {' '.join(sources)}: the files hold no row")

    def records(self, results: Iterable[Result]) -> Iterator[dict[str, Any]]:
        """One record for each row: its file and number, ignored columns, what is predicted."""
        classes = self._encoding.target.classes
        for rows, _, outputs in results:
            if "values" in outputs:
                for row, value in zip(rows, outputs["values"], strict=True):
                    yield {**row, "prediction": value}
                continue
            for row, shares in zip(rows, outputs["probabilities"], strict=True):
                named = {f"probability {name}": p for name, p in zip(classes, shares, strict=True)}
                yield {**row, "prediction": classes[int(shares.argmax())], **named}

    def plot(self, path: Path, results: list[Result]) -> None:
        """Draw a confusion matrix, or predicted numbers against the true ones.

        Raises:
            UserError: The true targets are not known.
        """
        target = self._encoding.target
        if any("targets" not in result.batch for result in results):
            raise UserError("--plot needs the true targets: use `evaluate`, on a split or on files")
        true = np.concatenate([result.batch["targets"] for result in results])
        if target.task == "regression":
            true = true * target.std + target.mean
            predicted = np.concatenate([result.outputs["values"] for result in results])
            error = np.abs(true - predicted).mean()
            title = f"{target.name}: R² {r_squared(true, predicted):.3f}, mean error {error:.4g}"
            plot_scatter(path, true, predicted, title)
            return
        shares = np.concatenate([result.outputs["probabilities"] for result in results])
        counts = confusion_matrix(true, shares.argmax(axis=-1), len(target.classes))
        title = target.name
        if len(target.classes) == 2:
            title += f": area under the ROC curve {roc_auc(true == 1, shares[:, 1]):.3f}"
        plot_confusion(path, counts, target.classes, title)

    def write_samples(self, model: TableNetwork, results: list[Result], path: Path) -> None:
        """Draw the predictions against the true targets."""
        self.plot(path.with_suffix(".png"), results)

    def _batch(self, rows: Rows, targets: bool) -> Arrays:
        """All rows as a batch."""
        encoding, values = self._encoding, self._encoding.values(rows)
        known = np.zeros(len(values.numbers), np.int32)
        if targets:
            known = encoding.encode_targets(values)
            _check_targets(encoding, rows, known)
        weights = np.ones(len(known), np.float32)
        batch = make_batch(encoding, *encoding.encode(values), known, weights)
        if not targets:
            del batch["targets"]
        return batch

    @property
    def _encoding(self) -> Encoding:
        if self.encoding is None:
            raise ValueError("the columns follow from the data: use fitted(info)")
        return self.encoding


def _naming(paths: Sequence[Path], encoding: Encoding) -> dict[str, pa.DataType]:
    """The ignored columns that stand in all files and can be written as text."""
    there = [columns_of(path, encoding.dialect) for path in paths]
    return {
        name: pa.string()
        for name in encoding.ignored
        if all(columns.get(name) in cells.PLAIN for columns in there)
    }


def _check_targets(encoding: Encoding, rows: Rows, known: Targets) -> None:
    """Complain of a row whose target is missing, or a class that training did not know."""
    target = encoding.target
    bad = np.flatnonzero(np.isnan(known) if target.task == "regression" else known < 0)
    if bad.size:
        value = rows.batch.column(target.name)[int(bad[0])].as_py()
        where = f"{rows.path} row {rows.first + int(bad[0])}, column {target.name!r}"
        if value is None:
            raise UserError(f"{where}: the target is missing")
        listed = ", ".join(target.classes[:10])
        raise UserError(f"{where}: {value!r} is none of the classes ({listed})")


def _pad(rows: Num[np.ndarray, "_ ..."], length: int) -> Num[np.ndarray, "batch ..."]:
    """Zeros behind rows, up to a length."""
    return np.pad(rows, [(0, length - len(rows)), *[(0, 0)] * (rows.ndim - 1)])
