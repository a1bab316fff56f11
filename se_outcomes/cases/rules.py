"""The schema's rules across columns and rows, as expressions that run where the data are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from itertools import combinations

import narwhals as nw

from se_outcomes.cases.doubts import Doubt, settle
from se_outcomes.cases.faults import Fault
from se_outcomes.cases.rows import Rows
from se_outcomes.cases.schema import Column, Rule, Table
from se_outcomes.cases.study_plan import StudyPlan

#: A rule broken: the column to name, which rows (of a key that must be unique: the key), what was expected of them.
Breach = tuple[str, nw.Expr, str]


def doubts_by_rule(rows: Rows, table: Table, plan: StudyPlan, *, severity: str) -> list[tuple[str, Doubt]]:
    """Every rule of one severity that the columns there are may break.

    Parameters
    ----------
    rows : Rows
        Typed columns under the schema's names.
    table : Table
    plan : StudyPlan
        Its answers lift some rules.
    severity : {"fault", "warning"}

    Returns
    -------
    list of (name of the rule, Doubt)
    """
    columns = frozenset(rows.columns)
    found = []
    if severity == "fault":
        for column in table.columns.values():
            if column.name in columns:
                for rule, broken, expected in _bounds(column):
                    fault = Fault(table.name, column.name, rule, 0, "", expected, _BOUNDS_REMEDY)
                    found.append((rule, Doubt(fault, broken)))
    for one in table.rules:
        if one.severity == severity and not _lifted(one, plan):
            for named, broken, expected in _BREACHES[one.kind](one, columns):
                fault = Fault(table.name, named, one.name, 0, "", expected, one.remedy)
                found.append((one.name, Doubt(fault, broken, repeated=one.kind == "unique")))
    return found


def find_breaches(rows: Rows, table: Table, plan: StudyPlan, *, severity: str) -> list[tuple[str, Fault]]:
    """Every rule of one severity that some row breaks: its name, and the fault; see :func:`doubts_by_rule`."""
    doubts = doubts_by_rule(rows, table, plan, severity=severity)
    settled = settle(rows, [doubt for _, doubt in doubts])
    return [(name, fault) for (name, _), fault in zip(doubts, settled, strict=True) if fault]


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


def _unique(rule: Rule, there: Set[str]) -> Iterable[Breach]:
    columns = [name for name in rule.columns if name in there]
    if len(columns) < len(rule.columns):
        return
    # where one of several is missing, so is the whole
    yield (
        columns[0],
        nw.concat_str(columns, separator="\x1f") if len(columns) > 1 else nw.col(columns[0]),
        rule.expected,
    )


def _not_missing(rule: Rule, there: Set[str]) -> Iterable[Breach]:
    for name in rule.columns:
        if name in there:
            yield name, nw.col(name).is_null(), rule.expected


def _order(rule: Rule, there: Set[str]) -> Iterable[Breach]:
    """One breach for each pair of dates, so that the fault names the two that disagree."""
    for earlier, later in combinations([name for name in rule.columns if name in there], 2):
        yield later, nw.col(later) < nw.col(earlier), f"{rule.expected}: {later} on or after {earlier}"


def _requires(rule: Rule, there: Set[str]) -> Iterable[Breach]:
    then, needed = rule.columns
    if {then, needed} <= there:
        yield then, nw.col(then).fill_null(False) & ~nw.col(needed).fill_null(False), rule.expected


def _between(rule: Rule, there: Set[str]) -> Iterable[Breach]:
    value, least, most = (nw.col(name) for name in rule.columns)
    present = [name in there for name in rule.columns]
    if present[0] and present[1]:
        yield rule.columns[0], value < least, rule.expected
    if present[0] and present[2]:
        yield rule.columns[0], value > most, rule.expected
    if present[1] and present[2]:
        yield rule.columns[1], least >= most, rule.expected


def _not_after(rule: Rule, there: Set[str]) -> Iterable[Breach]:
    first, second = rule.columns
    if {first, second} <= there:
        yield first, nw.col(first) > nw.col(second), rule.expected


_BREACHES: dict[str, Callable[[Rule, Set[str]], Iterable[Breach]]] = {
    "unique": _unique,
    "not_missing": _not_missing,
    "order": _order,
    "requires": _requires,
    "between": _between,
    "not_after": _not_after,
}
