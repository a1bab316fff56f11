"""What identifies a person, looked for where the rows are: in columns of a type, and of too many values to list.

Most columns of ids are told harmless by one look at the shape of each text. What is left is listed and looked at
value by value; where too many are left for that, numbers are judged by their digits, and other texts are refused.
"""

from __future__ import annotations

import narwhals as nw
import numpy as np

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
        listed = Listed(column.name, nw.String(), texts, counts, 0, texts, as_text=column.kind != nw.String)
        n_values = (
            len(texts) + MOST_VALUES
        )  # the others are harmless, and at least so many, or all would be listed
        return find_in_values(listed, "", shown, table, n_values)
    digits = text.str.contains(r"^[0-9]{10,11}\z")
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
    for step in (
        _PARTS,
        _TOLD,
    ):  # one upon the other: within one expression each would be worked out again and again
        rows = rows.with_columns(step)
    number, dated, old, new = (nw.col(name) for name in ("__number", "__dated", "__old", "__new"))
    told = rows.ask(
        {
            "candidates": number.n_unique(),
            **{
                f"{name}{ending}": question
                for name, flag in (("dated", dated), ("old", old), ("new", new))
                for ending, question in (
                    ("", nw.when(flag).then(number).n_unique()),
                    # those that are none are a missing value, which counts as one more
                    (" not", (~flag).any()),
                )
            },
            "rows": new.cast(nw.Int64).sum(),
        },
        "looking for national identity numbers",
    )
    n_values = int(column.rows.ask({"values": nw.col(column.name).n_unique()})["values"])
    known = [int(told[name]) - bool(told[f"{name} not"]) for name in ("dated", "old", "new")]
    found = NumbersFound(n_values, int(told["candidates"]), *known)
    if not found.new or found.are_chance():
        return []
    fault = identifying_fault(table, shown, "national identity number", NO_NATIONAL_NUMBERS)
    return [fault._replace(n_rows=int(told["rows"]), first_rows=rows.first(new))]


def _digit(position: int) -> nw.Expr:
    return (nw.col("__number") // 10 ** (10 - position)) % 10


def _remainder(weights: np.ndarray, last: int) -> nw.Expr:
    terms = (int(weight) * _digit(position) for position, weight in enumerate(weights))
    return sum(terms, start=_digit(last)) % 11


def _less(value: nw.Expr, added: int) -> nw.Expr:
    return nw.when(value > added).then(value - added).otherwise(value)


#: Day and month without the additions of D-, H- and synthetic numbers, the year of the century, and the checksums.
_PARTS = {
    "__day": _less(nw.col("__number") // 10**9, 40),
    "__month": _less(_less((nw.col("__number") // 10**7) % 100, 80), 40),
    "__year": (nw.col("__number") // 10**5) % 100,
    "__first": _remainder(K1_WEIGHTS, 9),
    "__second": _remainder(K2_WEIGHTS, 10),
}
_SHORT = nw.when(nw.col("__month").is_in([4, 6, 9, 11])).then(nw.lit(30)).otherwise(nw.lit(31))
_LONGEST = nw.when(nw.col("__month") == 2).then(nw.lit(29)).otherwise(_SHORT)
_DATED = (
    (nw.col("__month") >= 1)
    & (nw.col("__month") <= 12)
    & (nw.col("__day") >= 1)
    & (nw.col("__day") <= _LONGEST)
    & ((nw.col("__day") != 29) | (nw.col("__month") != 2) | (nw.col("__year") % 4 == 0))
)
#: Whether it is dated like a national number, and is one under the rule before 2032 and under the new one.
_TOLD = {
    "__dated": _DATED,
    "__old": _DATED & (nw.col("__first") == 0) & (nw.col("__second") == 0),
    "__new": _DATED & (nw.col("__first") <= 3) & (nw.col("__second") == 0),
}
