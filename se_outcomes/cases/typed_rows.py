"""Giving a column its type where its rows are: one that has a type already, or too many values to list."""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Callable, Mapping

import narwhals as nw
import pandas as pd

from se_outcomes.cases.doubts import Doubt
from se_outcomes.cases.engine_column import Ends, EngineColumn
from se_outcomes.cases.schema import Column
from se_outcomes.cases.typed import value_fault
from se_outcomes.cases.values import (
    BLANKS,
    FALSE_TEXTS,
    FIRST_YEAR,
    LAST_YEAR,
    MISSING_TEXTS,
    SPREADSHEET_ERRORS,
    TRUE_TEXTS,
)

#: What a parser on the engine gives: the typed column, and the rows that are not of the type, if there can be any.
Parsed = tuple[nw.Expr, nw.Expr | None]

_MISSING = "(?i)^(?:" + "|".join(map(re.escape, sorted(MISSING_TEXTS))) + r")\z"
#: Marks that belong to the letter before them: such a text is equal to another only once its letters are composed.
_APART = "[\u0300-\u036f]"


def has_type(column: EngineColumn, kind: str) -> bool:
    """Whether the engine's own type is that of the schema, so that no value needs to be parsed."""
    own = column.kind
    if kind == "boolean":
        return own == nw.Boolean
    if kind == "date":
        return own == nw.Date or own == nw.Datetime
    return kind in ("number", "integer") and own.is_numeric()


def typed_in_rows(
    column: EngineColumn,
    kind: str,
    spec: Column | None,
    codes: Mapping[str, object],
    table: str,
    name: str,
) -> tuple[nw.Expr, list[Doubt]]:
    """Type one column without listing its values.

    Parameters
    ----------
    column : EngineColumn
    kind : str
        ``string``, ``integer``, ``number``, ``boolean`` or ``date``.
    spec : Column or None
        Of the schema; None for an [extra] column.
    codes : mapping
        What the mapping puts in place of a text, spelt as it stands there.
    table, name : str
        For the fault.

    Returns
    -------
    typed : narwhals expression
    doubts : list of Doubt
        The rows that are not of the type.
    """
    value = nw.col(column.name)
    if _stands(column, kind) and not codes:
        return value.cast(_kind(kind)) if kind in ("number", "integer") else value, []
    if column.kind == nw.String:
        value = _translated(_without_blanks(value), codes)
        allowed = spec.allowed if spec is not None and kind == "string" else None
        typed, unsound = _FROM_TEXT[kind](value) if allowed is None else _code(value, allowed)
    elif column.kind == nw.Boolean:
        typed, unsound = _from_boolean(value, kind)
    elif column.kind.is_numeric():
        typed, unsound = _from_number(value, kind, whole=column.kind.is_integer())
    elif column.kind == nw.Date or column.kind == nw.Datetime:
        typed, unsound = _from_date(value, kind, timed=column.kind == nw.Datetime)
    else:  # a list, a structure, a time of day
        typed, unsound = _nothing(kind), ~value.is_null()
    restricted = spec if spec is not None and spec.allowed is not None and kind == "string" else None
    return typed, [] if unsound is None else [Doubt(value_fault(kind, restricted, table, name), unsound)]


def _stands(column: EngineColumn, kind: str) -> bool:
    """Whether every value is what the schema wants already, by what was asked of the column before."""
    own, ends = column.kind, column.ends
    if kind == "date":
        years = dt.date(FIRST_YEAR, 1, 1), dt.date(LAST_YEAR, 12, 31)
        dates = own == nw.Date or (own == nw.Datetime and not ends.timed)
        return dates and (ends.least is None or Ends(_day(ends.least), _day(ends.greatest)).within(*years))
    if kind == "boolean":
        return own == nw.Boolean
    if kind == "string":
        return own == nw.String and column.is_harmless
    if own.is_integer():
        return kind == "number" or ends.within(1 - 2**53, 2**53 - 1)
    return own.is_float() and kind == "number" and ends.within(-sys.float_info.max, sys.float_info.max)


def _day(moment: dt.date) -> dt.date:
    return pd.Timestamp(moment).date()


