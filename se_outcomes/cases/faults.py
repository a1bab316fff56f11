"""What is wrong with a case file, told by kind and row and never by value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

#: How many row numbers a fault names.
N_FIRST_ROWS = 5


class Fault(NamedTuple):
    """One thing that is wrong, in one column (or in the whole file where ``column`` is empty).

    Attributes
    ----------
    table : str
        Table of the data schema, such as ``"cases"``.
    column : str
        Column of the schema, or the file's own header where that may be shown, or ``"column 7"``.
    rule : str
        What was broken, in a few words; the same words for the same rule in every file.
    n_rows : int
        In how many data rows; 0 where the fault is not one of rows.
    first_rows : str
        The first row numbers, see :func:`first_rows`.
    expected : str
        What was expected, as the object of "expected …".
    remedy : str
        What to do, as a sentence.
    """

    table: str
    column: str
    rule: str
    n_rows: int
    first_rows: str
    expected: str
    remedy: str


def first_rows(rows: np.ndarray | pd.Series | Iterable[int]) -> str:
    """Name the first few rows, counted from 1 in file order without the header.

    Parameters
    ----------
    rows : array of bool (n,), or int positions counted from 0
        Which rows: a mask over all data rows, or their positions.

    Returns
    -------
    str
        Such as ``"3, 17, 204"``; empty when there are none.

    Examples
    --------
    >>> first_rows(np.array([False, True, False, True]))
    '2, 4'
    >>> first_rows([0, 9])
    '1, 10'
    """
    found = np.asarray(rows if isinstance(rows, np.ndarray | pd.Series) else list(rows))
    positions = np.flatnonzero(found) if found.dtype.kind in "bO" else np.sort(found)
    return ", ".join(str(int(position) + 1) for position in positions[:N_FIRST_ROWS])


def fault_in_rows(table: str, column: str, rule: str, mask: np.ndarray, expected: str, remedy: str) -> Fault:
    """Build a fault from the mask (n,) of the rows that break the rule."""
    rows = np.asarray(mask, dtype=bool)
    return Fault(table, column, rule, int(rows.sum()), first_rows(rows), expected, remedy)


def faults_frame(faults: Iterable[Fault]) -> pd.DataFrame:
    """Collect the faults into the frame that ``CaseFileError.faults`` carries, in the order found.

    Returns
    -------
    pandas.DataFrame
        Columns ``table, column, rule, n_rows, first_rows, expected, remedy``.
    """
    return pd.DataFrame(list(faults), columns=list(Fault._fields)).astype({"n_rows": "int64"})
