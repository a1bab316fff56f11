"""From a case file to checked cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from os import PathLike
from os.path import isdir
from pathlib import Path

import pandas as pd

from se_outcomes.cases.cases import Cases
from se_outcomes.cases.check import check_cases
from se_outcomes.cases.engine_frames import DATABASES, POSTGRES, EngineOptions
from se_outcomes.cases.mapping import ReadOptions, Translation, read_mapping
from se_outcomes.cases.read import read_file
from se_outcomes.errors import MappingError


def load_cases(
    source: str | Path | pd.DataFrame,
    *,
    mapping: Mapping[str, object] | str | Path | None = None,
    gates: str | None = None,
    outcome_observed: str | None = None,
    title: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    dates: str | None = None,
    sheet: str | int | None = None,
    table: str | None = None,
    memory_limit: str | None = None,
    threads: int | None = None,
    progress: bool | None = None,
) -> Cases:
    r"""Load and check a case file.

    How the file is written (encoding, delimiter, decimal mark, order of day and month) is worked out from
    it; what cannot be told is refused with the option that tells it. All faults are reported at once, by
    kind and row and never by value.

    Parameters
    ----------
    source : str, Path, pandas.DataFrame, DuckDB relation or Spark data frame
        A file ending in .csv, .txt, .tsv, .xlsx, .xlsm, .xlsb, .xls, .ods, .dta, .sav or .zsav, or a data frame, is
        read into memory. A .parquet file, a folder of them, a DuckDB database (.duckdb, .ddb, .db), the address of a
        PostgreSQL database (``postgresql://...``), a DuckDB relation and a Spark data frame stay where they are,
        however large: nothing but counts and faults comes to Python.
    mapping : dict, or path of a TOML file, optional
        Translates one's own column names and codes, and says in ``[study]`` what the data cannot.
    gates : {"separate", "merged"}, optional
        Whether referral and acceptance are recorded apart; goes before the mapping's ``[study]``.
    outcome_observed : {"all", "accepted"}, optional
        For whom the outcome is known; goes before the mapping's ``[study]``.
    title : str, optional
        Of the report; goes before the mapping's ``[study]``.
    encoding, delimiter, decimal, dates, sheet : optional
        How to read the file; go before the mapping's ``[read]``. ``dates`` is "dmy", "mdy" or "iso";
        ``sheet`` a name or a number counted from 1.
    table : str, optional
        The table or view of a database, which need not be named where there is one alone.
    memory_limit : str, optional
        What DuckDB may take, such as ``"4GB"``; what does not fit goes to a temporary folder that is removed
        afterwards. Four fifths of the machine's memory if absent. Python itself comes on top, with some 300 MB.
    threads : int, optional
        How many DuckDB may use; all if absent.
    progress : bool, optional
        Whether long scans show a bar; on a terminal only, if absent.

    Returns
    -------
    Cases

    Raises
    ------
    CaseFileError
        With every fault in ``.faults``; also where there is no such file.
    MappingError
        With everything that is wrong with the mapping or the options.
    EngineError
        Where DuckDB cannot go on: its memory is too small, or the data are out of reach.
    TypeError
        Where ``source`` is none of these.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import se_outcomes as so
    >>> header = "case_id;office_id;eligible;motivation;referred;accepted;placed"
    >>> rows = [header, "1;0301;ja;7,5;ja;ja;nei", "2;0301;ja;3,0;nei;;nei"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "cases.csv"
    ...     _ = path.write_text("\n".join(rows), encoding="utf-8")
    ...     cases = so.load_cases(path, outcome_observed="all")
    >>> cases.n_cases
    2
    """
    given = ReadOptions(delimiter=delimiter, encoding=encoding, decimal=decimal, dates=dates, sheet=sheet)
    translation = _with_options(read_mapping(mapping), given)
    engine = EngineOptions(memory_limit, threads, progress, table)
    if problems := engine.problems() + _without_use(source, engine):
        raise MappingError("\n  - ".join(["the options cannot be used:", *problems]))
    raw = read_file(source, translation, engine) if isinstance(source, str | PathLike) else source
    return check_cases(raw, mapping=translation, gates=gates, outcome_observed=outcome_observed, title=title)


def _without_use(source: object, engine: EngineOptions) -> list[str]:
    """Options that nothing would come of, as sentences."""
    path = Path(source) if isinstance(source, str | PathLike) else None
    database = path is not None and (path.suffix.lower() in DATABASES or str(source).startswith(POSTGRES))
    asked = database or (path is not None and (path.suffix.lower() == ".parquet" or isdir(path)))
    found = []
    if engine.table is not None and not database:
        found.append("table is for databases")
    if (engine.memory_limit, engine.threads) != (None, None) and not asked:
        found.append("memory_limit and threads are for Parquet and databases, which DuckDB reads")
    return found


def _with_options(translation: Translation, given: ReadOptions) -> Translation:
    """Let options in the call go before those in the mapping."""
    if problems := [problem.removeprefix("[read] ") for problem in given.problems()]:
        raise MappingError("\n  - ".join(["the options cannot be used:", *problems]))
    named = {
        option.name: getattr(given, option.name)
        for option in fields(given)
        if getattr(given, option.name) is not None
    }
    return replace(translation, read=replace(translation.read, **named))
