"""From what DuckDB can read to a raw table on it: Parquet files and folders, databases, PostgreSQL, relations."""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import duckdb
import narwhals as nw
import pandas as pd

from se_outcomes.cases.engine_column import EngineColumn, find_ends, list_values, raw_name
from se_outcomes.cases.raw import EngineRaw, unreadable
from se_outcomes.cases.rows import ROW, Engine, Rows
from se_outcomes.cases.values import clean_text
from se_outcomes.cases.watch import Watch
from se_outcomes.errors import EngineError

T = TypeVar("T")

DATABASES = (".duckdb", ".ddb", ".db")
#: Where DuckDB looks for what is installed beside it; its own place where empty.
EXTENSIONS = ""
POSTGRES = ("postgres://", "postgresql://")

_CASTS = {
    "UUID": "VARCHAR", "HUGEINT": "DOUBLE", "UHUGEINT": "DOUBLE", "TIMESTAMP_NS": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP", "TIMESTAMP_S": "TIMESTAMP",
}  # fmt: skip


@dataclass(frozen=True)
class EngineOptions:
    """How an engine may work.

    Attributes
    ----------
    memory_limit : str or None
        Such as ``"4GB"``: what DuckDB may take before it goes on in files; four fifths of the machine's where None.
    threads : int or None
        All of the machine's where None.
    progress : bool or None
        Whether long scans show a bar; where None, on a terminal only.
    table : str or None
        The table or view of a database.
    """

    memory_limit: str | None = None
    threads: int | None = None
    progress: bool | None = None
    table: str | None = None

    def problems(self) -> list[str]:
        """What is wrong with them, as sentences."""
        found = []
        if self.memory_limit is not None and not re.fullmatch(
            r"\s*\d+(\.\d+)?\s*[KMGT]i?B\s*", str(self.memory_limit)
        ):
            found.append('memory_limit must be a size such as "4GB" or "512MiB"')
        if self.threads is not None and not (isinstance(self.threads, int) and self.threads >= 1):
            found.append("threads must be a whole number of 1 or more")
        return found


def open_parquet(path: Path, options: EngineOptions) -> EngineRaw:
    """A Parquet file, or a folder of them (rows in the order of the files' names), read by DuckDB."""
    if path.is_dir() and not any(path.rglob("*.parquet")):
        expected = "a file, or a folder with .parquet files in it, but this is a folder without"
        raise unreadable("no file", expected, "Name the file itself, or the folder that the files are in.")
    found = str(path / "**" / "*.parquet") if path.is_dir() else str(path)
    return _open_query(_connect(options), f"SELECT * FROM read_parquet({_quoted(found)})", path.name, options)


def open_database(path: Path, options: EngineOptions) -> EngineRaw:
    """A table or view of a DuckDB database, which is opened for reading only."""
    connection = _connect(options)
    _told(
        lambda: connection.execute(f"ATTACH {_quoted(str(path))} AS cases_db (READ_ONLY)"),
        "a DuckDB database",
    )
    return _open_attached(connection, path.name, options)


def open_postgres(address: str, options: EngineOptions) -> EngineRaw:
    """A table of PostgreSQL, through DuckDB's own scanner, which must be installed beside it."""
    connection = _connect(options)
    _load_postgres(connection)
    _told(
        lambda: connection.execute(f"ATTACH {_quoted(address)} AS cases_db (TYPE postgres, READ_ONLY)"),
        "a PostgreSQL server that lets one in at this address",
        "Look at the address, the name and the password, and whether the server runs.",
    )
    return _open_attached(connection, "the PostgreSQL table", options)


def open_relation(relation: duckdb.DuckDBPyRelation) -> EngineRaw:
    """A DuckDB relation, on the connection it comes from."""
    return _open_relation(relation, "the relation", Watch(lambda: -1.0, shown=False))


def _load_postgres(connection: duckdb.DuckDBPyConnection) -> None:
    """The scanner is a file beside DuckDB, of the same release; nothing is fetched."""
    if find_spec("duckdb_extensions") is not None:
        # a package of its own that puts the file where DuckDB looks for it
        import_module("duckdb_extensions").import_extension("postgres_scanner", con=connection)
    _told(
        lambda: connection.execute("LOAD postgres_scanner"),
        "DuckDB's scanner for PostgreSQL, which is not installed",
        f"Install the scanner of DuckDB {duckdb.__version__}, or a release of DuckDB that has one: pip install "
        '"se_outcomes[postgres]".',
    )


