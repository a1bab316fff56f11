"""Turning distinct values, as text or native, into typed ones: numbers, dates, booleans, codes and text.

A column is parsed once per distinct value. What a text means (decimal mark, order of day and month) is
decided from all texts together, never value by value; where they do not decide, the answer is "ambiguous"
and the file is refused.
"""

from __future__ import annotations

import datetime as dt
import math
import numbers
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

import numpy as np
import pandas as pd

#: Texts that stand for a missing value, compared without regard to case.
MISSING_TEXTS = frozenset({"", "na", "n/a", "#n/a", "nan", "nat", "<na>", "null", "."})

#: What a spreadsheet writes where a formula has failed: no value, and no missing one either.
SPREADSHEET_ERRORS = frozenset(
    {"#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#CALC!", "#SPILL!"}
)

TRUE_TEXTS = frozenset({"true", "1", "ja", "yes", "sann", "j", "y", "t", "1.0", "1,0"})
FALSE_TEXTS = frozenset({"false", "0", "nei", "no", "usann", "n", "f", "0.0", "0,0"})

#: Years outside these are typing errors or stand-ins such as 9999 for "open".
FIRST_YEAR, LAST_YEAR = 1900, 2100

# Blanks that people and spreadsheets put around or inside values: no-break, narrow no-break, thin,
# zero-width, BOM.
BLANKS = " \t\r\n\f\v\u00a0\u202f\u2009\u2007\u200b\ufeff"
_THOUSANDS = "[ \u00a0\u202f\u2009\u2007'’]"
_SPACED_THOUSANDS = re.compile(rf"(?<![0-9])([-+]?[0-9]{{1,3}}(?:{_THOUSANDS}[0-9]{{3}})+)(?=[.,]|$)")

Parsed = tuple[np.ndarray, np.ndarray]


def clean_text(text: str) -> str:
    """Strip blanks of every kind from both ends and compose letters (å as one character)."""
    text = text.strip(BLANKS)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def is_missing(value: object) -> bool:
    """Whether a value, text or native, stands for a missing one."""
    if isinstance(value, str):
        text = clean_text(value)
        return len(text) <= 4 and text.casefold() in MISSING_TEXTS
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    # what is not equal to itself: NaN, and NumPy's NaT
    return isinstance(value, float | np.floating | np.datetime64 | Decimal) and bool(value != value)


def text_of(value: object) -> str:
    """Write a value as text the way a code is written: 301.0 is "301", a date is ISO, true is "true"."""
    if isinstance(value, str):
        return clean_text(value)
    if is_missing(value):
        return ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, numbers.Integral):
        return (
            str(int(value)) if abs(int(value)) < 10**30 else hex(int(value))
        )  # a longer one costs time by its square
    if isinstance(value, numbers.Real) and math.isfinite(value) and float(value).is_integer():
        return str(int(float(value)))
    if isinstance(value, dt.datetime | np.datetime64):
        return _iso_text(value)
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _iso_text(moment: dt.datetime | np.datetime64) -> str:
    day = _native_date(moment)
    return str(moment) if day is None else day.isoformat()


# --- numbers --------------------------------------------------------------------------------------


def _certain_number(mark: str, other: str) -> re.Pattern[str]:
    """Texts that can only be read with ``mark`` as the decimal mark (``other`` then groups thousands)."""
    m, o = re.escape(mark), re.escape(other)
    return re.compile(
        rf"^[-+]?(?:0+{m}[0-9]+|[0-9]*{m}(?:[0-9]{{1,2}}|[0-9]{{4,}})|[0-9]{{4,}}{m}[0-9]+|{m}[0-9]+"
        rf"|[0-9]{{1,3}}(?:{o}[0-9]{{3}})+{m}[0-9]+|[0-9]{{1,3}}(?:{o}[0-9]{{3}}){{2,}})(?:[eE][-+]?[0-9]+)?$",
        re.MULTILINE,
    )


_CERTAIN = {",": _certain_number(",", "."), ".": _certain_number(".", ",")}
_UNCERTAIN = re.compile(r"^[-+]?[1-9][0-9]{0,2}[.,][0-9]{3}$", re.MULTILINE)
_NUMBER = {
    mark: re.compile(
        rf"[-+]?(?:[0-9]{{1,3}}(?:{re.escape(other)}[0-9]{{3}})+|[0-9]+)?(?:{re.escape(mark)}[0-9]*)?(?:[eE][-+]?[0-9]+)?"
    )
    for mark, other in ((",", "."), (".", ","))
}


