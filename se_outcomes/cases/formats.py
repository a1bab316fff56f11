"""Reading the formats that bring types with them: workbooks, Stata, SPSS, Parquet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import pyreadstat
import python_calamine

from se_outcomes.cases.failed_cells import find_failed_cells
from se_outcomes.cases.mapping import ReadOptions
from se_outcomes.cases.raw import Raw, make_raw, unreadable

T = TypeVar("T")


def read_workbook(path: Path, options: ReadOptions) -> Raw:
    """Read one sheet of a workbook (.xlsx, .xlsm, .xlsb, .xls, .ods); cells keep their types.

    Raises
    ------
    UnreadableError
        Where the file is no workbook, or several sheets hold data and none is chosen.
    """
    rows = _opened(lambda: _sheet_rows(path, options.sheet), "an Excel or OpenDocument workbook", path)
    if not rows:
        raise unreadable("empty file", "a header row and one row per case", "Export the file again.")
    headers, body = rows[0], rows[1:]
    columns = []
    for i in range(len(headers)):
        cells = np.empty(len(body), dtype=object)
        cells[:] = [None if row[i] == "" else row[i] for row in body]
        columns.append(pd.Series(cells, dtype=object))
    return make_raw(columns, headers, path.name)


def _sheet_rows(path: Path, sheet: str | int | None) -> list[list]:
    with python_calamine.CalamineWorkbook.from_path(str(path)) as book:
        names = book.sheet_names
        if isinstance(sheet, str) and sheet in names:
            return _with_errors(path, book, sheet)
        if isinstance(sheet, int) and 1 <= sheet <= len(names):
            return _with_errors(path, book, names[sheet - 1])
        filled = [rows for name in names if (rows := _with_errors(path, book, name))]
    if sheet is not None or len(filled) > 1:
        raise unreadable(
            "sheet",
            f"one sheet with cases; the workbook has {len(names)} sheets, {len(filled)} of them with content"
            + (", and none is the one asked for" if sheet is not None else ""),
            'Name it: sheet = "its name", or its number counted from 1, under [read] in the mapping.',
        )
    return filled[0] if filled else []


def _with_errors(path: Path, book: python_calamine.CalamineWorkbook, name: str) -> list[list]:
    """Rows of a sheet, failed formulas among them: the reader itself takes those for empty cells."""
    sheet = book.get_sheet_by_name(name)
    rows = sheet.to_python()
    top, left = sheet.start or (0, 0)
    for (row, column), error in find_failed_cells(path, name).items():
        if 0 <= row - top < len(rows) and 0 <= column - left < len(rows[0]):
            rows[row - top][column - left] = error
    return rows


def read_stata(path: Path, options: ReadOptions) -> Raw:
    """Read a Stata file; codes stay codes with their labels beside them, .a to .z are missing."""
    return _read_labelled(
        lambda: pyreadstat.read_dta(str(path), encoding=options.encoding), "a Stata file", path
    )


def read_spss(path: Path, options: ReadOptions) -> Raw:
    """Read an SPSS file; codes stay codes, their labels come beside them, user-missing values are missing."""
    read = lambda: pyreadstat.read_sav(str(path), encoding=options.encoding, user_missing=False)  # noqa: E731
    return _read_labelled(read, "an SPSS file", path)


def _read_labelled(read: Callable, kind: str, path: Path) -> Raw:
    frame, meta = _opened(read, kind, path)
    labels = {
        i: meta.variable_value_labels[name]
        for i, name in enumerate(frame.columns)
        if name in meta.variable_value_labels
    }
    return make_raw(
        [frame.iloc[:, i] for i in range(frame.shape[1])], list(frame.columns), path.name, labels=labels
    )


def _opened(read: Callable[[], T], kind: str, path: Path) -> T:
    """Call a reader; whatever it raises becomes a fault, because its own message may quote the file."""
    try:
        return read()
    except (KeyboardInterrupt, SystemExit):
        raise
    except MemoryError:
        raise unreadable(
            "too large", f"{kind} that fits into memory", "Take fewer columns, or a machine with more memory."
        ) from None
    except BaseException as error:  # the readers are written in C and Rust, and Rust's panic is no Exception
        if hasattr(error, "faults"):
            raise
        raise unreadable(
            "not readable",
            kind,
            "It is damaged, locked with a password or of another kind than its ending says: export it again.",
        ) from None
