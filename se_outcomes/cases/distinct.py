"""A column as its distinct values and the row each stands in: a million rows are parsed once per value."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from se_outcomes.cases.faults import Fault, first_rows
from se_outcomes.cases.values import fold, text_of

if TYPE_CHECKING:
    from se_outcomes.cases.doubts import Doubt
    from se_outcomes.cases.listed import Listed

#: Stands in for what cannot be a value (a list in a cell); no parser accepts it.
_NO_VALUE = frozenset({"not a plain value"})


@dataclass(frozen=True, repr=False)
class Distinct:
    """Distinct values and rows.

    Attributes
    ----------
    values : list (u,)
        Distinct values as text or native.
    rows : ndarray (n,) of int
        Position in ``values`` of each row; −1 where the cell is missing.
    settled : frozenset of int
        Positions whose value the mapping has given: they are the schema's already, and no label of the file
        explains them.
    """

    values: Sequence[object]
    rows: np.ndarray
    settled: frozenset[int] = frozenset()

    def n_rows(self, chosen: np.ndarray) -> int:
        """How many rows have a value that is chosen, from a mask (u,) over the distinct values."""
        return int(self._mask(chosen).sum())

    def accuse(self, chosen: np.ndarray, fault: Fault) -> list[Fault | Doubt]:
        """The fault with the rows that have a chosen value; none where no row has."""
        rows = self._mask(chosen)
        n = int(rows.sum())
        return [fault._replace(n_rows=n, first_rows=first_rows(rows))] if n else []

    def typed(self, parsed: np.ndarray, kind: str) -> pd.api.extensions.ExtensionArray | np.ndarray:
        """Rows (n,) of parsed values (u,): numbers with NaN, dates with NaT, true, false and texts with None."""
        if kind == "number":
            return self._spread(parsed, np.nan)
        if kind == "integer":
            rows = self._spread(parsed, np.nan)
            missing = np.isnan(rows)
            return pd.arrays.IntegerArray(np.where(missing, 0, rows).astype(np.int64), missing)
        if kind == "boolean":
            unknown = np.array([value is None for value in parsed], dtype=bool)
            true = np.array([value is True for value in parsed], dtype=bool)
            return pd.arrays.BooleanArray(self._spread(true, False), self._spread(unknown, True))
        if kind == "date":
            return self._spread(parsed, np.datetime64("NaT", "us"))
        texts = pd.array([np.nan if text is None else text for text in parsed], dtype="str")
        return texts.take(self.rows, allow_fill=True)

    def with_values(self, values: Sequence[object], settled: frozenset[int], *, missing: bool) -> Distinct:
        """The same rows under other values; the last of them for what was missing, if ``missing``."""
        rows = np.where(self.rows < 0, len(values) - 1, self.rows) if missing else self.rows
        return Distinct(values, rows, settled)

    @property
    def has_missing(self) -> bool:
        """Whether a cell is missing."""
        return bool((self.rows < 0).any())

    def _mask(self, chosen: np.ndarray) -> np.ndarray:
        return np.append(chosen, False)[self.rows]

    def _spread(self, parsed: np.ndarray, missing: object) -> np.ndarray:
        return np.append(parsed, np.array([missing], dtype=parsed.dtype))[self.rows]


def distinct_values(column: pd.Series) -> Distinct:
    """Split a column into its distinct values and rows."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return Distinct(column.cat.categories.tolist(), column.cat.codes.to_numpy().astype(np.int64))
    if column.dtype == object:
        # True and 1 are equal to Python, and not to whoever wrote the cell
        column = column.map(lambda value: text_of(value) if isinstance(value, bool | np.bool_) else value)
        column = column.map(lambda value: value if isinstance(value, Hashable) else _NO_VALUE)
    try:
        rows, values = pd.factorize(column)
    except TypeError:  # a tuple around a list says it can be hashed
        rows, values = pd.factorize(
            column.map(lambda value: value if isinstance(value, str | float | int) else _NO_VALUE)
        )
    return Distinct(list(values), np.asarray(rows, dtype=np.int64))


def translate(
    distinct: Distinct | Listed, codes: Mapping[str, object], labels: Mapping[Hashable, str]
) -> Distinct | Listed:
    """Put the mapping's codes in place of the file's (named by code or label; ``""`` is an empty cell)."""
    if not codes:
        return distinct
    folded = {fold(code): target for code, target in codes.items()}
    values = list(distinct.values)
    missing = "" in codes and distinct.has_missing
    if missing:
        values.append("")
    settled = {}
    for position, value in enumerate(values):
        spellings = [text_of(value)] + (
            [labels[value]] if isinstance(value, Hashable) and value in labels else []
        )
        exact = [codes[spelling] for spelling in spellings if spelling in codes]
        near = [folded[fold(spelling)] for spelling in spellings if fold(spelling) in folded]
        if exact or near:
            settled[position] = (exact or near)[0]
    return distinct.with_values(
        [settled.get(i, value) for i, value in enumerate(values)], frozenset(settled), missing=missing
    )
