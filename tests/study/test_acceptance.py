"""Acceptance: who is at risk, with separate and with merged gates, and with acceptance without referral."""

import pandas as pd
import pytest

from se_outcomes.errors import EstimationError
from se_outcomes.study.acceptance import estimate_acceptance
from se_outcomes.study.referral import estimate_referral


def test_it_is_about_the_referred_and_decided(make_frame, make_cases):
    frame = make_frame()
    referred = frame.index[frame["referred"].astype(bool)]
    frame.loc[referred[:25], "accepted"] = pd.NA
    result = estimate_acceptance(make_cases(frame), adjust_for=())
    excluded = result.exclusions.set_index("reason")["n"].to_dict()
    assert excluded == {"not_referred": len(frame) - len(referred), "undecided": 25}
    assert result.glance()["n_cases"] == len(referred) - 25
    assert result.glance()["n_events"] == int(frame["accepted"].sum())
    assert result.specification.at_risk == "referred"


def test_merged_gates_are_one_gate_of_all_eligible(make_frame, make_cases):
    frame = make_frame()
    result = estimate_acceptance(make_cases(frame, gates="merged"), adjust_for=())
    assert result.specification.at_risk == "eligible"
    # the same as referral, if being referred were what is recorded as being accepted
    both = frame.assign(
        referred=frame["accepted"].fillna(False), accepted=pd.array([pd.NA] * len(frame), "boolean")
    )
    assert result.glance()["n_events"] == int(both["referred"].sum())
    other = estimate_referral(make_cases(both), adjust_for=())
    assert result.estimates["estimate"].tolist() == pytest.approx(other.estimates["estimate"].tolist())


def test_those_accepted_without_referral_are_counted_apart(make_frame, make_cases):
    frame = make_frame()
    passed_by = frame.index[~frame["referred"].astype(bool)][:12]
    frame.loc[passed_by, "accepted"] = True
    cases = make_cases(frame, bypass="allowed")
    excluded = estimate_acceptance(cases, adjust_for=()).exclusions.set_index("reason")["n"]
    assert excluded["bypassed"] == 12
    # at gate 1 they are what is recorded: not referred
    assert estimate_referral(cases, adjust_for=()).glance()["n_events"] == int(frame["referred"].sum())


def test_motivation_rated_after_the_decision(make_frame, make_cases):
    frame = make_frame()
    decided = frame["accepted"].notna()
    frame["decision_date"] = pd.NaT
    frame.loc[decided, "decision_date"] = pd.Timestamp("2024-03-01")
    frame["motivation_date"] = pd.NaT
    frame.loc[frame.index[decided][:9], "motivation_date"] = pd.Timestamp("2024-04-01")
    with pytest.raises(EstimationError, match="decision on acceptance for 9") as refusal:
        estimate_acceptance(make_cases(frame), adjust_for=())
    assert refusal.value.reason == "rated_after_gate"
