"""Writing simulated cases as an evaluator would get them: Norwegian CSV, Excel, Stata, SPSS or Parquet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyreadstat
from numpy.typing import NDArray
from openpyxl import Workbook

from se_outcomes.cases.schema import read_code_list, read_schema

NO, YES = "nei", "ja"
#: Rows of an Excel sheet, the header among them.
EXCEL_ROWS = 1_048_576


def write_cases(frame: pd.DataFrame, path: Path) -> Path:
    """Write a typed case frame in the format of the path's ending.

    Raises
    ------
    ValueError
        On another ending than those of :data:`WRITERS`, or more cases than an Excel sheet has rows.
    OSError
        Where nothing can be written to the path.
    """
    write = WRITERS.get(path.suffix.lower())
    if write is None:
        raise ValueError(
            f"cannot write {path.suffix!r} files; the ending must be one of {', '.join(WRITERS)}"
        )
    _try_to_open(path)
    # under another name until it is whole: an interrupted write leaves nothing, or what was there before
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        write(frame, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _try_to_open(path: Path) -> None:
    """Fail as Python does where the path cannot be written to: each format's writer has an error of its own."""
    there = path.exists()
    with path.open("ab"):
        pass
    if not there:
        path.unlink()


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Semicolons, decimal commas, dd.mm.yyyy, ja/nei, UTF-8 without BOM."""
    text = {}
    for name, column in frame.items():
        if pd.api.types.is_datetime64_any_dtype(column):
            column = _map_distinct(column, lambda date: f"{date:%d.%m.%Y}")
        elif isinstance(column.dtype, pd.BooleanDtype):
            column = _words(column)
        elif column.dtype == float:
            column = _map_distinct(
                column, lambda number: repr(float(number)).removesuffix(".0").replace(".", ",")
            )
        text[name] = column
    pd.DataFrame(text).to_csv(path, sep=";", index=False, encoding="utf-8", lineterminator="\r\n")


def _map_distinct(column: pd.Series, say: Callable[..., str]) -> pd.Series:
    """Each distinct value put into words once; missing stays missing. Quick where values repeat."""
    codes, distinct = pd.factorize(column)
    words = np.array([*(say(value) for value in pd.Series(distinct)), None], dtype=object)
    return pd.Series(words[codes], index=column.index, dtype="str")


def _words(column: pd.Series) -> pd.Series:
    return _map_distinct(column.astype("object"), lambda value: YES if value else NO)


def _write_excel(frame: pd.DataFrame, path: Path) -> None:
    """One sheet; ids as text, dates as dates, empty cells where missing."""
    if len(frame) >= EXCEL_ROWS:
        raise ValueError(
            f"an Excel sheet holds {EXCEL_ROWS - 1:,} cases below its header; write .csv or .parquet instead"
        )
    book = Workbook(write_only=True)
    sheet = book.create_sheet("cases")
    sheet.append(list(frame.columns))
    for row in zip(*(_cells(frame[name]) for name in frame.columns), strict=True):
        sheet.append(row)
    book.save(path)


def _cells(column: pd.Series) -> list[object]:
    """Python values that a sheet understands, None for missing."""
    if pd.api.types.is_datetime64_any_dtype(column):
        values = _dates(column)
    elif isinstance(column.dtype, pd.BooleanDtype):
        values = _words(column).to_numpy(dtype=object)
    else:
        values = column.to_numpy(dtype=object)
    return [None if missing else value for value, missing in zip(values, column.isna(), strict=True)]


def _dates(column: pd.Series) -> NDArray[np.object_]:
    """Calendar dates without a time of day, None where missing (n,)."""
    return column.dt.date.astype(object).where(column.notna(), None).to_numpy()


def _write_stata(frame: pd.DataFrame, path: Path) -> None:
    numbered, labels = _numbered(frame)
    pyreadstat.write_dta(numbered, str(path), column_labels=_titles(frame), variable_value_labels=labels)


def _write_spss(frame: pd.DataFrame, path: Path) -> None:
    numbered, labels = _numbered(frame)
    pyreadstat.write_sav(numbered, str(path), column_labels=_titles(frame), variable_value_labels=labels)


def _numbered(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, dict[int | float, str]]]:
    """The frame with yes/no and listed codes as numbers, as Stata and SPSS keep them, and their labels."""
    columns = read_schema()["cases"].columns
    numbered: dict[str, pd.Series] = {}
    labels: dict[str, dict[int | float, str]] = {}
    for name, column in zip(map(str, frame.columns), (frame[name] for name in frame.columns), strict=True):
        if pd.api.types.is_datetime64_any_dtype(column):
            column = pd.Series(_dates(column), dtype=object)
        elif isinstance(column.dtype, pd.BooleanDtype):
            labels[name] = {0: NO, 1: YES}
            column = column.astype("Int64")
        elif name in LABELLED and columns[name].code_list:
            codes = read_code_list(columns[name].code_list)
            labels[name] = {number: code.title["nb"] for number, code in enumerate(codes, start=1)}
            column = column.map({code.code: number for number, code in enumerate(codes, start=1)}).astype(
                "Int64"
            )
        numbered[name] = column
    return pd.DataFrame(numbered), labels


#: Columns that survey software would keep as labelled numbers; ids and official codes stay text.
LABELLED = (
    "sex",
    "benefit",
    "effort_group",
    "health_limits_work",
    "motivation_source",
    "non_acceptance_by",
    "provision",
)


def _titles(frame: pd.DataFrame) -> dict[str, str | None]:
    columns = read_schema()["cases"].columns
    return {name: columns[name].title["nb"] for name in frame.columns if name in columns}


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Dates as dates; everything else as typed in the frame."""
    selected = ", ".join(
        f'CAST("{name}" AS DATE) AS "{name}"' if pd.api.types.is_datetime64_any_dtype(column) else f'"{name}"'
        for name, column in frame.items()
    )
    with duckdb.connect() as connection:
        connection.register("cases", frame)
        target = str(path).replace("'", "''")
        connection.execute(f"COPY (SELECT {selected} FROM cases) TO '{target}' (FORMAT parquet)")


#: Ending -> writer.
WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": _write_csv,
    ".xlsx": _write_excel,
    ".dta": _write_stata,
    ".sav": _write_spss,
    ".parquet": _write_parquet,
}
