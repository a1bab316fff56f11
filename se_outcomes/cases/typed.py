"""Giving a column its type: the parser for each type, labels of Stata and SPSS understood, faults by row."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from se_outcomes.cases.codes import CodeLookup, code_lookup
from se_outcomes.cases.distinct import Distinct
from se_outcomes.cases.doubts import Doubt
from se_outcomes.cases.faults import Fault
from se_outcomes.cases.listed import Listed
from se_outcomes.cases.notation import Notation
from se_outcomes.cases.rows import TypedColumn
from se_outcomes.cases.schema import Column
from se_outcomes.cases.values import (
    FALSE_TEXTS,
    TRUE_TEXTS,
    fold,
    parse_booleans,
    parse_codes,
    parse_dates,
    parse_numbers,
    parse_texts,
    text_of,
)

#: How labels of "no answer" begin in Norwegian and English; under such a label a number is no measurement.
_NO_ANSWER = (
    "vet ikke",
    "veit ikkje",
    "ikke svar",
    "ikkje svar",
    "ubesvart",
    "uoppgitt",
    "ikke oppgitt",
    "ikke aktuel",
    "mangler",
    "ukjent",
    "missing",
    "unknown",
    "don't know",
    "dont know",
    "do not know",
    "no answer",
    "not answered",
    "refused",
    "not applicable",
)
_NEGATIONS = {"no", "not", "nei", "ikke", "ikkje", "non"}

_EXPECTED = {
    "number": ("not a number", "a number", "Correct these values; empty is missing."),
    "integer": (
        "not a whole number",
        "a whole number",
        "Correct these values; empty is missing.",
    ),
    "boolean": (
        "not true or false",
        "true or false (also 1/0, ja/nei, yes/no)",
        "Correct these values, or translate them under [codes.{name}] in the mapping; empty is missing.",
    ),
    "date": (
        "not a date",
        "a date between 1900 and 2100 without a time of day, such as 04.05.2021 or 2021-05-04",
        "Correct these values; empty is missing. In a spreadsheet, show day counts such as 44259 as dates first.",
    ),
    "string": ("not text", "text or a number in each cell, and no spreadsheet error", "Correct these cells."),
}


def typed_column(
    distinct: Distinct | Listed,
    kind: str,
    column: Column | None,
    labels: Mapping[Hashable, str],
    notation: Notation,
    table: str,
    name: str,
) -> tuple[TypedColumn, list[Fault | Doubt]]:
    """Parse one column.

    Parameters
    ----------
    distinct : Distinct or Listed
        Distinct values, codes of the mapping already in place.
    kind : str
        ``string``, ``integer``, ``number``, ``boolean`` or ``date``.
    column : Column or None
        Of the schema; None for an [extra] column.
    labels : mapping
        Value labels of the file, where it has them.
    notation : Notation
    table, name : str
        For the faults.

    Returns
    -------
    typed : array (n,), or narwhals expression where the rows are on an engine
    faults : list of Fault, or of Doubt where the rows are still to be found
    """
    allowed = column is not None and column.allowed is not None and kind == "string"
    lookup = code_lookup(column) if allowed and column is not None else None
    values = _labelled(distinct, labels, kind, lookup)
    if kind in ("number", "integer"):
        parsed, sound = _numbers(values, kind, notation)
    elif kind == "boolean":
        parsed, sound = parse_booleans(values)
    elif kind == "date":
        parsed, sound = parse_dates(values, notation.dates)
    else:
        parsed, sound = parse_codes(values, lookup.get) if lookup else parse_texts(values)
    faults = distinct.accuse(~sound, value_fault(kind, column if allowed else None, table, name))
    if kind in ("number", "integer") and labels:
        faults += _no_answers(distinct, labels, table, name)
    return distinct.typed(parsed, kind), faults


def _numbers(values: Sequence[object], kind: str, notation: Notation) -> tuple[np.ndarray, np.ndarray]:
    parsed, sound = parse_numbers(values, notation.decimal)
    if kind == "number":
        return parsed, sound
    # beyond 2**53 a float no longer holds every whole number
    whole = np.isnan(parsed) | ((parsed == np.round(parsed)) & (np.abs(parsed) < 2**53))
    return np.where(whole, parsed, np.nan), sound & whole


def value_fault(kind: str, column: Column | None, table: str, name: str) -> Fault:
    """The fault of values that are not of their column's type, still without its rows."""
    if column is not None and column.allowed is not None:
        return Fault(
            table,
            name,
            "code not in the list",
            0,
            "",
            f"one of {', '.join(column.allowed)}, or a known name of one of them",
            f"Translate your own codes under [codes.{name}] in the mapping; empty is missing.",
        )
    rule, expected, remedy = _EXPECTED[kind]
    return Fault(table, name, rule, 0, "", expected, remedy.format(name=name))


# --- labels ---------------------------------------------------------------------------------------


def _labelled(
    distinct: Distinct | Listed, labels: Mapping[Hashable, str], kind: str, lookup: CodeLookup | None
) -> Sequence[object]:
    """Put labels in place of codes where the labels, and not the codes, say what the schema wants to know."""
    values = distinct.values
    if not labels or (kind != "boolean" and lookup is None):
        return values
    known = lookup.get if lookup else _boolean_word
    with_label = [
        i
        for i, value in enumerate(values)
        if i not in distinct.settled and isinstance(value, Hashable) and value in labels
    ]
    known_labels = sum(known(labels[values[i]]) is not None for i in with_label)
    known_codes = sum(known(text_of(values[i])) is not None for i in with_label)
    texts = list(values)
    for i in with_label:
        # "1 = No" names a number that would be read as true: the label is what was meant
        if known_labels and known_labels >= known_codes:
            texts[i] = labels[values[i]]
        elif kind == "boolean" and _one_is_denied(labels):
            texts[i] = _NO_WORD
    return texts


#: No parser takes this for true or false: whoever reads the fault must say what 1 means.
_NO_WORD = "labelled against its code"


def _boolean_word(text: str) -> str | None:
    word = fold(text)
    return word if word in TRUE_TEXTS or word in FALSE_TEXTS else None


def _one_is_denied(labels: Mapping[Hashable, str]) -> bool:
    """Whether 1, which stands for true, is labelled with a denial ("1 = not in work")."""
    label = next((label for code, label in labels.items() if text_of(code) == "1"), "")
    return bool(_NEGATIONS & set(fold(label).split()))


def _no_answers(
    distinct: Distinct | Listed, labels: Mapping[Hashable, str], table: str, name: str
) -> list[Fault | Doubt]:
    """Numbers labelled as no answer ("99 = vet ikke") that the file does not declare missing."""
    silent = np.array(
        [
            i not in distinct.settled
            and isinstance(value, Hashable)
            and fold(labels.get(value, "")).startswith(_NO_ANSWER)
            for i, value in enumerate(distinct.values)
        ],
        dtype=bool,
    )
    expected = "measurements; the labels of these say that there is none"
    remedy = (
        f'Declare the code as missing in the file, or under [codes.{name}] in the mapping: "its code" = "".'
    )
    fault = Fault(table, name, "number that stands for no answer", 0, "", expected, remedy)
    return distinct.accuse(silent, fault)
