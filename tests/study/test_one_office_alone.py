"""What one office alone tells has no interval: levels, slopes, covariates; and what two offices cannot tell."""

import numpy as np
import pandas as pd
import pytest
from monte_carlo.harness import measured_share, share_within
from scipy.stats import t as t_distribution

import se_outcomes as so
from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import cluster_covariance
from se_outcomes.inference.clustered_fit import known_from_one_cluster
from se_outcomes.inference.jackknife import jackknife
from se_outcomes.regression.logit import fit_logit
from se_outcomes.study.referral import estimate_referral
from se_outcomes.study.replicated import Replicated


def fit_with_a_level_of_one_office(*, intercepts):
    random = np.random.default_rng(0)
    office = np.repeat(np.arange(5), 80)
    x, level = random.normal(size=400), (random.random(400) < 0.4) & (office == 2)
    y = (random.random(400) < 0.5).astype(float)
    X = np.column_stack([x, level, *([] if intercepts else [np.ones(400)])])
    return fit_logit(y, X, clusters=office, intercepts=office if intercepts else None)


@pytest.mark.parametrize("intercepts", [True, False])
@pytest.mark.parametrize("kind", ["CV3", "CV3L", "CR2"])
def test_no_covariance_of_a_coefficient_that_one_cluster_tells(intercepts, kind):
    fit = fit_with_a_level_of_one_office(intercepts=intercepts)
    robust = cluster_covariance(fit, kind=kind)
    assert robust.unidentified.tolist()[:2] == [False, True]
    assert np.isnan(robust.std_error[1])
    assert robust.std_error[0] > 0
    assert known_from_one_cluster(fit).tolist() == robust.unidentified.tolist()


def test_nothing_hangs_on_a_column_s_unit():
    fit = fit_with_a_level_of_one_office(intercepts=True)
    cells = fit.cells
    scaled = fit_logit(cells.y, cells.X * [1e6, 1e-6], clusters=cells.cluster, intercepts=cells.group)
    assert known_from_one_cluster(scaled).tolist() == [False, True]


