"""What identifies a person, looked for where the rows are: in columns of a type, and of too many values to list.

Most columns of ids are told harmless by one look at the shape of each text. What is left is listed and looked at
value by value; where too many are left for that, numbers are judged by their digits, and other texts are refused.
"""

from __future__ import annotations

import narwhals as nw

from se_outcomes.cases.doubts import Doubt
from se_outcomes.cases.engine_column import MOST_VALUES, EngineColumn, is_suspect
from se_outcomes.cases.faults import Fault
from se_outcomes.cases.identifying import (
    NO_NATIONAL_NUMBERS,
    NO_SUCH_HEADER,
    NumbersFound,
    find_in_values,
    identifying_fault,
    is_identifying_header,
)
from se_outcomes.cases.listed import Listed
from se_outcomes.cases.national_numbers import K1_WEIGHTS, K2_WEIGHTS


def find_in_rows(column: EngineColumn, header: str, shown: str, table: str) -> list[Fault | Doubt]:
    """Scan one column on an engine.

    Parameters
    ----------
    column : EngineColumn
    header, shown : str
        As it stands, and as it may be named.
    table : str
    """
    value = nw.col(column.name)
    named: list[Fault | Doubt] = []
    if column.kind in (nw.Boolean, nw.Date, nw.Datetime) or column.kind.is_numeric():
        if is_identifying_header(header) and not _only_flags(column):
            fault = identifying_fault(table, shown, "identifying header", NO_SUCH_HEADER)
            named.append(Doubt(fault, ~value.is_null()))
        return named + (_numbers(column, value, shown, table) if column.kind.is_numeric() else [])
    if column.kind == nw.String and column.listed is not None:
        return find_in_values(column.listed, header, shown, table)
    text = value if column.kind == nw.String else value.cast(nw.String)
    if is_identifying_header(header):
        fault = identifying_fault(table, shown, "identifying header", NO_SUCH_HEADER)
        named.append(Doubt(fault, text.str.contains(r"\S")))
    return named + _texts(column, text, shown, table)


def _only_flags(column: EngineColumn) -> bool:
    if column.kind == nw.Boolean:
        return True
    if not column.kind.is_numeric():
        return False
    return not column.rows.any(~nw.col(column.name).is_in([0, 1]))


# --- text -------------------------------------------------------------------------------------------


def _texts(column: EngineColumn, text: nw.Expr, shown: str, table: str) -> list[Fault | Doubt]:
    suspect = is_suspect(text)
    if column.is_harmless if column.kind == nw.String else not column.rows.any(suspect):
        return []
    rows = column.rows.filter(suspect.fill_null(False))
    counted = rows.with_columns({"__text": text}).distinct(["__text"], MOST_VALUES)
    if counted is not None:
        counts = counted["n"].to_numpy()
        texts = counted["__text"].tolist()
        listed = Listed(column.name, nw.String(), texts, counts, 0, texts)
        n_values = (
            len(texts) + MOST_VALUES
        )  # the others are harmless, and at least so many, or all would be listed
        return find_in_values(listed, "", shown, table, n_values)
    digits = text.str.contains(r"^[0-9]{10,11}$")
    if not column.rows.any(suspect & ~digits):
        return _numbers(column, nw.when(digits).then(text).cast(nw.Int64), shown, table)
    expected = (
        "pseudonyms of at most two letters and nine digits, SHA-256 or UUID; other texts of so many different kinds "
        "cannot be looked through"
    )
    return [Doubt(identifying_fault(table, shown, "many different texts", expected), suspect & ~digits)]


# --- numbers ----------------------------------------------------------------------------------------


def _numbers(column: EngineColumn, value: nw.Expr, shown: str, table: str) -> list[Fault | Doubt]:
    """National identity numbers among whole numbers of ten (a leading zero lost) and eleven digits."""
    candidate = (
        (value >= 10**9) & (value < 10**11) & (value == value.floor() if column.kind.is_float() else True)
    )
    if not column.rows.any(candidate):
        return []
    rows = column.rows.filter(candidate).with_columns({"__number": value.cast(nw.Int64)})
    number = nw.col("__number")
    told = rows.ask(
        {
            "candidates": number.n_unique(),
            "dated": nw.when(_has_date(number)).then(number).n_unique(),
            "undated": (~_has_date(number)).any(),
            "new": nw.when(_is_number(number, 3)).then(number).n_unique(),
            "not_new": (~_is_number(number, 3)).any(),
            "old": nw.when(_is_number(number, 0)).then(number).n_unique(),
            "not_old": (~_is_number(number, 0)).any(),
        },
        "looking for national identity numbers",
    )
    values = column.rows.ask({"values": nw.col(column.name).n_unique()})["values"]
    found = NumbersFound(
        int(values),
        int(told["candidates"]),
        # those that are none are a missing value, which counts as one more
        int(told["dated"]) - bool(told["undated"]),
        int(told["old"]) - bool(told["not_old"]),
        int(told["new"]) - bool(told["not_new"]),
    )
    if not found.new or found.are_chance():
        return []
    hit = candidate & _is_number(nw.when(candidate).then(value).cast(nw.Int64), 3)
    return [Doubt(identifying_fault(table, shown, "national identity number", NO_NATIONAL_NUMBERS), hit)]


def _digit(number: nw.Expr, position: int) -> nw.Expr:
    return (number // 10 ** (10 - position)) % 10


def _is_number(number: nw.Expr, most: int) -> nw.Expr:
    """Whether the first checksum leaves at most ``most`` (3 as of 2032, 0 before), and the second nothing."""
    first = sum((int(w) * _digit(number, i) for i, w in enumerate(K1_WEIGHTS)), start=_digit(number, 9)) % 11
    second = (
        sum((int(w) * _digit(number, i) for i, w in enumerate(K2_WEIGHTS)), start=_digit(number, 10)) % 11
    )
    return (first <= most) & (second == 0) & _has_date(number)


def _has_date(number: nw.Expr) -> nw.Expr:
    """Whether the digits begin with a day and month, the additions of D-, H- and synthetic numbers taken off."""
    day, month, year = number // 10**9, (number // 10**7) % 100, (number // 10**5) % 100
    day = nw.when(day > 40).then(day - 40).otherwise(day)
    month = nw.when(month > 80).then(month - 80).otherwise(month)
    month = nw.when(month > 40).then(month - 40).otherwise(month)
    short = nw.when(month.is_in([4, 6, 9, 11])).then(nw.lit(30)).otherwise(nw.lit(31))
    longest = nw.when(month == 2).then(nw.lit(29)).otherwise(short)
    leap = (day != 29) | (month != 2) | (year % 4 == 0)
    return (month >= 1) & (month <= 12) & (day >= 1) & (day <= longest) & leap
