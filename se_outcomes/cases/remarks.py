"""What does not stop an analysis but must be known beside it: the warnings that come with checked cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

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

    def any(self, rows: nw.Expr) -> bool:
        """Whether the expression is true for some row."""
        return self.rows.any(rows)


def remark_on(rows: Rows, table: Table, plan: StudyPlan) -> Iterator[Notice]:
    """Every warning that checked cases call for, in the order of a case's way.

    Parameters
    ----------
    rows : Rows
        Typed columns, with the states of :mod:`se_outcomes.cases.derive`.
    table : Table
    plan : StudyPlan
    """
    checked = Checked(rows, plan)
    for look in _LOOKS:
        yield from look(checked)
    for name, fault in find_breaches(rows, table, plan, severity="warning"):
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
    elif checked.any(nw.col("eligible").is_null()):
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
    elif checked.any(
        (nw.col("gate_state").cast(nw.String) == "short_followup")
        & (nw.col("entry_date").is_null() | nw.col("followup_end").is_null())
    ):
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
    elif checked.plan.outcome_observed == "accepted":
        known = ~nw.col("accepted").fill_null(False) & ~nw.col("placed").is_null()
        if checked.any(known):
            yield Notice(
                "outcomes_set_aside",
                "The study plan says that outcomes were observed for the accepted only, but placed has values for "
                "others too; those are not used.",
            )


def _motivation(checked: Checked) -> Iterator[Notice]:
    sides = checked.rows.select(
        {
            "gate_state": nw.col("gate_state"),
            "missing": nw.col("motivation").is_null() | nw.col("motivation").is_nan(),
        }
    )
    counted = sides.count("gate_state", "missing")
    counted = counted.loc[counted["gate_state"] != "ineligible"].assign(
        referred=counted["gate_state"].isin(REFERRED), missing=counted["missing"].fillna(True)
    )
    n = counted.groupby("referred")["n"].sum()
    missing = (
        counted.loc[counted["missing"].astype(bool)]
        .groupby("referred")["n"]
        .sum()
        .reindex(n.index, fill_value=0)
    )
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
    eligible = nw.col("gate_state").cast(nw.String) != "ineligible"
    rated = ~(nw.col("motivation").is_null() | nw.col("motivation").is_nan())
    return len(checked.rows.filter(eligible & rated).count("motivation_instrument"))


def _gates(checked: Checked) -> Iterator[Notice]:
    if checked.plan.gates == "merged":
        yield Notice(
            "gates_merged",
            "The gates are merged: referral and acceptance were recorded as one event, so they are one gate here.",
        )
    elif checked.any(nw.col("gate_state").cast(nw.String) == "bypassed"):
        yield Notice(
            "bypassed",
            "Some cases were accepted without a referral, as the study plan allows; they are counted apart: not "
            "referred at the first gate, and not at risk of the second.",
        )
    yield from _refusals(checked)


def _refusals(checked: Checked) -> Iterator[Notice]:
    refused = nw.col("gate_state").cast(nw.String) == "refused"
    if checked.plan.gates == "merged" or not checked.any(refused):
        return
    if not checked.has("non_acceptance_by"):
        yield Notice(
            "refusals_unattributed",
            "Who said no to those not accepted is not recorded: refusals by the service and by the client are counted "
            "together at the second gate.",
        )
    elif checked.any(refused & (nw.col("non_acceptance_by").cast(nw.String) == "merged")):
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
