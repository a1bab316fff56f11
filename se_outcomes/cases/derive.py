"""What follows from the columns of a case: where it stands at the gates, its outcome, when it was rated."""

from __future__ import annotations

from collections.abc import Mapping, Set

import narwhals as nw

from se_outcomes.cases.schema import read_code_list
from se_outcomes.cases.study_plan import StudyPlan

#: Every state of ``gate_state``; a case is in one of them.
GATE_STATES = (
    "ineligible",
    "short_followup",
    "referral_unknown",
    "not_referred",
    "bypassed",
    "undecided",
    "refused",
    "accepted",
)
OUTCOME_STATES = ("placed", "not_placed", "unknown")
RETENTION_STATES = ("retained", "not_retained", "unknown")

#: Upper age of each age group but the last.
_AGE_STEPS = ((17, "under 18"), (19, "18-19"), (24, "20-24"), (29, "25-29"))


def fill_in_columns(columns: Set[str]) -> dict[str, nw.Expr]:
    """Columns of the schema that the file lacks and that follow from others.

    Parameters
    ----------
    columns : set of str
        The columns there are.
    """
    found = {}
    if "provision" not in columns and "measure_code" in columns:
        provision = {
            code.code: code.facts["provision"]
            for code in read_code_list("measure_code")
            if "provision" in code.facts
        }
        found["provision"] = _recode(nw.col("measure_code"), provision)
    if "age_group" not in columns and {"birth_year", "entry_date"} <= columns:
        found["age_group"] = _age_group(nw.col("entry_date").dt.year() - nw.col("birth_year"))
    return found


def state_columns(columns: Set[str], plan: StudyPlan) -> dict[str, nw.Expr]:
    """``gate_state``, ``outcome_state``, and, as far as recorded, ``retention_state`` and when it was rated."""
    found = {"gate_state": gate_state(columns, plan), "outcome_state": outcome_state(plan)}
    kept = next((name for name in ("retained_12m", "retained_6m") if name in columns), None)
    if kept:
        found["retention_state"] = _first_true(
            [(_true(kept), "retained"), (_false(kept), "not_retained")], "unknown"
        )
    for name, gate in (("rated_after_referral", "referral_date"), ("rated_after_decision", "decision_date")):
        if {"motivation_date", gate} <= columns:
            found[name] = (nw.col("motivation_date") > nw.col(gate)).fill_null(False)
    return found


def gate_state(columns: Set[str], plan: StudyPlan) -> nw.Expr:
    """Where a case stands: one of :data:`GATE_STATES`.

    Where the gates are merged, not being referred and not being taken in are one record: such cases are
    ``refused``.
    """
    tests = []
    if "eligible" in columns:
        tests.append((~_true("eligible"), "ineligible"))
    if plan.horizon_days is not None and {"entry_date", "followup_end"} <= columns:
        horizon = nw.col("entry_date").dt.offset_by(f"{plan.horizon_days}d")
        tests.append((~(nw.col("followup_end") >= horizon).fill_null(False), "short_followup"))
    if plan.gates == "merged":
        tests += [(_true("accepted"), "accepted"), (_false("accepted") | _false("referred"), "refused")]
        return _first_true(tests, "undecided")
    tests += [
        (nw.col("referred").is_null(), "referral_unknown"),
        (_false("referred") & _true("accepted"), "bypassed"),
        (_false("referred"), "not_referred"),
        (_true("accepted"), "accepted"),
        (_false("accepted"), "refused"),
    ]
    return _first_true(tests, "undecided")


def outcome_state(plan: StudyPlan) -> nw.Expr:
    """Whether a case was placed: one of :data:`OUTCOME_STATES`; unknown for those whose outcome was not observed."""
    tests = [(_true("placed"), "placed"), (_false("placed"), "not_placed")]
    if plan.outcome_observed == "accepted":
        tests.insert(0, (~_true("accepted"), "unknown"))
    return _first_true(tests, "unknown")


def _true(column: str) -> nw.Expr:
    return nw.col(column).fill_null(False)


def _false(column: str) -> nw.Expr:
    return (~nw.col(column)).fill_null(False)


def _first_true(tests: list[tuple[nw.Expr, str]], otherwise: str) -> nw.Expr:
    """The label of the first test that holds."""
    found: nw.Expr = nw.lit(otherwise)
    for test, label in reversed(tests):
        found = nw.when(test).then(nw.lit(label)).otherwise(found)
    return found


def _recode(column: nw.Expr, labels: Mapping[str, str]) -> nw.Expr:
    """Labels in place of codes; missing where a code has none."""
    found: nw.Expr = nw.lit(None, dtype=nw.String)
    for label in dict.fromkeys(labels.values()):
        codes = [code for code, other in labels.items() if other == label]
        found = nw.when(column.is_in(codes)).then(nw.lit(label)).otherwise(found)
    return found


def _age_group(age: nw.Expr) -> nw.Expr:
    found: nw.Expr = nw.lit("30+")
    for most, label in reversed(_AGE_STEPS):
        found = nw.when((age <= most).fill_null(False)).then(nw.lit(label)).otherwise(found)
    return nw.when(~age.is_null()).then(found).otherwise(nw.lit(None, dtype=nw.String))
