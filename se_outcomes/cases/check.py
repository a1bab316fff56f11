"""Checking: the one way from raw rows to ``Cases``. Every fault is found and told at once, none by value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import narwhals as nw
import pandas as pd

from se_outcomes.cases.cases import CHECKED, OWN_VALUES, Cases
from se_outcomes.cases.derive import fill_in_columns, state_columns
from se_outcomes.cases.doubts import settle
from se_outcomes.cases.engine_frames import open_relation
from se_outcomes.cases.faults import Fault, faults_frame
from se_outcomes.cases.grid import find_grids, round_to, say_grids
from se_outcomes.cases.identifiers import find_identifiers
from se_outcomes.cases.mapping import Translation, read_mapping
from se_outcomes.cases.parse import columns_left_out, parse_columns
from se_outcomes.cases.raw import Raw, UnreadableError
from se_outcomes.cases.read import read_frame
from se_outcomes.cases.remarks import Checked, remark_on
from se_outcomes.cases.rows import PANDAS, Rows
from se_outcomes.cases.rules import doubts_by_rule
from se_outcomes.cases.scale import ENDINGS
from se_outcomes.cases.schema import Table, read_schema
from se_outcomes.cases.spark_frames import open_spark
from se_outcomes.cases.study_plan import StudyPlan
from se_outcomes.errors import CaseFileError
from se_outcomes.results import Notice


def check_cases(
    frame: pd.DataFrame | Raw,
    *,
    mapping: Mapping[str, object] | str | Path | Translation | None = None,
    gates: str | None = None,
    outcome_observed: str | None = None,
    title: str | None = None,
) -> Cases:
    """Check a data frame against the schema.

    Parameters
    ----------
    frame : pandas.DataFrame, DuckDB relation or Spark data frame (n, k)
        Text or native values under the schema's names, or others with a mapping. It is left as it is. Rows of a
        relation or a Spark frame are looked at where they are, and do not come to Python.
    mapping : dict, or path of a TOML file, optional
        Translates one's own column names and codes, and says in ``[study]`` what the data cannot.
    gates : {"separate", "merged"}, optional
        Goes before the mapping's ``[study]``.
    outcome_observed : {"all", "accepted"}, optional
        Goes before the mapping's ``[study]``.
    title : str, optional
        Of the report; goes before the mapping's ``[study]``.

    Returns
    -------
    Cases

    Raises
    ------
    CaseFileError
        With every fault in ``.faults`` (table, column, rule, n_rows, first_rows, expected, remedy) and no
        value of the data anywhere.
    MappingError
        With everything that is wrong with the mapping or the options.
    TypeError
        Where ``frame`` is none of these.

    Examples
    --------
    >>> import pandas as pd
    >>> import se_outcomes as so
    >>> frame = pd.DataFrame({"case_id": ["1", "1"], "office_id": ["0301", "0301"], "motivation": [3, 8],
    ...     "referred": [False, True], "accepted": [None, True], "placed": [False, True]})
    >>> so.check_cases(frame)
    Traceback (most recent call last):
    ...
    se_outcomes.errors.CaseFileError: the data frame cannot be used: 1 fault
      - cases.case_id: expected every case_id on one row only (2 rows; first: 1, 2). Remove the duplicates; ...
    """
    raw = frame if isinstance(frame, Raw) else _raw(frame)
    translation = read_mapping(mapping)
    plan = translation.study.answered(gates=gates, outcome_observed=outcome_observed, title=title)
    table = read_schema()["cases"]
    if raw.faults:
        raise CaseFileError(faults_frame(raw.faults), raw.source)
    mapped = [*translation.columns.values(), *translation.extra]
    doubts = find_identifiers(raw, table=table.name, mapped=mapped)
    typed, found = parse_columns(raw, table, translation)
    doubts += [*found, *_reserved_names(translation, table, plan)]
    checked = typed.with_columns(fill_in_columns(set(typed.columns)))
    doubts += [doubt for _, doubt in doubts_by_rule(checked, table, plan, severity="fault")]
    faults = [fault for fault in settle(checked, doubts) if fault is not None]
    if faults:
        raise CaseFileError(faults_frame(faults), raw.source)
    known = [name for name in checked.columns if name not in raw.own_names]
    constants = [name for name in checked.constants if name in known]
    checked = checked.select({name: nw.col(name) for name in known}).with_constants(constants)
    grids = find_grids(checked)
    checked = checked.with_columns(round_to(grids))
    checked = _compact(checked.with_columns(state_columns(set(known), plan)))
    seen = Checked(checked, plan)
    left_out = columns_left_out(raw, table, translation)
    first = (Notice("columns_left_out", "{told}", told=left_out),) if left_out else ()
    remarks = (*first, *say_grids(grids), *remark_on(seen, table))
    return Cases(checked.with_constants(seen.never_true()), plan, remarks, token=CHECKED)


def _raw(frame: object) -> Raw:
    """A data frame as a raw table, on the engine it belongs to."""
    kind = type(frame)
    try:
        if isinstance(frame, pd.DataFrame):
            return read_frame(frame)
        if isinstance(frame, duckdb.DuckDBPyRelation):
            return open_relation(frame)
        if kind.__module__.startswith("pyspark.sql.") and kind.__name__ == "DataFrame":
            return open_spark(frame)
    except UnreadableError as error:
        return Raw(pd.DataFrame(), (), faults=error.faults)
    raise TypeError(
        f"cases come from a file, a pandas or Spark data frame, or a DuckDB relation; this is a {kind.__name__}"
    )


def _compact(rows: Rows) -> Rows:
    """Text as categories, in pandas: a tally then groups by numbers."""
    coded = [name for name, kind in rows.schema.items() if kind == nw.String and name not in OWN_VALUES]
    if rows.engine is not PANDAS:
        return rows
    return rows.with_columns({name: nw.col(name).cast(nw.Categorical) for name in coded})


def _reserved_names(translation: Translation, table: Table, plan: StudyPlan) -> list[Fault]:
    """[extra] columns that bear the name of something the package works out itself."""
    # a tally with its cells sorted has n, and level and event from the study
    derived = {"n", "level", "event", *state_columns(set(table.columns), plan)}
    derived |= {
        f"{name}_{ending}"
        for name, column in table.columns.items()
        for ending in ENDINGS
        if column.type in ("number", "integer")
    }
    numbers = [name for name, kind in translation.extra.items() if kind == "number"]
    derived |= {f"{name}_{ending}" for name in numbers for ending in ENDINGS}
    return [
        Fault(
            table.name,
            name,
            "reserved name",
            0,
            "",
            "another header; columns of this name are worked out by the package",
            "Rename the column.",
        )
        for name in translation.extra
        if name in derived
    ]