def number_text(text: str) -> str:
    """Take blanks, thousands spaces and the typographic minus out of a number's text."""
    text = clean_text(text).replace("\u2212", "-").replace("\n", " ")
    return re.sub(_THOUSANDS, "", text) if _SPACED_THOUSANDS.match(text) else text


def decimal_evidence(values: Iterable[object]) -> tuple[set[str], bool]:
    """Which decimal marks the texts prove, and whether some text such as 1.234 could be read either way.

    Returns
    -------
    proven : set of "," and "."
    uncertain : bool
    """
    marked = [
        number_text(value) for value in values if isinstance(value, str) and ("," in value or "." in value)
    ]
    together = "\n".join(marked)
    proven = {mark for mark, pattern in _CERTAIN.items() if pattern.search(together)}
    return proven, _UNCERTAIN.search(together) is not None


def parse_numbers(values: Sequence[object], decimal: str) -> Parsed:
    """Parse distinct values as numbers with the given decimal mark.

    Returns
    -------
    numbers : ndarray (u,) of float
        Missing values and values that are no number are NaN.
    sound : ndarray (u,) of bool
        False where a value is there and is not a finite number.
    """
    plain = _plain_numbers(values, decimal)
    if plain is not None:
        return plain, np.ones(len(values), dtype=bool)
    other = "." if decimal == "," else ","
    pattern = _NUMBER[decimal]
    out, sound = np.full(len(values), np.nan), np.ones(len(values), dtype=bool)
    for i, value in enumerate(values):
        if is_missing(value):
            continue
        if isinstance(value, str):
            text = number_text(value)
            if pattern.fullmatch(text) and any(character.isdigit() for character in text):
                out[i] = _float(text.replace(other, "").replace(decimal, "."))
        elif isinstance(value, bool | np.bool_ | numbers.Real | Decimal):
            out[i] = _float(value)
        sound[i] = math.isfinite(out[i])
    return np.where(sound, out, np.nan), sound


def _plain_numbers(values: Sequence[object], decimal: str) -> np.ndarray | None:
    """Parse a million plain texts at once; None where one of them needs a closer look."""
    if not all(isinstance(value, str) for value in values):
        return None
    texts = [value or "nan" for value in values]
    together = "\n".join(texts)  # type: ignore[arg-type]
    if set(together.replace("nan", "").encode().translate(None, b"0123456789-\n")) - {ord(decimal)}:
        return None
    try:
        return np.array(together.replace(decimal, ".").split("\n"), dtype=float) if texts else np.empty(0)
    except ValueError:
        return None


def _float(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return math.nan


# --- dates ----------------------------------------------------------------------------------------

_MIDNIGHT = r"(?:[T ]+0{1,2}:00(?::00(?:[.,]0+)?)?(?:Z|[+-]00:?00)?)?"
_ISO_DATE = re.compile(rf"([0-9]{{4}})([-./]?)([0-9]{{2}})\2([0-9]{{2}}){_MIDNIGHT}")
_DAY_MONTH = re.compile(rf"([0-9]{{1,2}})([./-])([0-9]{{1,2}})\2([0-9]{{4}}){_MIDNIGHT}")


def date_order_evidence(values: Iterable[object]) -> tuple[set[str], bool]:
    """Which orders ("dmy", "mdy") the texts prove, and whether any text needs the answer.

    Points (04.05.2021) are written day first everywhere; slashes and hyphens are not.
    """
    proven, needed = set(), False
    for value in values:
        match = _DAY_MONTH.fullmatch(clean_text(value)) if isinstance(value, str) else None
        if match and match[2] != ".":
            first, second = int(match[1]), int(match[3])
            needed |= first != second
            proven |= {"dmy"} if first > 12 >= second else {"mdy"} if second > 12 >= first else set()
    return proven, needed


def parse_dates(values: Sequence[object], order: str) -> Parsed:
    """Parse distinct values as dates; ``order`` is "dmy", "mdy" or "iso" (year first only).

    Returns
    -------
    dates : ndarray (u,) of datetime64[us]
    sound : ndarray (u,) of bool
        False where a value is there and is not a date between 1900 and 2100 without a time of day.
    """
    out = np.full(len(values), np.datetime64("NaT", "us"), dtype="datetime64[us]")
    sound = np.ones(len(values), dtype=bool)
    for i, value in enumerate(values):
        if is_missing(value):
            continue
        day = _text_date(clean_text(value), order) if isinstance(value, str) else _native_date(value)
        sound[i] = day is not None and FIRST_YEAR <= day.year <= LAST_YEAR
        if day is not None and sound[i]:
            out[i] = np.datetime64(day, "us")
    return out, sound


def _text_date(text: str, order: str) -> dt.date | None:
    if match := _ISO_DATE.fullmatch(text):
        year, month, day = int(match[1]), int(match[3]), int(match[4])
    elif order != "iso" and (match := _DAY_MONTH.fullmatch(text)):
        month_first = order == "mdy"
        day, month, year = (
            int(match[3 if month_first else 1]),
            int(match[1 if month_first else 3]),
            int(match[4]),
        )
    else:
        return None
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _native_date(value: object) -> dt.date | None:
    if isinstance(value, dt.datetime | np.datetime64):
        try:
            moment = pd.Timestamp(value)
            # the calendar day where it was recorded; a time of day is not dropped in silence
            return moment.date() if moment == moment.normalize() else None
        except ValueError:  # outside the years that dates have
            return None
    if isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_):
        return _text_date(
            text_of(value), "iso"
        )  # 20210304; a spreadsheet's day count (44259) is no date here
    return value if isinstance(value, dt.date) else None


