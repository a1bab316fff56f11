"""A table as it was read, before anything is decided about what its columns mean."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import narwhals as nw
import numpy as np
import pandas as pd

from se_outcomes.cases.distinct import Distinct, distinct_values
from se_outcomes.cases.engine_column import EngineColumn, raw_name
from se_outcomes.cases.faults import Fault
from se_outcomes.cases.listed import Listed
from se_outcomes.cases.rows import Rows, TypedColumn, rows_of_pandas
from se_outcomes.cases.values import clean_text


@dataclass(frozen=True, repr=False)
class Raw:
    """Columns by position, as text or native values. Its ``repr`` shows no rows.

    Attributes
    ----------
    frame : pandas.DataFrame (n, k)
        Columns 0 … k−1 in file order; text columns of a delimited file are categorical.
    headers : tuple of str (k,)
        The headers as they stand in the file, without blanks around them; may repeat.
    source : str
        What was read, for messages: the file's name.
    value_labels : mapping of int to mapping
        Position -> code -> label, where the format has labels (Stata, SPSS).
    delimiter : str or None
        Of a delimited file.
    faults : tuple of Fault
        What makes the file unreadable as a table; when there are any, the frame is empty.
    """

    frame: pd.DataFrame
    headers: tuple[str, ...]
    source: str = "the data frame"
    value_labels: Mapping[int, Mapping[Hashable, str]] = field(default_factory=dict)
    delimiter: str | None = None
    faults: tuple[Fault, ...] = ()
    _columns: dict[int, Distinct | EngineColumn] = field(default_factory=dict, compare=False)

    def __repr__(self) -> str:
        return f"Raw: {self.n_rows:,} rows, {len(self.headers)} columns from {self.source}"

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.frame)

    def column(self, position: int) -> Distinct | EngineColumn:
        """A column by its distinct values, or where it can be asked for them."""
        if position not in self._columns:
            self._columns[position] = distinct_values(self.frame[position])
        return self._columns[position]

    def says(self, position: int, text: str) -> bool:
        """Whether a cell of the column is this text."""
        return any(isinstance(value, str) and value == text for value in self.column(position).values)

    @property
    def own_names(self) -> frozenset[str]:
        """Names of raw columns among the typed ones."""
        return frozenset()

    def constant(self, value: object) -> Distinct | Listed:
        """A column that has one value throughout."""
        return Distinct([value], np.zeros(self.n_rows, dtype=np.int64))

    def typed(self, columns: Mapping[str, TypedColumn]) -> Rows:
        """The rows with these columns, and no others."""
        return rows_of_pandas(pd.DataFrame(dict(columns)))


@dataclass(frozen=True, repr=False)
class EngineRaw(Raw):
    """Columns on an engine, by position; the ``frame`` is empty.

    Attributes
    ----------
    rows : Rows
        Raw columns under the names of :func:`raw_name`.
    size : int
        How many rows there are.
    """

    rows: Rows = field(default_factory=lambda: rows_of_pandas(pd.DataFrame()))
    size: int = 0

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return self.size

    def column(self, position: int) -> Distinct | EngineColumn:
        """A column that can be asked for its distinct values."""
        if position not in self._columns:
            self._columns[position] = EngineColumn(self.rows, raw_name(position))
        return self._columns[position]

    def says(self, position: int, text: str) -> bool:
        """Never: what an engine has comes with headers of its own."""
        return False

    @property
    def own_names(self) -> frozenset[str]:
        """Names of raw columns among the typed ones."""
        return frozenset(map(raw_name, range(len(self.headers))))

    def constant(self, value: object) -> Distinct | Listed:
        """A column that has one value throughout: whatever is missing in a column of nothing."""
        nothing = Listed("", nw.Unknown(), [], np.empty(0, dtype=np.int64), self.size)
        return nothing.with_values([value], frozenset({0}), missing=True)

    def typed(self, columns: Mapping[str, TypedColumn]) -> Rows:
        """The rows with these columns beside the raw ones, which doubts may still be about."""
        return self.rows.with_columns(
            {name: one for name, one in columns.items() if isinstance(one, nw.Expr)}
        )


class UnreadableError(Exception):
    """Raised inside the readers when nothing more can be said about a file than its faults."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__("; ".join(fault.rule for fault in faults))


def unreadable(rule: str, expected: str, remedy: str, *, n_rows: int = 0, rows: str = "") -> UnreadableError:
    """Build the error for a fault of the whole file."""
    return UnreadableError(Fault("cases", "", rule, n_rows, rows, expected, remedy))


def make_raw(
    columns: Sequence[pd.Series],
    headers: Sequence[object],
    source: str,
    *,
    delimiter: str | None = None,
    labels: Mapping | None = None,
) -> Raw:
    """Put columns together as a raw table, without unnamed empty columns (a delimiter too many)."""
    names = [clean_text(str(header)) for header in headers]
    kept = [i for i, name in enumerate(names) if name or not _is_blank(columns[i])]
    if not kept:
        raise unreadable("empty file", "a header line and one row per case", "Export the file again.")
    frame = pd.concat([columns[i].reset_index(drop=True) for i in kept], axis=1, ignore_index=True)
    frame = frame.iloc[: _last_row(frame)]
    if not len(frame):
        raise unreadable(
            "no rows", "one row per case below the header", "Export the file again with its rows."
        )
    value_labels = {new: labels[old] for new, old in enumerate(kept) if labels and old in labels}
    return Raw(frame, tuple(names[i] for i in kept), source, value_labels, delimiter)


def _last_row(frame: pd.DataFrame) -> int:
    """Number of rows up to the last one with a value: spreadsheets export empty rows after the data."""
    last = len(frame)
    if last and not all(_is_blank(frame[i].iloc[-1:]) for i in frame.columns):
        return last
    filled = np.zeros(last, dtype=bool)
    for i in frame.columns:
        filled |= ~_blank_cells(frame[i])
    return int(np.flatnonzero(filled)[-1]) + 1 if filled.any() else 0


def _is_blank(column: pd.Series) -> bool:
    return bool(_blank_cells(column).all())


def _blank_cells(column: pd.Series) -> np.ndarray:
    """Mask (n,) of the cells without any value."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.cat.remove_unused_categories()
        blank = [isinstance(value, str) and not clean_text(value) for value in column.cat.categories.tolist()]
        return np.array([*blank, True], dtype=bool)[column.cat.codes.to_numpy()]  # code −1 is missing
    if column.dtype == object or isinstance(column.dtype, pd.StringDtype):
        return (
            np.array(
                [isinstance(value, str) and not clean_text(value) for value in column.tolist()], dtype=bool
            )
            | column.isna().to_numpy()
        )
    return column.isna().to_numpy()
