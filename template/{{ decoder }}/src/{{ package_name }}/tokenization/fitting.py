"""Parts of an experiment that need the tokenizer of the data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr

from ..errors import UserError
from ..settings import Settings
from ..storage.dataset import DataSet
from ..training.prepared_data import PreparedData
from .byte_tokenizer import TOKENIZER
from .keeping import check_tokenizer, keep_tokenizer, tokenizer_of
from .tokenizer import Tokenizer, describe, same


class UsesTokenizer(Settings):
    """Settings that are fitted to the tokenizer of the data."""

    _tokenizer: Tokenizer | None = PrivateAttr(default=None)
    _end: int | None = PrivateAttr(default=None)

    def fitted(self, info: Mapping[str, Any]) -> Any:
        """A copy with the tokenizer that the data set's `info` describes."""
        fitted = self.model_copy()
        fitted._tokenizer, fitted._end = tokenizer_of(info), info.get("end")
        return fitted

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the data; bytes before they are known."""
        return self._tokenizer or TOKENIZER

    @property
    def end(self) -> int:
        """The token at which a model ends what it writes; in conversations, that of a turn."""
        return self.tokenizer.end if self._end is None else self._end


class TokenizedData(UsesTokenizer, PreparedData):
    """A prepared data set whose texts are read with the tokenizer that it was prepared with."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The run's tokenizer where there is a run, else that of the data set."""
        return self._tokenizer or tokenizer_of(self.info())

    def info(self) -> dict[str, Any]:
        """What `PreparedData.info` says; before there is a data set, of the sample's tokenizer."""
        return super().info() or describe(TOKENIZER)

    def keep_files(self, run: Path) -> None:
        """Leave the tokenizer in the folder of a run.

        Raises:
            UserError: The run has another one.
        """
        self.check_run(run, f"{run}: the run")
        keep_tokenizer(tokenizer_of(self.info()), run)

    def check_run(self, run: Path, what: str) -> None:
        """Check that a run has the tokenizer of the data set.

        Raises:
            UserError: It has another one.
        """
        check_tokenizer(tokenizer_of(self.info()), run, what)

    def open(self, kind: str) -> DataSet:
        """The data set, as `PreparedData.open` gives it.

        Raises:
            UserError: It is not there, damaged, of another kind, or has another tokenizer than the
                run.
        """
        data_set = super().open(kind)
        if self._tokenizer is not None and not same(self._tokenizer, data_set.info):
            raise UserError(
                f"{self.directory} was prepared with tokenizer {data_set.info['tokenizer']}, the "
                f"run has {self._tokenizer.name}: prepare it again with --overwrite"
            )
        return data_set
