"""Checking: the one way from raw rows to ``Cases``. Every fault is found and told at once, none by value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import narwhals as nw
import pandas as pd

from se_outcomes.cases.cases import CHECKED, Cases
from se_outcomes.cases.derive import fill_in_columns, state_columns
from se_outcomes.cases.faults import Fault, faults_frame
from se_outcomes.cases.identifiers import find_identifiers
from se_outcomes.cases.mapping import Translation, read_mapping
from se_outcomes.cases.parse import columns_left_out, parse_columns
from se_outcomes.cases.read import Raw, read_frame
from se_outcomes.cases.remarks import remark_on
from se_outcomes.cases.rules import find_breaches
from se_outcomes.cases.scale import ENDINGS
from se_outcomes.cases.schema import Table, read_schema
from se_outcomes.cases.study_plan import StudyPlan
from se_outcomes.errors import CaseFileError
from se_outcomes.results import Notice

#: Columns whose every value may differ: kept as text, all other text as categories.
_OWN_VALUES = ("case_id", "person_id")


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
    frame : pandas.DataFrame (n, k)
        Text or native values under the schema's names, or others with a mapping. It is left as it is.
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
        Where ``frame`` is no pandas data frame.

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
    if not isinstance(frame, pd.DataFrame | Raw):
        raise TypeError(f"cases come from a file or a pandas data frame; this is a {type(frame).__name__}")
    translation = read_mapping(mapping)
    plan = translation.study.answered(gates=gates, outcome_observed=outcome_observed, title=title)
    raw = frame if isinstance(frame, Raw) else read_frame(frame)
    table = read_schema()["cases"]
    faults = list(raw.faults)
    if not faults:
        mapped = [*translation.columns.values(), *translation.extra]
        faults += find_identifiers(raw.frame, raw.headers, table=table.name, mapped=mapped)
        typed, found = parse_columns(raw, table, translation)
        faults += found + _reserved_names(translation, table, plan)
    if not raw.faults and len(typed.columns):
        checked = nw.from_native(typed, eager_only=True)
        checked = checked.with_columns(**fill_in_columns(set(checked.columns)))
        faults += [fault for _, fault in find_breaches(checked, table, plan, severity="fault")]
    if faults:
        raise CaseFileError(faults_frame(faults), raw.source)
    states = state_columns(set(checked.columns), plan)
    checked = _compact(checked.with_columns(**states))
    return Cases(checked, plan, _remarks(raw, checked, table, translation, plan), token=CHECKED)


def _compact(frame: nw.DataFrame) -> nw.DataFrame:
    """Text as categories: a tally then groups by numbers."""
    coded = [name for name, kind in frame.schema.items() if kind == nw.String and name not in _OWN_VALUES]
    return frame.with_columns(nw.col(*coded).cast(nw.Categorical)) if coded else frame


def _remarks(
    raw: Raw, frame: nw.DataFrame, table: Table, translation: Translation, plan: StudyPlan
) -> tuple[Notice, ...]:
    left_out = columns_left_out(raw, table, translation)
    first = (Notice("columns_left_out", "{told}", told=left_out),) if left_out else ()
    return (*first, *remark_on(frame, table, plan))


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
