"""Placement: of the accepted and of all eligible, and what must be said before the latter can be asked."""

import pandas as pd
import pytest

from se_outcomes.errors import EstimationError
from se_outcomes.study.placement import SELECTED, estimate_placement


def test_of_the_accepted(make_frame, make_cases):
    frame = make_frame()
    result = estimate_placement(make_cases(frame), adjust_for=())
    accepted = frame["accepted"].fillna(False).astype(bool)
    assert result.glance()["n_cases"] == int(accepted.sum())
    assert result.glance()["n_events"] == int(frame.loc[accepted, "placed"].sum())
    assert result.exclusions["reason"].tolist() == ["not_accepted"]
    assert SELECTED in result.warnings


def test_of_all_eligible(make_frame, make_cases):
    frame = make_frame()
    frame.loc[frame.index[:30], "placed"] = pd.NA
    result = estimate_placement(make_cases(frame), at_risk="eligible", adjust_for=())
    assert result.glance()["n_cases"] == 1470
    assert result.exclusions.to_dict("list") == {"reason": ["outcome_unknown"], "n": [30]}
    assert SELECTED not in result.warnings


def test_those_accepted_without_referral_are_among_the_accepted(make_frame, make_cases):
    frame = make_frame()
    frame.loc[frame.index[~frame["referred"].astype(bool)][:12], "accepted"] = True
    result = estimate_placement(make_cases(frame, bypass="allowed"), adjust_for=())
    assert result.glance()["n_cases"] == int(frame["accepted"].sum())


def test_outcomes_of_the_accepted_only(make_frame, make_cases):
    cases = make_cases(make_frame(), outcome_observed="accepted")
    with pytest.raises(EstimationError, match="for the accepted only") as refusal:
        estimate_placement(cases, at_risk="eligible")
    assert refusal.value.reason == "outcome_for_accepted_only"
    assert estimate_placement(cases, adjust_for=()).glance()["n_cases"] > 100


def test_nobody_said_whose_outcomes_were_observed(make_frame, make_cases):
    cases = make_cases(make_frame(), outcome_observed=None)
    with pytest.raises(EstimationError, match="outcome_observed") as refusal:
        estimate_placement(cases, at_risk="eligible")
    assert refusal.value.reason == "outcome_observed_unknown"


def test_no_other_at_risk(cases):
    with pytest.raises(ValueError, match="at_risk"):
        estimate_placement(cases, at_risk="referred")
