"""One suppression plan for a whole report: which counts and shares it may tell, over all exhibits at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from se_outcomes.cases.cases import Cases
from se_outcomes.errors import DisclosureError
from se_outcomes.report.answers import Answers
from se_outcomes.report.ledger import Key, Ledger, enter_gates, enter_variables
from se_outcomes.report.suppression import plan_suppression
from se_outcomes.study.linkage import count_linkage

#: Thresholds that may be asked for, in cases.
MIN_CELLS = (3, 4, 5, 6, 10)


class Told(IntEnum):
    """How much of a share may be told."""

    NOTHING = 0
    ROUNDED = 1
    EXACTLY = 2


@dataclass(frozen=True, eq=False)
class Plan:
    """What a report may tell.

    Attributes
    ----------
    min_cell : int
        The smallest number of cases that may be told.
    counts : mapping of Key to bool
        Every count that the report would publish: whether it may.
    shares : mapping of (Key, Key) to bool
        Whole and part of every share: whether it may be told at least to the whole per cent.
    """

    min_cell: int
    counts: Mapping[Key, bool]
    shares: Mapping[tuple[Key, Key], bool]

    def tells(self, *key: str) -> bool:
        """Whether the count may be told; one that was never entered may not."""
        return self.counts.get(key, False)

    def tells_share(self, whole: Key, part: Key) -> Told:
        """How much of the share may be told."""
        if self.counts.get(whole, False) and self.counts.get(part, False):
            return Told.EXACTLY
        return Told.ROUNDED if self.shares.get((whole, part), False) else Told.NOTHING

    def withheld(self) -> dict[str, int]:
        """How many counts are withheld, by exhibit."""
        exhibits = dict.fromkeys(key[0] for key in self.counts)
        return {
            exhibit: sum(not told for key, told in self.counts.items() if key[0] == exhibit)
            for exhibit in exhibits
        }


def plan_disclosure(cases: Cases, answers: Answers, min_cell: int) -> Plan:
    """Plan what is withheld, over all exhibits at once.

    Parameters
    ----------
    cases : Cases
    answers : Answers
    min_cell : int
        One of :data:`MIN_CELLS`.

    Raises
    ------
    DisclosureError
        On another ``min_cell``, or where so few cases are left that nothing could be told.
    """
    if isinstance(min_cell, bool) or min_cell not in MIN_CELLS:
        raise DisclosureError(f"min_cell must be one of {', '.join(map(str, MIN_CELLS))}")
    if cases.n_cases < min_cell:
        raise DisclosureError(f"There are fewer than {min_cell} cases: no report on them can be given.")
    by = answers.funnel.by or "office_id"
    asked = {key: result.specification for key, result in answers.passages.items()}
    plan = _audited(enter_gates(answers, count_linkage(cases, asked, by=by)), min_cell)
    told = [key[1] for key, may in plan.counts.items() if key[0] == "characteristics" and may]
    counts, shares = dict(plan.counts), dict(plan.shares)
    for ledger in enter_variables(answers.characteristics, told):
        of_variable = _audited(ledger, min_cell)
        counts |= of_variable.counts
        shares |= of_variable.shares
    return Plan(min_cell, counts, shares)


def _audited(ledger: Ledger, min_cell: int) -> Plan:
    table, place = ledger.published()
    found = plan_suppression(table, min_cell)
    number_of = {pair: number for number, pair in enumerate(map(tuple, table.shares.tolist()))}
    shares = {
        (whole, part): not found.shares[number_of[place[whole], place[part]]] for whole, part in ledger.shares
    }
    # what is known from elsewhere may be told here too
    counts = {key: key in ledger.known or not found.counts[place[key]] for key in place}
    return Plan(min_cell, counts, shares)
