"""A column as its distinct values and the row each stands in: a million rows are parsed once per value."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from se_outcomes.cases.values import fold, text_of

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

    def mask(self, chosen: np.ndarray) -> np.ndarray:
        """Rows (n,) whose value is chosen, from a mask (u,) over the distinct values."""
        return np.append(chosen, False)[self.rows]

    def spread(self, parsed: np.ndarray, missing: object) -> np.ndarray:
        """Rows (n,) of parsed values (u,)."""
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


def translate(distinct: Distinct, codes: Mapping[str, object], labels: Mapping[Hashable, str]) -> Distinct:
    """Put the mapping's codes in place of the file's (named by code or label; ``""`` is an empty cell)."""
    if not codes:
        return distinct
    folded = {fold(code): target for code, target in codes.items()}
    values, rows = list(distinct.values), distinct.rows
    if "" in codes and (rows < 0).any():
        values, rows = [*values, ""], np.where(rows < 0, len(values), rows)

    settled = {}
    for position, value in enumerate(values):
        spellings = [text_of(value)] + (
            [labels[value]] if isinstance(value, Hashable) and value in labels else []
        )
        exact = [codes[spelling] for spelling in spellings if spelling in codes]
        near = [folded[fold(spelling)] for spelling in spellings if fold(spelling) in folded]
        if exact or near:
            settled[position] = (exact or near)[0]
    return Distinct([settled.get(i, value) for i, value in enumerate(values)], rows, frozenset(settled))