def _open_attached(connection: duckdb.DuckDBPyConnection, source: str, options: EngineOptions) -> EngineRaw:
    known = connection.execute(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = 'cases_db' ORDER BY ALL"
    ).fetchall()
    names = [name if schema in ("main", "public") else f"{schema}.{name}" for schema, name in known]
    if options.table is None and len(names) == 1:
        (chosen,) = known
    elif options.table in names:
        chosen = known[names.index(options.table)]
    else:
        raise unreadable(
            "no such table" if options.table else "which table",
            f"one of its tables: {', '.join(names) or 'there is none'}",
            'Name it: table="..." in the call, or --table.',
        )
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in ("cases_db", *chosen))
    return _open_query(connection, f"SELECT * FROM {quoted}", source, options)


def _connect(options: EngineOptions) -> duckdb.DuckDBPyConnection:
    """An engine of its own, which reaches no network, and whose files for what memory cannot hold go when it does."""
    spill = tempfile.mkdtemp(prefix="se_outcomes_")
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "temp_directory": spill,
    }
    if options.memory_limit is not None:
        config["memory_limit"] = str(options.memory_limit).strip()
    if options.threads is not None:
        config["threads"] = options.threads
    connection = duckdb.connect(config=config)
    weakref.finalize(connection, shutil.rmtree, spill, ignore_errors=True)
    connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
    return connection


def _open_query(
    connection: duckdb.DuckDBPyConnection, query: str, source: str, options: EngineOptions
) -> EngineRaw:
    relation = _told(lambda: connection.sql(query), "a table that DuckDB can read")
    return _open_relation(relation, source, Watch(connection.query_progress, options.progress))


def _open_relation(relation: duckdb.DuckDBPyRelation, source: str, watch: Watch) -> EngineRaw:
    headers, kinds = relation.columns, map(str, relation.types)
    read = [
        f"{_cast(f'#{number}', kind)} AS {raw_name(number - 1)}" for number, kind in enumerate(kinds, start=1)
    ]
    numbered = relation.project(", ".join([*read, f"row_number() OVER () - 1 AS {ROW}"]))
    engine = Engine("DuckDB", watched=partial(_watched, watch))
    return raw_on_engine(Rows(nw.from_native(numbered), engine), headers, source)


def raw_on_engine(rows: Rows, headers: Sequence[str], source: str) -> EngineRaw:
    """A raw table of columns on an engine, named by :func:`raw_name`; what can be listed is."""
    n_rows = int(rows.ask({"n": nw.len()}, "counting the rows")["n"])
    if not n_rows:
        raise unreadable("no rows", "one row per case", "Export the data again with its rows.")
    raw = EngineRaw(pd.DataFrame(), tuple(map(clean_text, headers)), source, rows=rows, size=n_rows)
    columns = [one for one in map(raw.column, range(len(headers))) if isinstance(one, EngineColumn)]
    find_ends(columns)
    list_values([one for one in columns if one.kind == nw.String], n_rows)
    return raw


def _cast(name: str, kind: str) -> str:
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"timezone('UTC', {name})"
    to = (
        "VARCHAR"
        if kind.startswith("ENUM(")
        else "DOUBLE"
        if kind.startswith("DECIMAL(")
        else _CASTS.get(kind)
    )
    return f"CAST({name} AS {to})" if to else name


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _watched(watch: Watch, scan: Callable[[], T], what: str) -> T:
    """A scan under a bar; what DuckDB has to say may quote the data, so that its kind alone is told."""
    try:
        return watch(scan, what)
    except duckdb.OutOfMemoryException:
        raise EngineError(
            f"DuckDB's memory is too small for {what}. Set a higher memory_limit, or fewer threads, which share it."
        ) from None
    except (duckdb.InterruptException, RuntimeError) as error:
        # that somebody pressed Ctrl-C, DuckDB tells by an error of its own kind
        if isinstance(error, duckdb.InterruptException) or "interrupted" in str(error).lower():
            raise KeyboardInterrupt from None
        raise
    except duckdb.Error as error:
        raise EngineError(
            f"DuckDB stopped while {what} ({type(error).__name__}): the data are damaged, or out of reach by now."
        ) from None


def _told(call: Callable[[], T], kind: str, remedy: str = "") -> T:
    """Call DuckDB; whatever it raises becomes a fault, because its own message may quote the data."""
    try:
        return call()
    except duckdb.Error:
        remedy = remedy or "It is damaged, locked or of another kind than its name says: export it again."
        raise unreadable("not readable", kind, remedy) from None
