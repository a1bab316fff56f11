"""Reading a file or a data frame into a raw table: which reader it takes, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from se_outcomes.cases.delimited import read_delimited
from se_outcomes.cases.engine_frames import (
    DATABASES,
    POSTGRES,
    EngineOptions,
    open_database,
    open_parquet,
    open_postgres,
)
from se_outcomes.cases.faults import Fault
from se_outcomes.cases.formats import read_spss, read_stata, read_workbook
from se_outcomes.cases.headers import known_spellings
from se_outcomes.cases.mapping import ReadOptions, Translation
from se_outcomes.cases.raw import Raw, UnreadableError, make_raw, unreadable

__all__ = ["ENDINGS", "Raw", "read_file", "read_frame"]

_DELIMITED = (".csv", ".txt", ".tsv")
_READERS: dict[str, Callable[[Path, ReadOptions], Raw]] = {
    ".xlsx": read_workbook,
    ".xlsm": read_workbook,
    ".xlsb": read_workbook,
    ".xls": read_workbook,
    ".ods": read_workbook,
    ".dta": read_stata,
    ".sav": read_spss,
    ".zsav": read_spss,
}
_ENGINES: dict[str, Callable[[Path, EngineOptions], Raw]] = {
    ".parquet": open_parquet,
    **dict.fromkeys(DATABASES, open_database),
}

#: Endings of the files that can be read.
ENDINGS = (*_DELIMITED, *_READERS, *_ENGINES)


def read_file(path: str | Path, translation: Translation, engine: EngineOptions | None = None) -> Raw:
    """Read a file by its ending; Parquet, a folder of it and databases are left to DuckDB.

    Parameters
    ----------
    path : str or Path
    translation : Translation
        Its options say how to read; its headers help to tell the delimiter.
    engine : EngineOptions, optional

    Returns
    -------
    Raw
        With ``faults`` where the file cannot be read as a table; nothing is raised for what is in a file.
    """
    engine = engine or EngineOptions()
    if str(path).startswith(POSTGRES):
        try:
            return open_postgres(str(path), engine)
        except UnreadableError as error:
            return Raw(pd.DataFrame(), (), "the PostgreSQL table", faults=error.faults)
    path = Path(path)
    try:
        return _read(path, translation, engine)
    except UnreadableError as error:
        return Raw(pd.DataFrame(), (), path.name, faults=error.faults)
    except OSError:  # also of a path too long, or in a folder that nobody may enter
        refused = unreadable("no file", "a file that may be read", "Look at the permissions of the file.")
        return Raw(pd.DataFrame(), (), path.name, faults=refused.faults)


def _read(path: Path, translation: Translation, engine: EngineOptions) -> Raw:
    if path.is_dir():
        return open_parquet(path, engine)
    if not path.exists():
        raise unreadable(
            "no file", "a file at this path, but there is none", "Look at the spelling of the path."
        )
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise unreadable(
            "unknown ending", f"a file ending in {_named_endings()}", "Export the data to one of these."
        )
    if ending in _ENGINES:
        return _ENGINES[ending](path, engine)
    if ending in _READERS:
        return _READERS[ending](path, translation.read)
    mapped = {*translation.columns.values(), *translation.extra}
    return read_delimited(path, translation.read, known_spellings(mapped))


def _named_endings() -> str:
    return ", ".join(ENDINGS[:-1]) + f" or {ENDINGS[-1]}"


def read_frame(frame: pd.DataFrame) -> Raw:
    """Take a data frame as a raw table; its index is ignored and the frame itself is left as it is."""
    try:
        if isinstance(frame.columns, pd.MultiIndex):
            raise unreadable("header", "one header per column", "Flatten the column names of the data frame.")
        return make_raw(
            [frame.iloc[:, i] for i in range(frame.shape[1])], list(frame.columns), "the data frame"
        )
    except UnreadableError as error:
        return Raw(pd.DataFrame(), (), faults=tuple(Fault(*fault) for fault in error.faults))