# --- booleans, codes, text ------------------------------------------------------------------------


def parse_booleans(values: Sequence[object]) -> tuple[np.ndarray, np.ndarray]:
    """Parse distinct values as booleans.

    Returns
    -------
    booleans : ndarray (u,) of object
        True, False or None.
    sound : ndarray (u,) of bool
    """
    out, sound = np.full(len(values), None, dtype=object), np.ones(len(values), dtype=bool)
    for i, value in enumerate(values):
        if is_missing(value):
            continue
        text = text_of(value).casefold()
        sound[i] = text in TRUE_TEXTS or text in FALSE_TEXTS
        out[i] = text in TRUE_TEXTS if sound[i] else None
    return out, sound


def fold(text: str) -> str:
    """Make two spellings of one word equal: case, blanks, underscores and hyphens do not count."""
    return re.sub(r"[\s_\-–]+", " ", clean_text(text)).strip().casefold()


def parse_codes(values: Sequence[object], code_of: Callable[[str], str | None]) -> Parsed:
    """Parse distinct values as codes; ``code_of`` gives the schema's code of a text, or None.

    Returns
    -------
    codes : ndarray (u,) of object
        Text, or None where missing.
    sound : ndarray (u,) of bool
    """
    out, sound = np.full(len(values), None, dtype=object), np.ones(len(values), dtype=bool)
    for i, value in enumerate(values):
        if not is_missing(value):
            out[i] = code_of(text_of(value))
            sound[i] = out[i] is not None
    return out, sound


_WRITTEN_AS_FLOAT = re.compile(r"[0-9]+[.,]0+")


def parse_texts(values: Sequence[object]) -> Parsed:
    """Parse distinct values as text; ids that a program wrote as 301.0 throughout are "301".

    Returns
    -------
    texts : ndarray (u,) of object
        Text, or None where missing.
    sound : ndarray (u,) of bool
        False where a value is no plain value (a list, say), or a spreadsheet's error.
    """
    plain = str | numbers.Real | Decimal | np.bool_ | dt.date | np.datetime64
    texts = [text_of(value) if isinstance(value, plain) else None for value in values]
    missing = np.array(
        [
            is_missing(value) if text is None else is_missing(text)
            for value, text in zip(values, texts, strict=True)
        ],
        dtype=bool,
    )
    sound = np.array([text is not None and text not in SPREADSHEET_ERRORS for text in texts], dtype=bool)
    sound |= missing
    there = sound & ~missing
    if there.any() and all(
        _WRITTEN_AS_FLOAT.fullmatch(text or "") for text, here in zip(texts, there, strict=True) if here
    ):
        texts = [text and re.split("[.,]", text)[0] for text in texts]
    out = np.full(len(values), None, dtype=object)
    out[there] = np.array([*texts, None], dtype=object)[:-1][there]
    return out, sound
