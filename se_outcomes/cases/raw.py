"""A table as it was read, before anything is decided about what its columns mean."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from se_outcomes.cases.faults import Fault
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

    def __repr__(self) -> str:
        return f"Raw: {len(self.frame):,} rows, {len(self.headers)} columns from {self.source}"


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
