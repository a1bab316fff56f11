"""What may be wrong, as a question to the rows; all questions are put to them in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import narwhals as nw

from se_outcomes.cases.faults import Fault
from se_outcomes.cases.rows import ROW, Rows


@dataclass(frozen=True, eq=False)
class Doubt:
    """A fault that the data may have.

    Attributes
    ----------
    fault : Fault
        Without its rows.
    rows : narwhals expression
        True for the rows that have it; or, for ``repeated``, a key that must stand on one row only.
    n_rows : int or None
        How many rows have it, where that is known already.
    repeated : bool
    """

    fault: Fault
    rows: nw.Expr
    n_rows: int | None = None
    repeated: bool = False


def settle(rows: Rows, doubts: Iterable[Fault | Doubt]) -> list[Fault | None]:
    """For each doubt the fault, or None where no row has it; what is a fault already stays one.

    One pass tells how many rows each doubt is true for, and the first row that any of them is true for. Only where
    that does not say which rows a fault has are these looked for, in the columns that the fault is about.
    """
    listed = list(doubts)
    asked = [doubt for doubt in listed if isinstance(doubt, Doubt)]
    told = rows.ask(_questions(asked), "checking") if asked else {}
    counted = {id(doubt): _n_rows(rows, doubt, told, number) for number, doubt in enumerate(asked)}
    broken = [doubt for doubt in asked if counted[id(doubt)]]
    faults: list[Fault | None] = []
    for one in listed:
        if not isinstance(one, Doubt):
            faults.append(one)
            continue
        n = counted[id(one)]
        alone = n == 1 and len(broken) == 1 and not one.repeated
        first = "" if not n else rows.numbered([told["first"]]) if alone else _first(rows, one)
        faults.append(one.fault._replace(n_rows=n, first_rows=first) if n else None)
    return faults


def _questions(asked: Sequence[Doubt]) -> dict[str, nw.Expr]:
    questions = {}
    for number, doubt in enumerate(asked):
        if doubt.repeated:
            questions[f"{number} different"] = doubt.rows.n_unique()
            questions[f"{number} known"] = (~doubt.rows.is_null()).cast(nw.Int64).sum()
            questions[f"{number} missing"] = doubt.rows.is_null().any()
        elif doubt.n_rows is None:
            questions[f"{number}"] = doubt.rows.fill_null(False).cast(nw.Int64).sum()
    if single := [doubt.rows.fill_null(False) for doubt in asked if not doubt.repeated]:
        some = reduce(lambda one, other: one | other, single)
        questions["first"] = nw.when(some).then(nw.col(ROW)).min()
    return questions


def _n_rows(rows: Rows, doubt: Doubt, told: dict, number: int) -> int:
    if doubt.n_rows is not None:
        return doubt.n_rows
    if not doubt.repeated:
        return int(told[f"{number}"] or 0)
    known = int(told[f"{number} known"] or 0)
    different = int(told[f"{number} different"] or 0) - bool(told[f"{number} missing"])
    if known == different:
        return 0
    return int(rows.repeated(doubt.rows).ask({"n": nw.len()}, "counting what stands twice")["n"])


def _first(rows: Rows, doubt: Doubt) -> str:
    return rows.repeated(doubt.rows).first() if doubt.repeated else rows.first(doubt.rows)
