"""What does not stop an analysis but must be known beside it: the warnings that come with checked cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import narwhals as nw
import pandas as pd

from se_outcomes.cases.faults import Fault
from se_outcomes.cases.rows import Rows
from se_outcomes.cases.rules import find_breaches
from se_outcomes.cases.schema import Table
from se_outcomes.cases.study_plan import StudyPlan
from se_outcomes.results import Notice

#: With fewer offices, intervals rest on very little.
FEW_OFFICES = 10
#: A gatekeeper with fewer cases shows nothing of a way of working, and may be recognised.
FEW_CASES = 5
#: Shares of missing motivation that differ by more than this between referred and others are no accident.
MISSING_GAP = 0.2
#: What a study plan may name without its being a column, and the column it is worked out from.
WORKED_OUT_FROM = {"counsellor_leniency": "counsellor_id"}
GATEKEEPERS = {"counsellor_id": "counsellors", "job_specialist_id": "job specialists"}
REFERRED = ("undecided", "refused", "accepted")


#: What a remark may have to know of a row, with the columns that it takes: counted together in one pass.
_FACTS: dict[str, tuple[tuple[str, ...], nw.Expr]] = {
    "eligible_unknown": (("eligible",), nw.col("eligible").is_null()),
    "unrated": (("motivation",), nw.col("motivation").is_null() | nw.col("motivation").is_nan()),
    "undated": (
        ("entry_date", "followup_end"),
        nw.col("entry_date").is_null() | nw.col("followup_end").is_null(),
    ),
    "outcome_of_others": (
        ("accepted", "placed"),
        ~nw.col("accepted").fill_null(False) & ~nw.col("placed").is_null(),
    ),
    "refusal_merged": (
        ("non_acceptance_by",),
        (nw.col("non_acceptance_by").cast(nw.String) == "merged").fill_null(False),
    ),
    "rated_after_referral": (("rated_after_referral",), nw.col("rated_after_referral")),
    "rated_after_decision": (("rated_after_decision",), nw.col("rated_after_decision")),
}


@dataclass(frozen=True, eq=False)
class Checked:
    """What a remark may look at: typed columns with the states, as counts."""

    rows: Rows
    plan: StudyPlan

    def has(self, *columns: str) -> bool:
        """Whether all of the columns are there."""
        return self.rows.has(*columns)

    def count(self, *columns: str) -> pd.DataFrame:
        """Distinct rows of the columns with their count ``n``."""
        return self.rows.count(*columns)

    @cached_property
    def facts(self) -> pd.DataFrame:
        """Frame of ``gate_state``, what is known of the rows as far as recorded, and ``n``."""
        known = {name: fact for name, (needed, fact) in _FACTS.items() if self.has(*needed)}
        instrument = ["motivation_instrument"] if self.has("motivation_instrument") else []
        kept = {name: nw.col(name) for name in ("gate_state", *instrument)}
        seen = self.rows.select({**kept, **known})
        seen = seen.with_constants(name for name in instrument if name in self.rows.constants)
        counted = seen.count(*kept, *known)
        return counted.astype(dict.fromkeys(known, bool))

    def any(self, fact: str, gate_state: str | None = None) -> bool:
        """Whether a fact is true for some row, or for some row in a state."""
        rows = self.facts if gate_state is None else self.facts.loc[self.facts["gate_state"] == gate_state]
        return bool(rows[fact].any())

    def never_true(self) -> list[str]:
        """Columns of the states that are true for no row."""
        flags = ("rated_after_referral", "rated_after_decision")
        return [name for name in flags if name in self.facts and not self.facts[name].any()]


def remark_on(checked: Checked, table: Table) -> Iterator[Notice]:
    """Every warning that checked cases call for, in the order of a case's way.

    Parameters
    ----------
    checked : Checked
        Typed columns, with the states of :mod:`se_outcomes.cases.derive`.
    table : Table
    """
    for look in _LOOKS:
        yield from look(checked)
    for name, fault in find_breaches(checked.rows, table, checked.plan, severity="warning"):
        yield _RULES[name](fault)


def _late_rating(fault: Fault) -> Notice:
    return Notice(
        "rated_after_gate",
        "Motivation is dated after the referral for {rows}: such a rating may be a result of the referral. It explains "
        "nothing about it (rows {first}).",
        rows=_rows(fault.n_rows),
        first=fault.first_rows,
    )


def _late_job(fault: Fault) -> Notice:
    return Notice(
        "first_job_after_followup",
        "A first job is dated after the last day of follow-up for {rows}: correct followup_end (rows {first}).",
        rows=_rows(fault.n_rows),
        first=fault.first_rows,
    )


_RULES: dict[str, Callable[[Fault], Notice]] = {
    "motivation_rated_after_gate": _late_rating,
    "first_job_after_followup": _late_job,
}


def _rows(n: int) -> str:
    return "1 case" if n == 1 else f"{n:,} cases"


def _offices(checked: Checked) -> Iterator[Notice]:
    n_offices = len(checked.count("office_id"))
    if n_offices == 1:
        yield Notice(
            "one_office",
            "All cases are of one office: what varies between offices cannot be seen, so no association gets an "
            "interval and only counts are given.",
        )
    elif n_offices < FEW_OFFICES:
        yield Notice(
            "few_offices",
            "There are {n_offices} offices: intervals that speak of offices like these are wide, and what is the "
            "same for everyone in an office can hardly be studied.",
            n_offices=n_offices,
        )


def _eligibility(checked: Checked) -> Iterator[Notice]:
    if not checked.has("eligible"):
        yield Notice(
            "eligible_absent", "There is no column eligible: every case is taken to be in the target group."
        )
    elif checked.any("eligible_unknown"):
        yield Notice(
            "eligible_unknown",
            "For some cases it is not recorded whether they are in the target group; they are counted as not in it.",
        )


def _follow_up(checked: Checked) -> Iterator[Notice]:
    if checked.plan.horizon_days is None:
        yield Notice(
            "horizon_absent",
            "No horizon is stated (horizon_days under [study]): everyone counts as followed for long enough, however "
            "recently they entered.",
        )
    elif not checked.has("entry_date", "followup_end"):
        yield Notice(
            "followup_unknown",
            "A horizon of {days} days is stated, but entry_date or followup_end is missing from the file: whether "
            "cases were followed for so long is not known, and none is left out for it.",
            days=checked.plan.horizon_days,
        )
    elif checked.any("undated", "short_followup"):
        yield Notice(
            "followup_missing",
            "For some cases entry or the end of follow-up is not dated; they are counted with those followed too "
            "briefly.",
        )


def _outcome(checked: Checked) -> Iterator[Notice]:
    if checked.plan.outcome_observed is None:
        yield Notice(
            "outcome_observed_unknown",
            "Nothing says for whom the outcome is known; state outcome_observed under [study], or in the call. "
            "Placement of all eligible is not answered until then.",
        )
    elif checked.plan.outcome_observed == "accepted" and checked.any("outcome_of_others"):
        yield Notice(
            "outcomes_set_aside",
            "The study plan says that outcomes were observed for the accepted only, but placed has values for "
            "others too; those are not used.",
        )


def _motivation(checked: Checked) -> Iterator[Notice]:
    counted = checked.facts.loc[checked.facts["gate_state"] != "ineligible"]
    counted = counted.assign(referred=counted["gate_state"].isin(REFERRED))
    n = counted.groupby("referred")["n"].sum()
    missing = counted.loc[counted["unrated"]].groupby("referred")["n"].sum().reindex(n.index, fill_value=0)
    if len(n) < 2:
        return
    share = missing / n
    if share[False] == 1 > share[True]:
        yield Notice(
            "motivation_of_referred_only",
            "Motivation is recorded for referred cases only, so whether it bears on referral cannot be told.",
        )
    elif abs(share[False] - share[True]) > MISSING_GAP:
        yield Notice(
            "motivation_missing_by_gate",
            "Motivation is missing far more often on one side of the first gate than on the other; comparisons use "
            "the cases with a value and may be distorted by it.",
        )


def _ratings(checked: Checked) -> Iterator[Notice]:
    if checked.has("motivation_source"):
        sources = set(checked.count("motivation_source")["motivation_source"].dropna().astype(str))
        if sources & {"counsellor", "job_specialist"}:
            yield Notice(
                "rated_by_gatekeeper",
                "Motivation was rated by a gatekeeper for some cases: a counsellor's or job specialist's rating may be "
                "the decision in other words, and then predicts it by construction.",
            )
    if not checked.has("motivation_date", "referral_date"):
        yield Notice(
            "rating_undated",
            "Whether motivation was rated before the referral cannot be checked: motivation_date or referral_date is "
            "missing from the file.",
        )
    if checked.has("motivation_instrument") and _n_scales(checked) > 1:
        yield Notice(
            "several_instruments",
            "Motivation was measured with several instruments; it is compared in standard deviations and quarters "
            "within each.",
        )


def _n_scales(checked: Checked) -> int:
    """How many instruments eligible cases have a value of; where it is not named, that is one of its own."""
    facts = checked.facts
    rated = facts.loc[(facts["gate_state"] != "ineligible") & ~facts["unrated"]]
    return int(rated["motivation_instrument"].nunique(dropna=False))


def _gates(checked: Checked) -> Iterator[Notice]:
    if checked.plan.gates == "merged":
        yield Notice(
            "gates_merged",
            "The gates are merged: referral and acceptance were recorded as one event, so they are one gate here.",
        )
    elif (checked.facts["gate_state"] == "bypassed").any():
        yield Notice(
            "bypassed",
            "Some cases were accepted without a referral, as the study plan allows; they are counted apart: not "
            "referred at the first gate, and not at risk of the second.",
        )
    yield from _refusals(checked)


def _refusals(checked: Checked) -> Iterator[Notice]:
    if checked.plan.gates == "merged" or not (checked.facts["gate_state"] == "refused").any():
        return
    if not checked.has("non_acceptance_by"):
        yield Notice(
            "refusals_unattributed",
            "Who said no to those not accepted is not recorded: refusals by the service and by the client are counted "
            "together at the second gate.",
        )
    elif checked.any("refusal_merged", "refused"):
        yield Notice(
            "refusals_merged",
            "For some cases the record does not tell a refusal by the service from one by the client; both are counted "
            "together at the second gate.",
        )


def _asked_for(checked: Checked) -> Iterator[Notice]:
    plan = checked.plan
    asked = (plan.exposure, *plan.adjust_for, *plan.exclusion, *plan.exclusion_referral)
    recorded = dict.fromkeys(WORKED_OUT_FROM.get(name, name) for name in asked)
    missing = [name for name in recorded if not checked.has(name)]
    if missing:
        yield Notice(
            "asked_for_absent",
            "The study plan asks for {columns}, which the file does not have; questions that need it are not answered.",
            columns=", ".join(missing),
        )


def _gatekeepers(checked: Checked) -> Iterator[Notice]:
    for column, who in GATEKEEPERS.items():
        if not checked.has(column):
            continue
        counted = checked.count(column).dropna(subset=column)
        few = int((counted["n"] < FEW_CASES).sum())
        if few:
            yield Notice(
                "small_gatekeepers",
                "{few} of {total} {who} have fewer than {least} cases: nothing can be said of each of them.",
                few=few,
                total=len(counted),
                who=who,
                least=FEW_CASES,
            )


_LOOKS: tuple[Callable[[Checked], Iterator[Notice]], ...] = (
    _offices,
    _eligibility,
    _follow_up,
    _motivation,
    _ratings,
    _gates,
    _gatekeepers,
    _outcome,
    _asked_for,
)
