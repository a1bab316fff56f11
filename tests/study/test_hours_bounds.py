"""Bounds of the effect on hours: by hand, simulated cases without any effect on them, and refusals."""

import numpy as np
import pandas as pd
import pytest

from se_outcomes.cases.simulate import simulate_cases
from se_outcomes.errors import EstimationError
from se_outcomes.results import Result
from se_outcomes.study.effect import estimate_effect
from se_outcomes.study.hours_bounds import estimate_hours_bounds
from se_outcomes.study.policies import estimate_policies

COLUMNS = ["office_id", "sex", "motivation", "referred", "accepted", "placed"]


def hours_cases(make_cases, lost=0):
    """Accepted by lot in four offices; 60 % of the accepted placed, 40 % of the rest; known hours."""
    rows = []
    for code in range(4):
        for taken, jobs in ((True, [20, 40, 60, 80, 100, 100]), (False, [20, 40, 60, 80])):
            for sex in ("female", "male"):
                for number in range(10):
                    job = jobs[number] if number < len(jobs) else None
                    rows.append((f"office{code}", sex, 5.0, taken, taken or None, job is not None, job))
    frame = pd.DataFrame(rows, columns=[*COLUMNS, "job_pct"])
    frame = frame.astype(
        {"referred": "boolean", "accepted": "boolean", "placed": "boolean", "job_pct": "Float64"}
    )
    if lost:
        placed = frame.index[frame["placed"].fillna(False).astype(bool) & (frame["job_pct"] == 40)]
        frame.loc[placed[:lost], "job_pct"] = pd.NA
    return make_cases(frame, exposure="sex", adjust_for=[])


def test_hours_by_hand(make_cases):
    """A third of six jobs is trimmed: the mean of 20 to 80, or of 60 to 100, less 50."""
    result = estimate_hours_bounds(hours_cases(make_cases))
    assert result.trimming["trimmed"] == "accepted"
    assert result.trimming["trimmed_share"] == pytest.approx(1 / 3)
    row = result.bounds.iloc[0]
    assert (row.lower, row.upper) == (pytest.approx(0, abs=1e-9), pytest.approx(35))
    assert result.naive["estimate"].item() == pytest.approx(400 / 6 - 50)


def test_hours_without_a_record_count_as_placed(make_cases):
    result = estimate_hours_bounds(hours_cases(make_cases, lost=3))
    assert result.trimming["trimmed_share"] == pytest.approx(1 / 3)
    assert [said.key for said in result.warnings] == ["hours_unknown"]


def test_hours_are_refused_where_they_cannot_be(make_cases, cases):
    with pytest.raises(EstimationError) as refusal:
        estimate_hours_bounds(cases)  # no such column
    assert refusal.value.reason == "column_missing"
    with pytest.raises(ValueError, match="is no number"):
        estimate_hours_bounds(hours_cases(make_cases), outcome="sex")
    with pytest.raises(EstimationError) as refusal:
        estimate_hours_bounds(hours_cases(make_cases), outcome_observed="accepted")
    assert refusal.value.reason == "outcome_for_accepted_only"


def test_hours_that_acceptance_leaves_alone_are_within_the_bounds():
    """Simulated jobs are of a size that depends on nothing: the effect on those placed either way is zero."""
    result = estimate_hours_bounds(simulate_cases(4000, n_offices=8, seed=4).cases)
    row = result.bounds.iloc[0]
    assert row.conf_low < row.lower < 0 < row.upper < row.conf_high
    assert isinstance(result, Result)
    assert result.naive["conf_low"].item() < 0 < result.naive["conf_high"].item()
    assert result.trimming["share_accepted"] > result.trimming["share_not_accepted"]


def test_a_chance_of_nothing_or_everything_is_refused(make_frame, make_cases):
    """A column that goes with referral, and two values far away, as a code for missing is."""
    frame = make_frame(900, 5, seed=2)
    frame["motivation"] = np.random.default_rng(1).normal(size=900) + 2 * frame["referred"].astype(float)
    frame.loc[[5, 6], "motivation"] = (60.0, -60.0)
    frame["job_pct"] = pd.array(np.where(frame["placed"].astype(bool), 50.0, np.nan), "Float64")
    cases = make_cases(frame, adjust_for=["sex"])
    for estimate in (estimate_hours_bounds, estimate_effect, estimate_policies):
        with pytest.raises(EstimationError, match=r"\(motivation, sex\).*cap its values") as refusal:
            estimate(cases)
        assert refusal.value.reason == "separation"
        assert refusal.value.details["columns"] == ("motivation", "sex")