def of_ages(make_frame, seed=0):
    """Ages of which 30+ is found in office 1 alone, and there beside others."""
    frame = make_frame(900, 5, seed=seed)
    random = np.random.default_rng(seed + 99)  # another stream than the frame's
    frame["age_group"] = random.choice(["18-19", "20-24", "25-29"], len(frame))
    own = frame.index[frame["office_id"] == "office1"]
    frame.loc[own[: len(own) // 2], "age_group"] = "30+"
    return frame


@pytest.mark.parametrize("office_effects", [True, False])
def test_a_level_of_one_office_is_shown_without_interval_and_not_compared(
    make_frame, make_cases, office_effects
):
    result = estimate_referral(
        make_cases(of_ages(make_frame)),
        exposure="age_group",
        adjust_for=(),
        office_effects=office_effects,
    )
    assert not result.estimates["contrast"].str.startswith("30+").any()
    assert result.estimates["std_error"].gt(0).all()
    groups = result.groups.set_index("group")
    assert groups.loc["30+", ["conf_low", "conf_high"]].isna().all()
    assert groups["estimate"].notna().all()
    assert groups.drop(index="30+")[["conf_low", "conf_high"]].notna().all(axis=None)
    assert any(notice.key == "level_in_few_offices" for notice in result.warnings)


def test_a_level_compared_in_one_office_only_is_not_compared(make_frame, make_cases):
    # 30+ is in two offices, but in office 1 everyone is 30+, so within offices office 0 alone compares it
    frame = of_ages(make_frame)
    frame.loc[frame["office_id"] == "office1", "age_group"] = "30+"
    other = frame.index[frame["office_id"] == "office0"]
    frame.loc[other[: len(other) // 3], "age_group"] = "30+"
    result = estimate_referral(make_cases(frame), exposure="age_group", adjust_for=())
    assert not result.estimates["contrast"].str.startswith("30+").any()
    assert result.groups.set_index("group").loc["30+", ["conf_low", "conf_high"]].isna().all()
    across = estimate_referral(make_cases(frame), exposure="age_group", adjust_for=(), office_effects=False)
    assert across.estimates["contrast"].str.startswith("30+").any()  # across offices two tell it
    assert "several offices" in result.joint.null


def test_the_adjusted_slope_of_one_office_is_refused(make_frame, make_cases):
    # motivation varies within offices 0 and 1; within office 1 sex says the same as it does
    frame = make_frame(300, 3)
    frame["motivation"] = frame["motivation"].where(frame["office_id"] == "office0", 5.0)
    second = frame["office_id"] == "office1"
    frame["sex"] = np.where(frame.index % 2 == 0, "female", "male")
    frame.loc[~second, "sex"] = "female"
    frame.loc[second, "motivation"] = np.where(frame.loc[second, "sex"] == "female", 4.0, 6.0)
    with pytest.raises(EstimationError) as refusal:
        estimate_referral(make_cases(frame), adjust_for=("sex",))
    assert refusal.value.reason == "exposure_constant_within_offices"


def test_two_offices_leave_the_bootstrap_nothing_to_find():
    result = so.estimate_referral(so.simulate_cases(800, n_offices=2, seed=3).cases, adjust_for=())
    assert any(notice.key == "bootstrap_powerless" for notice in result.warnings)
    assert not any(notice.key == "tests_disagree" for notice in result.warnings)
    assert result.linearity is None
    assert result.estimates["p_value"].min() >= 0.05
    three = so.estimate_referral(so.simulate_cases(800, n_offices=3, seed=3).cases, adjust_for=())
    assert not any(notice.key == "bootstrap_powerless" for notice in three.warnings)


def test_a_person_who_crosses_over_makes_no_comparison_within_offices(make_frame, make_cases):
    frame = make_frame(1200, 12)
    office = frame["office_id"].str[6:].astype(int)
    frame["born_abroad"] = office < 2
    for number in (3, 4):
        frame.loc[frame.index[office == number][0], "born_abroad"] = True
    with pytest.raises(EstimationError) as refusal:
        estimate_referral(make_cases(frame), exposure="born_abroad", adjust_for=(), office_effects=False)
    assert refusal.value.reason == "office_level_exposure"


def test_few_offices_that_bear_a_contrast_give_t_their_degrees_of_freedom(make_frame, make_cases):
    # of nine offices only three have both levels, one of them most of the information
    frame = make_frame(1800, 9)
    office = frame["office_id"].str[6:].astype(int)
    frame["born_abroad"] = np.where(office < 3, frame.index % np.where(office == 0, 2, 30) == 0, False)
    result = estimate_referral(make_cases(frame), exposure="born_abroad", adjust_for=())
    row = result.estimates.iloc[0]
    assert row["cr2_dof"] < 4
    assert row["dof"] == pytest.approx(row["cr2_dof"])


def test_without_them_t_would_cover_too_seldom():
    """A level that two of six offices have beside others: 300 studies; in 1,000, .838 and .965."""
    covered = []
    for replication in range(300):
        random = np.random.default_rng([5, replication])
        office = np.repeat(np.arange(6), 80)
        level = np.zeros(480)
        level[:160] = random.random(160) < 0.5
        eta = -0.3 + 0.5 * random.normal(size=6)[office] + 0.3 * random.normal(size=6)[office] * level
        y = (random.random(480) < 1 / (1 + np.exp(-eta))).astype(float)
        fit = fit_logit(y, level[:, None], clusters=office, intercepts=office)
        found = Replicated(fit, jackknife(lambda refit: refit.beta, fit), "ml", False, ())
        statistic = abs(fit.beta[0]) / found.jackknife.std_error[0]
        covered.append([statistic <= t_distribution.ppf(0.975, dof) for dof in (5, found.dof(0))])
    by_offices, by_effective = (
        measured_share(np.array(covered)[:, 0]),
        measured_share(np.array(covered)[:, 1]),
    )
    assert not share_within(by_offices, (0.93, 1.0))
    assert share_within(by_effective, (0.93, 0.98))


def test_an_exclusion_that_the_not_referred_lack_is_refused():
    cases = so.simulate_cases(600, n_offices=5, seed=3, outcome_observed="all").cases
    with pytest.raises(EstimationError, match="caseload_at_referral is recorded for none") as refusal:
        so.estimate_selected_placement(
            cases, exclusion=("caseload_at_referral",), at_risk="eligible", office_effects=False
        )
    assert refusal.value.reason == "column_missing"


def test_families_with_fewer_offices_keep_their_own_p_values(make_frame, make_cases):
    frame = make_frame(1400, 7)
    gone = frame["office_id"].isin(["office5", "office6"])
    frame.loc[gone & (frame["referred"] == True), "accepted"] = True  # noqa: E712  # nothing varies there
    cases = make_cases(frame)
    referral, acceptance = (
        so.estimate_referral(cases, adjust_for=()),
        so.estimate_acceptance(cases, adjust_for=()),
    )
    assert (referral.glance()["n_offices"], acceptance.glance()["n_offices"]) == (7, 5)
    found = so.estimate_familywise([referral, acceptance]).tidy().set_index("question")
    for result in (referral, acceptance):
        own = result.estimates.query("contrast == 'per_sd'")["p_value"].iloc[0]
        assert found.loc[result.question, "p_value"] == own
        assert found.loc[result.question, "adjusted_p_value"] >= own


def test_the_reason_of_failed_replicates_does_not_hang_on_their_order():
    class Fit:
        scores = np.zeros((3, 1))
        parameters = np.zeros(1)

        def __init__(self, reasons):
            self.reasons = reasons

        def refit(self, *, without):
            raise EstimationError("no", reason=self.reasons[without])

    reasons = ["no_variation", "separation", "no_variation"]
    for order in (reasons, reasons[::-1], sorted(reasons, reverse=True)):
        with pytest.raises(EstimationError) as refusal:
            jackknife(lambda fit: fit.parameters, Fit(order))
        assert refusal.value.reason == "separation"
        assert refusal.value.details["n_failed"] == 3


def test_frames_have_numbers_where_they_should():
    result = so.estimate_referral(so.simulate_cases(900, n_offices=5, seed=2).cases)
    assert isinstance(result.estimates, pd.DataFrame)
    assert result.estimates.notna().all(axis=None)
