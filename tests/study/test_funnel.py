"""The funnel: counts by hand, intervals by reference, and what happens at none, all and one office."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import t as t_distribution

from se_outcomes.errors import EstimationError
from se_outcomes.results import Result
from se_outcomes.study.funnel import count_funnel

COLUMNS = ["office_id", "sex", "motivation", "eligible", "referred", "accepted", "placed"]
TABLE = [
    ("a", "female", 5.0, True, True, True, True, 8),
    ("a", "male", 5.0, True, True, True, False, 6),
    ("a", "male", 5.0, True, True, False, False, 5),
    ("a", "female", 5.0, True, True, None, False, 3),
    ("a", "female", 5.0, True, False, None, True, 18),
    ("b", "female", 5.0, True, True, True, True, 4),
    ("b", "male", 5.0, True, True, True, None, 2),
    ("b", "male", 5.0, True, True, False, False, 9),
    ("b", "female", 5.0, True, False, None, False, 25),
    ("b", None, 5.0, True, None, None, False, 7),
    ("b", "male", 5.0, False, None, None, False, 4),
]


@pytest.fixture
def small(expand, make_cases):
    return make_cases(expand(TABLE, COLUMNS))


def stage(funnel, name, group="all"):
    return funnel.counts.query("stage == @name and group == @group").iloc[0]


@pytest.mark.parametrize(
    ("name", "at_risk", "passed", "unknown"),
    [("referred", 80, 37, 7), ("accepted", 34, 20, 3), ("placed", 18, 12, 2)],
)
def test_counts_by_hand(small, name, at_risk, passed, unknown):
    row = stage(count_funnel(small), name)
    assert (row.n_at_risk, row.n_passed, row.n_unknown) == (at_risk, passed, unknown)
    assert row.estimate == pytest.approx(passed / at_risk)


def test_groups_come_after_all_and_missing_is_last(small):
    funnel = count_funnel(small, by="sex")
    assert funnel.counts["group"].unique().tolist() == ["all", "female", "male", "missing"]
    assert stage(funnel, "referred", "male").n_passed == 22
    for column in ("n_at_risk", "n_passed", "n_unknown"):
        by_group = funnel.counts.query("group != 'all'").groupby("stage")[column].sum()
        whole = funnel.counts.query("group == 'all'").set_index("stage")[column]
        assert by_group.to_dict() == whole.to_dict()


def test_every_case_has_its_place(small):
    funnel = count_funnel(small)
    flow = funnel.flow.set_index("place")["n"].to_dict()
    assert flow == {
        "ineligible": 4,
        "short_followup": 0,
        "followed": 87,
        "referral_unknown": 7,
        "not_referred": 43,
        "referred": 37,
        "undecided": 3,
        "refused": 14,
        "accepted": 20,
        "bypassed": 0,
        "placed": 12,
        "not_placed": 6,
        "outcome_unknown": 2,
    }
    assert funnel.glance()["n_cases"] == flow["ineligible"] + flow["followed"] == 91


def test_wilson_interval_by_hand(small):
    row = stage(count_funnel(small), "accepted")
    n, p, z = 34, 20 / 34, 1.959963985
    centre, half = (p + z**2 / (2 * n)), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    expected = (centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)
    assert (row.wilson_low, row.wilson_high) == pytest.approx(expected, abs=1e-8)


def test_office_interval_by_hand(small):
    """Two offices: without one, the share is that of the other."""
    row = stage(count_funnel(small), "referred")
    share, a, b = logit(37 / 80), logit(22 / 40), logit(15 / 40)
    half = t_distribution.ppf(0.975, 1) * np.sqrt(0.5 * ((a - share) ** 2 + (b - share) ** 2))
    assert (row.conf_low, row.conf_high) == pytest.approx((expit(share - half), expit(share + half)))


def test_tidy_has_the_delta_method_error(cases):
    funnel = count_funnel(cases)
    row = funnel.tidy().query("stage == 'referred'").iloc[0]
    half = logit(row.conf_high) - logit(row.estimate)
    expected = half / t_distribution.ppf(0.975, 5) * row.estimate * (1 - row.estimate)
    assert row.std_error == pytest.approx(expected)
    assert isinstance(funnel, Result)
    assert "office jackknife" in funnel.summary()


def test_numbers_are_counted_by_quarter(cases):
    funnel = count_funnel(cases, by="motivation")
    assert funnel.by == "motivation_group"
    assert funnel.counts["group"].unique().tolist() == ["all", "q1", "q2", "q3", "q4"]
    pd.testing.assert_frame_equal(funnel.counts, count_funnel(cases, by="motivation_group").counts)


def test_one_office_has_wilsons_interval_only(make_frame, make_cases):
    funnel = count_funnel(make_cases(make_frame(300, 1)))
    row = stage(funnel, "referred")
    assert np.isnan([row.conf_low, row.conf_high]).all()
    assert row.wilson_low < row.estimate < row.wilson_high
    assert any("one office only" in warning for warning in funnel.warnings)
    assert "(no interval)" in funnel.summary()


def test_none_or_all_has_no_office_interval_and_says_so(make_frame, make_cases):
    frame = make_frame()
    frame.loc[frame["referred"].astype(bool), "accepted"] = True
    funnel = count_funnel(make_cases(frame))
    row = stage(funnel, "accepted")
    assert row.estimate == 1
    assert np.isnan(row.conf_low)
    assert row.wilson_high == pytest.approx(1)
    assert any("none or all" in warning for warning in funnel.warnings)


def test_merged_gates_have_no_stage_of_referral(make_frame, make_cases):
    frame = make_frame()
    funnel = count_funnel(make_cases(frame, gates="merged"))
    assert funnel.counts["stage"].tolist() == ["accepted", "placed"]
    row = stage(funnel, "accepted")
    assert row.n_passed == int(frame["accepted"].sum())
    assert funnel.gates == "merged"
    flow = funnel.flow.set_index("place")["n"]
    assert "referred" not in flow
    assert flow["followed"] == flow[["accepted", "refused", "undecided"]].sum() == len(frame)


def test_retention_is_of_those_placed(make_frame, make_cases):
    frame = make_frame()
    inside = frame["accepted"].fillna(False).astype(bool) & frame["placed"].astype(bool)
    kept = pd.array([pd.NA] * len(frame), "boolean")
    kept[np.flatnonzero(inside)] = np.arange(inside.sum()) % 3 > 0
    kept[np.flatnonzero(inside)[:10]] = pd.NA
    frame["retained_12m"] = kept
    row = stage(count_funnel(make_cases(frame)), "retained")
    assert (row.n_at_risk, row.n_unknown) == (inside.sum() - 10, 10)
    assert row.n_passed == int(frame["retained_12m"].sum())


def test_row_order_and_labels_change_nothing(make_frame, make_cases):
    frame = make_frame()
    shuffled = frame.sample(frac=1, random_state=2)
    shuffled["office_id"] = "x" + shuffled["office_id"].str[::-1]
    one, other = (count_funnel(make_cases(f), by="sex").counts for f in (frame, shuffled))
    pd.testing.assert_frame_equal(one, other, rtol=1e-10)


def test_unknown_column(cases):
    with pytest.raises(EstimationError) as refusal:
        count_funnel(cases, by="colour")
    assert refusal.value.reason == "column_missing"
