"""Cells of a workbook whose formula has failed or was never worked out: they look empty and are not."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import openpyxl

#: Stands for a formula that was written by a program and never worked out by a spreadsheet.
NO_RESULT = "#VALUE!"
#: How a sheet writes an error, and a formula without its result.
_FAILED = re.compile(rb't="e"|</f>\s*(?:<v\s*/>|<v></v>|</c>)')
_CHUNK, _OVERLAP = 1 << 24, 64


def find_failed_cells(path: Path, sheet: str) -> dict[tuple[int, int], str]:
    """Find failed cells by row and column, counted from 0, and what the spreadsheet shows in them.

    ``#N/A`` is among them: it means that a value is missing, and is read so. Workbooks of other formats than
    .xlsx and .xlsm have none, as far as can be told.
    """
    if not zipfile.is_zipfile(path) or path.suffix.lower() not in (".xlsx", ".xlsm"):
        return {}
    if not any(_FAILED.search(part) for part in _sheet_parts(path)):
        return {}
    formulas, results = (_cells(path, sheet, data_only=data_only) for data_only in (False, True))
    failed = {place: str(value) for place, (kind, value) in results.items() if kind == "e"}
    unworked = (place for place, (kind, _) in formulas.items() if kind == "f")
    return failed | {place: NO_RESULT for place in unworked if place not in results}


def _sheet_parts(path: Path) -> Iterator[bytes]:
    """Every sheet's own text in pieces that overlap, so that no mark is cut in two."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if not name.startswith("xl/worksheets/"):
                continue
            with archive.open(name) as sheet:
                tail = b""
                while part := sheet.read(_CHUNK):
                    yield tail + part
                    tail = part[-_OVERLAP:]


def _cells(path: Path, sheet: str, *, data_only: bool) -> dict[tuple[int, int], tuple[str, object]]:
    """Type and value of every filled cell of a sheet by its place, counted from 0."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of extensions that openpyxl does not know
        book = openpyxl.load_workbook(path, read_only=True, data_only=data_only)
    try:
        if sheet not in [found.title for found in book.worksheets]:  # a sheet that is a chart
            return {}
        return {
            (cell.row - 1, cell.column - 1): (cell.data_type, cell.value)
            for row in book[sheet].iter_rows()
            for cell in row
            if cell.value is not None
        }
    finally:
        book.close()
