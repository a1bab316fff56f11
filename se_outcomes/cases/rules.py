"""The schema's rules across columns and rows, as expressions that run where the data are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from itertools import combinations

import narwhals as nw

from se_outcomes.cases.faults import N_FIRST_ROWS, Fault
from se_outcomes.cases.schema import Column, Rule, Table
from se_outcomes.cases.study_plan import StudyPlan

#: A rule broken: the column to name, which rows, and what was expected of them.
Breach = tuple[str, nw.Expr, str]


def find_breaches(
    frame: nw.DataFrame, table: Table, plan: StudyPlan, *, severity: str
) -> list[tuple[str, Fault]]:
    """Every rule of one severity that some row breaks.

    Parameters
    ----------
    frame : narwhals DataFrame (n, k)
        Typed columns under the schema's names.
    table : Table
    plan : StudyPlan
        Its answers lift some rules.
    severity : {"fault", "warning"}

    Returns
    -------
    list of (name of the rule, Fault)
    """
    breaches = list(_breaches(frame, table, plan, severity))
    return [
        (rule, Fault(table.name, named, rule, *rows_of(frame, rows), expected, remedy))
        for (rule, named, rows, expected, remedy), broken in zip(
            breaches, _which_occur(frame, [breach[2] for breach in breaches]), strict=True
        )
        if broken
    ]


def _breaches(
    frame: nw.DataFrame, table: Table, plan: StudyPlan, severity: str
) -> Iterator[tuple[str, str, nw.Expr, str, str]]:
    """Rule, column to name, which rows break it, what was expected of them, and what to do."""
    if severity == "fault":
        for column in table.columns.values():
            if column.name in frame.columns:
                for rule, rows, expected in _bounds(column):
                    yield rule, column.name, rows, expected, _BOUNDS_REMEDY
    for one in table.rules:
        if one.severity == severity and not _lifted(one, plan):
            for named, rows, expected in _BREACHES[one.kind](one, frame):
                yield one.name, named, rows, expected, one.remedy


def _which_occur(frame: nw.DataFrame, asked: list[nw.Expr]) -> list[bool]:
    """Whether each expression is true for some row, all in one pass."""
    if not asked:
        return []
    told = frame.select(
        *(rows.fill_null(False).any().alias(str(number)) for number, rows in enumerate(asked))
    )
    return [bool(told[str(number)].item()) for number in range(len(asked))]


def rows_of(frame: nw.DataFrame, rows: nw.Expr) -> tuple[int, str]:
    """How many rows an expression is true for, and the first of them (counted from 1) as text."""
    hits = frame.select(rows.fill_null(False).alias("hit")).with_row_index("row").filter(nw.col("hit"))
    first = ", ".join(str(row + 1) for row in hits["row"].head(N_FIRST_ROWS).to_list())
    return len(hits), first


_BOUNDS_REMEDY = "Correct these values; empty is missing."


def _bounds(column: Column) -> Iterable[tuple[str, nw.Expr, str]]:
    value = nw.col(column.name)
    if column.minimum is not None and column.maximum is not None:
        rows = (value < column.minimum) | (value > column.maximum)
        yield "out of bounds", rows, f"a number from {column.minimum:g} to {column.maximum:g}"
    elif column.minimum is not None:
        yield "out of bounds", value < column.minimum, f"a number of at least {column.minimum:g}"
    elif column.maximum is not None:
        yield "out of bounds", value > column.maximum, f"a number of at most {column.maximum:g}"
    if column.pattern:
        rows = ~value.is_null() & ~value.str.contains(f"^(?:{column.pattern})$")
        yield "not of the form", rows, f"text of the form {column.pattern}"


def _lifted(rule: Rule, plan: StudyPlan) -> bool:
    answers = {"bypass": plan.bypass == "allowed", "merged": plan.gates == "merged"}
    return any(answers[answer] for answer in rule.unless)


def _unique(rule: Rule, frame: nw.DataFrame) -> Iterable[Breach]:
    columns = [name for name in rule.columns if name in frame.columns]
    if len(columns) < len(rule.columns):
        return
    known = reduce(lambda one, other: one & other, (~nw.col(name).is_null() for name in columns))
    together = nw.concat_str(columns, separator="\x1f") if len(columns) > 1 else nw.col(columns[0])
    yield columns[0], known & together.is_duplicated(), rule.expected


def _not_missing(rule: Rule, frame: nw.DataFrame) -> Iterable[Breach]:
    for name in rule.columns:
        if name in frame.columns:
            yield name, nw.col(name).is_null(), rule.expected


def _order(rule: Rule, frame: nw.DataFrame) -> Iterable[Breach]:
    """One breach for each pair of dates, so that the fault names the two that disagree."""
    for earlier, later in combinations([name for name in rule.columns if name in frame.columns], 2):
        yield later, nw.col(later) < nw.col(earlier), f"{rule.expected}: {later} on or after {earlier}"


def _requires(rule: Rule, frame: nw.DataFrame) -> Iterable[Breach]:
    then, needed = rule.columns
    if {then, needed} <= set(frame.columns):
        yield then, nw.col(then).fill_null(False) & ~nw.col(needed).fill_null(False), rule.expected


def _between(rule: Rule, frame: nw.DataFrame) -> Iterable[Breach]:
    value, least, most = (nw.col(name) for name in rule.columns)
    present = [name in frame.columns for name in rule.columns]
    if present[0] and present[1]:
        yield rule.columns[0], value < least, rule.expected
    if present[0] and present[2]:
        yield rule.columns[0], value > most, rule.expected
    if present[1] and present[2]:
        yield rule.columns[1], least >= most, rule.expected


def _not_after(rule: Rule, frame: nw.DataFrame) -> Iterable[Breach]:
    first, second = rule.columns
    if {first, second} <= set(frame.columns):
        yield first, nw.col(first) > nw.col(second), rule.expected


_BREACHES: dict[str, Callable[[Rule, nw.DataFrame], Iterable[Breach]]] = {
    "unique": _unique,
    "not_missing": _not_missing,
    "order": _order,
    "requires": _requires,
    "between": _between,
    "not_after": _not_after,
}
