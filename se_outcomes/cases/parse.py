"""From raw text or native values to typed columns under the schema's names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pandas as pd

from se_outcomes.cases.distinct import Distinct, translate
from se_outcomes.cases.doubts import Doubt
from se_outcomes.cases.engine_column import EngineColumn
from se_outcomes.cases.faults import Fault
from se_outcomes.cases.headers import (
    HeaderMatch,
    column_names,
    known_spellings,
    match_headers,
    shown_headers,
    suggest,
)
from se_outcomes.cases.listed import Listed
from se_outcomes.cases.mapping import Translation
from se_outcomes.cases.notation import Notation, decide_notation
from se_outcomes.cases.raw import Raw
from se_outcomes.cases.rows import Rows, TypedColumn, rows_of_pandas
from se_outcomes.cases.schema import Column, Table
from se_outcomes.cases.typed import typed_column
from se_outcomes.cases.typed_rows import has_type, typed_in_rows
from se_outcomes.cases.values import fold

#: How many of the columns left out are named.
N_NAMED = 20
_ADD_OR_MAP = "Add the column, or name your own under [columns] in the mapping."


def parse_columns(raw: Raw, table: Table, translation: Translation) -> tuple[Rows, list[Fault | Doubt]]:
    """Type the columns of the schema that the raw table has, constants, and [extra] columns under their own
    header.

    Rules across columns, missing values in required columns, uniqueness and bounds are not looked at here.

    Parameters
    ----------
    raw : Raw
    table : Table
        Of the schema.
    translation : Translation

    Returns
    -------
    rows : Rows
        Columns in the order of the schema, then [extra]; in pandas text is ``str``, whole numbers ``Int64``,
        numbers ``float64``, booleans ``boolean``, dates ``datetime64[us]``, on an engine what stands for these. A
        faulty value is missing there, and a fault is in the list.
    faults : list of Fault or Doubt
        Headers missing, doubled or not found, and values that are not of their column's type.
    """
    if raw.faults:
        return rows_of_pandas(pd.DataFrame()), list(raw.faults)
    match = match_headers(raw.headers, table, translation.columns, translation.extra, translation.constants)
    faults: list[Fault | Doubt] = [*_header_faults(raw, table, translation, match)]
    found, in_rows = _found_columns(raw, table, translation, match)
    notation, notation_faults = decide_notation(
        {name: (spec.type, spec.distinct) for name, spec in found.items()},
        translation.read,
        raw.delimiter,
        table.name,
    )
    faults += notation_faults
    columns: dict[str, TypedColumn] = {}
    for name, one in in_rows.items():
        codes = translation.codes.get(name, {})
        columns[name], doubts = typed_in_rows(
            one.engine_column, one.type, one.column, codes, table.name, name
        )
        faults += doubts
    for name, spec in found.items():
        columns[name], column_faults = typed_column(
            spec.distinct, spec.type, spec.column, spec.labels, notation[name], table.name, name
        )
        # where the notation itself is in doubt, each value's fault would only repeat it
        faults += [] if notation[name].doubtful else column_faults
    for name, value in translation.constants.items():
        kind = table.columns[name].type
        constant = raw.constant(value)
        columns[name], _ = typed_column(constant, kind, table.columns[name], {}, Notation(), table.name, name)
    order = [name for name in (*table.columns, *translation.extra) if name in columns]
    rows = raw.typed({name: columns[name] for name in order})
    return rows.with_constants(name for name, one in found.items() if _is_constant(one.distinct)), faults


def _is_constant(values: Distinct | Listed) -> bool:
    """Whether a column on an engine has one value throughout, which then need not be read."""
    return isinstance(values, Listed) and len(values.raw) == 1 and not values.n_missing


@dataclass(frozen=True, repr=False)
class _Found:
    """A column of the file that is wanted: what it is to become, and its values, codes translated."""

    type: str
    column: Column | None
    distinct: Distinct | Listed
    labels: dict


@dataclass(frozen=True, repr=False)
class _InRows:
    """A wanted column that is typed where its rows are."""

    type: str
    column: Column | None
    engine_column: EngineColumn


def _found_columns(
    raw: Raw, table: Table, translation: Translation, match: HeaderMatch
) -> tuple[dict[str, _Found], dict[str, _InRows]]:
    wanted: dict[str, tuple[int, str, Column | None]] = {}
    for name, column in table.columns.items():
        if name in match.positions:
            wanted[name] = (match.positions[name], column.type, column)
    for header, kind in translation.extra.items():
        if raw.headers.count(header) == 1:
            wanted[header] = (raw.headers.index(header), "string" if kind == "text" else kind, None)
    found, in_rows = {}, {}
    for name, (position, kind, spec) in wanted.items():
        labels = dict(raw.value_labels.get(position, {}))
        codes = translation.codes.get(name, {})
        there = raw.column(position)
        if not isinstance(there, EngineColumn):
            values: Distinct | Listed = there
        elif (has_type(there, kind) and not codes) or there.listed is None:
            in_rows[name] = _InRows(kind, spec, there)
            continue
        else:
            values = there.listed
        found[name] = _Found(kind, spec, translate(values, codes, labels), labels)
    return found, in_rows


def _shown(raw: Raw, translation: Translation) -> list[str]:
    return shown_headers(raw, known_spellings({*translation.columns.values(), *translation.extra}))


def _header_faults(raw: Raw, table: Table, translation: Translation, match: HeaderMatch) -> list[Fault]:
    shown = _shown(raw, translation)
    faults = []
    for name, positions in match.twice.items():
        names = " and ".join(shown[position] for position in positions)
        faults.append(
            _header_fault(
                table,
                name,
                "two columns for one",
                f"one column; {names} both stand for it",
                "Rename or remove one of them.",
            )
        )
    claimed = {position for positions in match.twice.values() for position in positions}
    for header, count in Counter(raw.headers).items():
        first = raw.headers.index(header)
        if not header:
            blank = ", ".join(str(i + 1) for i, other in enumerate(raw.headers) if not other)
            faults.append(
                _header_fault(
                    table,
                    "",
                    "header missing",
                    f"a header above every column; columns without: {blank}",
                    "Name the column, or remove it.",
                )
            )
        elif count > 1 and first not in claimed:
            faults.append(
                _header_fault(
                    table,
                    shown[first],
                    "duplicate header",
                    f"each header once; this one stands {count} times",
                    "Rename or remove the others.",
                )
            )
    faults += _missing_headers(raw, table, translation, match, shown)
    return faults


def _missing_headers(
    raw: Raw, table: Table, translation: Translation, match: HeaderMatch, shown: list[str]
) -> list[Fault]:
    faults = []
    unused = [shown[position] for position in match.unused]
    for name, header in translation.columns.items():
        if header not in raw.headers:
            faults.append(
                _header_fault(
                    table,
                    name,
                    "mapped column not found",
                    f"a column with the header {header!r}, as the mapping says",
                    "Correct [columns] in the mapping." + suggest(header, unused),
                )
            )
    for header in translation.extra:
        if header not in raw.headers:
            faults.append(
                _header_fault(
                    table,
                    header,
                    "mapped column not found",
                    "a column with this header, as the mapping says",
                    "Correct [extra] in the mapping." + suggest(header, unused),
                )
            )
    known = {*match.positions, *translation.constants, *translation.columns}
    for name, column in table.columns.items():
        if column.required and name not in known:
            faults.append(
                _header_fault(
                    table,
                    name,
                    "required column missing",
                    f"the column {name}",
                    _ADD_OR_MAP + _nearest(column, unused),
                )
            )
    return faults


def _nearest(column: Column, unused: list[str]) -> str:
    for spelling in (column.name, *column.title.values()):
        if near := suggest(spelling, [header for header in unused if not header.startswith("column ")]):
            return near.replace("Did you mean", "Is it")
    return ""


def _header_fault(table: Table, column: str, rule: str, expected: str, remedy: str) -> Fault:
    return Fault(table.name, column, rule, 0, "", expected, remedy)


def columns_left_out(raw: Raw, table: Table, translation: Translation) -> str | None:
    """Name the columns of the file that are not used, as the sentence of one warning.

    Returns
    -------
    str or None
        None when every column is used. Headers that look like values are given as "column 7".
    """
    if raw.faults:
        return None
    match = match_headers(raw.headers, table, translation.columns, translation.extra, translation.constants)
    if not match.unused:
        return None
    shown = _shown(raw, translation)
    spellings = column_names(table)
    free = {spelling: name for spelling, name in spellings.items() if name not in match.positions}
    named = []
    for position in match.unused:
        near = suggest(raw.headers[position], free) if shown[position] == raw.headers[position] else ""
        hint = f" (did you mean {free[fold(near.split(chr(39))[1])]}?)" if near else ""
        named.append(shown[position] + hint)
    noun = "column is" if len(named) == 1 else "columns are"
    return f"{len(named)} {noun} neither in the schema nor in the mapping and left out: {_first_of(named)}."


def _first_of(named: list[str]) -> str:
    """Join the first names; where some are too many, those that may be misspelt come first."""
    if len(named) > N_NAMED:
        named = sorted(named, key=lambda name: "(did you mean" not in name)
    more = [f"and {len(named) - N_NAMED} more"] if len(named) > N_NAMED else []
    return ", ".join(named[:N_NAMED] + more)