# --- from text ------------------------------------------------------------------------------------


def _without_blanks(value: nw.Expr) -> nw.Expr:
    bare = value.str.strip_chars(BLANKS)
    return nw.when(~bare.str.contains(_MISSING)).then(bare)


def _translated(value: nw.Expr, codes: Mapping[str, object]) -> nw.Expr:
    found = value
    for code, target in codes.items():
        put = nw.lit(None if target == "" else str(target), dtype=nw.String)
        found = nw.when(value.fill_null("") == code).then(put).otherwise(found)
    return found


def _text(value: nw.Expr) -> Parsed:
    unsound = value.is_in(sorted(SPREADSHEET_ERRORS)) | value.str.contains(_APART)
    return value, unsound


def _code(value: nw.Expr, allowed: tuple[str, ...]) -> Parsed:
    return value, ~value.is_in(list(allowed))


def _number(value: nw.Expr) -> Parsed:
    plain = value.str.contains(r"^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,2})?\z")
    return nw.when(plain).then(value).cast(nw.Float64), ~plain


def _integer(value: nw.Expr) -> Parsed:
    plain = value.str.contains(r"^[-+]?[0-9]{1,15}\z")
    return nw.when(plain).then(value).cast(nw.Int64), ~plain


def _boolean(value: nw.Expr) -> Parsed:
    word = value.str.to_lowercase()
    true, false = word.is_in(sorted(TRUE_TEXTS)), word.is_in(sorted(FALSE_TEXTS))
    return nw.when(true | false).then(true), ~(true | false)


def _date(value: nw.Expr) -> Parsed:
    # there are fewer days from 1900 to 2100, in one way of writing, than values that cannot be listed
    return _nothing("date"), ~value.is_null()


_FROM_TEXT: dict[str, Callable[[nw.Expr], Parsed]] = {
    "string": _text,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "date": _date,
}


# --- from what has a type already -------------------------------------------------------------------


def _from_boolean(value: nw.Expr, kind: str) -> Parsed:
    if kind == "boolean":
        return value, None
    if kind in ("number", "integer"):
        return value.cast(nw.Int64).cast(_kind(kind)), None
    if kind == "string":
        word = nw.when(value).then(nw.lit("true")).otherwise(nw.lit("false"))
        return nw.when(~value.is_null()).then(word), None
    return _nothing(kind), ~value.is_null()


def _from_number(value: nw.Expr, kind: str, *, whole: bool) -> Parsed:
    if kind == "boolean":
        return nw.when((value == 0) | (value == 1)).then(value == 1), ~((value == 0) | (value == 1))
    if kind == "date":
        return _nothing(kind), ~value.is_null()
    number = value if whole else nw.when(~value.is_nan()).then(value)
    if kind == "number":
        # an infinite value is the only one that is no number
        finite = number if whole else nw.when(number.is_finite()).then(number)
        return finite.cast(nw.Float64), None if whole else ~number.is_finite()
    # beyond 2**53 a float no longer holds every whole number
    sound = (number < 2.0**53) & (number > -(2.0**53))
    if not whole:
        sound = sound & (number == number.floor())
    integer = nw.when(sound).then(number).cast(nw.Int64)
    return (integer.cast(nw.String) if kind == "string" else integer), ~sound


def _from_date(value: nw.Expr, kind: str, *, timed: bool) -> Parsed:
    if kind == "string":
        return value.cast(nw.String), None
    if kind != "date":
        return _nothing(kind), ~value.is_null()
    day = value.cast(nw.Date)
    sound = (value.dt.year() >= FIRST_YEAR) & (value.dt.year() <= LAST_YEAR)
    if timed:
        sound = sound & (day.cast(nw.Datetime("us")) == value)
    return nw.when(sound).then(day), ~sound


def _kind(kind: str) -> nw.dtypes.DType:
    return {
        "number": nw.Float64(),
        "integer": nw.Int64(),
        "boolean": nw.Boolean(),
        "date": nw.Date(),
        "string": nw.String(),
    }[kind]


def _nothing(kind: str) -> nw.Expr:
    return nw.lit(None, dtype=_kind(kind))
