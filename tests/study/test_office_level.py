"""Exposures that are the same for everyone in an office: answered with their degrees of freedom, or refused."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from scipy.stats import t as t_distribution

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import bias_reduced, cluster_covariance
from se_outcomes.inference.score_bootstrap import score_bootstrap
from se_outcomes.regression.logit import fit_logit
from se_outcomes.study.referral import estimate_referral

LOADS = [10, 14, 19, 23, 31]


@pytest.fixture
def of_offices(make_frame):
    """``of_offices(values)``: a frame in which office number i has the i-th value, and the column's name."""

    def make(values, seed=0):
        frame = make_frame(200 * len(values), len(values), seed)
        own = [values[int(office[6:])] for office in frame["office_id"]]
        if isinstance(values[0], str):
            return frame.assign(education_level=own), "education_level"
        if isinstance(values[0], bool):
            return frame.assign(born_abroad=pd.array(own, "boolean")), "born_abroad"
        return frame.assign(caseload_at_referral=pd.array(own, "Int64")), "caseload_at_referral"

    return make


def ask(made, make_cases, **call):
    frame, exposure = made
    call = {"adjust_for": (), "office_effects": False, **call}
    return estimate_referral(make_cases(frame), exposure=exposure, **call)


def refusal_of(made, make_cases, **call):
    with pytest.raises(EstimationError) as refusal:
        ask(made, make_cases, **call)
    return refusal.value


def treated(n_treated, n_offices):
    return [True] * n_treated + [False] * (n_offices - n_treated)


# by reference


def test_a_number_of_five_offices_has_its_own_degrees_of_freedom(of_offices, make_cases):
    frame, exposure = made = of_offices(LOADS)
    result = ask(made, make_cases)
    x = frame[exposure].astype(float)
    X = np.column_stack([(x - x.mean()) / x.std(), np.ones(len(x))])
    offices = frame["office_id"].str[6:].astype(int)
    fit = fit_logit(frame["referred"].astype(float), X, clusters=offices)
    row = result.estimates.query("measure == 'log_odds'").iloc[0]
    assert row["dof"] == pytest.approx(bias_reduced(fit, np.eye(2)[:1]).dof[0], rel=1e-6)
    assert row["dof"] < 4
    assert row["dof"] == pytest.approx(row["cr2_dof"], rel=1e-12)
    assert row["dof"] == result.glance()["dof"]
    error = cluster_covariance(fit, kind="CV3").std_error[0]
    half = t_distribution.ppf(0.975, row["dof"]) * error
    assert row["conf_high"] - row["estimate"] == pytest.approx(half, rel=1e-5)
    assert row["jackknife_p_value"] == pytest.approx(
        2 * t_distribution.sf(abs(row["estimate"]) / error, row["dof"]), rel=1e-5
    )
    assert row["p_value"] == pytest.approx(score_bootstrap(fit, 0).p_value, abs=1e-12)
    assert f"t({row['dof']:.4g})" in result.method
    assert any("offices are compared, 5" in warning for warning in result.warnings)


def test_the_degrees_of_freedom_hold_for_every_measure_and_the_curve(of_offices, make_cases):
    """Without covariates the curve is the fitted line itself: its error is that of a + b x."""
    frame, exposure = made = of_offices(LOADS)
    result = ask(made, make_cases)
    assert result.estimates["dof"].nunique() == 1
    x = frame[exposure].astype(float)
    X = np.column_stack([(x - x.mean()) / x.std(), np.ones(len(x))])
    offices = frame["office_id"].str[6:].astype(int)
    fit = fit_logit(frame["referred"].astype(float), X, clusters=offices)
    covariance = cluster_covariance(fit, kind="CV3").covariance
    for row in result.curve.iloc[[0, 20, 40]].itertuples():
        at = np.array([row.scaled, 1.0])
        half = t_distribution.ppf(0.975, result.estimates["dof"].iloc[0]) * np.sqrt(at @ covariance @ at)
        assert logit(row.estimate) == pytest.approx(at @ fit.beta, abs=1e-6)
        assert logit(row.conf_low) == pytest.approx(at @ fit.beta - half, rel=1e-4)
        assert logit(row.conf_high) == pytest.approx(at @ fit.beta + half, rel=1e-4)


def test_no_office_can_be_asked_alone(of_offices, make_cases):
    offices = ask(of_offices(LOADS), make_cases).offices.iloc[0]
    assert offices.filter(like="by_office").isna().all()
    assert offices["effective_offices"] < 5


# by property


def test_three_of_eight_are_answered(of_offices, make_cases):
    result = ask(of_offices(treated(3, 8)), make_cases)
    assert set(result.estimates["contrast"]) == {"true_vs_false"}
    assert (result.estimates["dof"] < 7).all()
    assert (result.estimates["p_value_kind"] == "WCLR-S").all()


def test_a_level_of_few_offices_is_no_contrast(of_offices, make_cases):
    result = ask(of_offices(["1"] * 4 + ["2"] * 4 + ["3"] * 2), make_cases)
    assert set(result.estimates["contrast"]) == {"2_vs_1"}


def test_what_offices_are_called_changes_no_verdict(of_offices, make_cases):
    """Five offices of which two, two and one are alike: whichever comes first, the answer is the same."""
    orders = (["2", "2", "1", "3", "3"], ["1", "2", "2", "3", "3"], ["2", "2", "3", "3", "1"])
    said = [str(refusal_of(of_offices(order), make_cases)) for order in orders]
    assert len(set(said)) == 1
    for order in ([30, 30, 10, 20, 20], [10, 20, 20, 30, 30], [20, 30, 10, 30, 20]):
        assert set(ask(of_offices(order), make_cases).estimates["contrast"]) == {"per_sd"}


def test_one_office_with_two_values_is_no_comparison_within_offices(of_offices, make_cases):
    def one_mixed(n_treated, n_offices):
        frame, exposure = of_offices(treated(n_treated, n_offices))
        last = frame.index[frame["office_id"] == f"office{n_offices - 1}"]
        frame.loc[last[:20], exposure] = True
        return frame, exposure

    refusal = refusal_of(one_mixed(2, 5), make_cases)
    assert refusal.reason == "office_level_exposure"
    assert "2 of 5 offices treated" in str(refusal)
    result = ask(one_mixed(4, 9), make_cases)
    assert (result.estimates["dof"] < 8).all()
    assert any(notice.key == "offices_compared" for notice in result.warnings)
    two = one_mixed(2, 5)
    two[0].loc[two[0].index[two[0]["office_id"] == "office3"][:20], two[1]] = True
    assert (ask(two, make_cases).estimates["dof"] == 4).all()  # two offices can be compared within


def test_twelve_offices_are_enough(of_offices, make_cases):
    result = ask(of_offices(list(range(12))), make_cases)
    assert any("offices are compared, 12" in warning for warning in result.warnings)
    assert (result.estimates["dof"] < 11).all()


# by refusal


def test_office_intercepts_leave_nothing_of_it(of_offices, make_cases):
    refusal = refusal_of(of_offices(LOADS), make_cases, office_effects=True)
    assert refusal.reason == "exposure_constant_within_offices"
    assert "office_effects=False" in str(refusal)


@pytest.mark.parametrize(("n_treated", "n_offices"), [(2, 5), (3, 6), (1, 7), (3, 5)])
def test_too_few_assignments_for_a_test(n_treated, n_offices, of_offices, make_cases):
    refusal = refusal_of(of_offices(treated(n_treated, n_offices)), make_cases)
    few = min(n_treated, n_offices - n_treated)
    assert refusal.reason == "office_level_exposure"
    assert f"no exact permutation test at 5 % exists with {few} of {n_offices} offices treated" in str(
        refusal
    )
    assert (refusal.details["n_offices"], refusal.details["n_treated"]) == (n_offices, few)


@pytest.mark.parametrize("n_treated", [2, 6])
def test_two_of_eight_have_a_permutation_test_but_no_other(n_treated, of_offices, make_cases):
    refusal = refusal_of(of_offices(treated(n_treated, 8)), make_cases)
    assert refusal.reason == "office_level_exposure"
    assert (
        "with 2 of 8 offices treated a permutation test exists, but every other one would rest on 2 offices"
        in str(refusal)
    )


def test_four_evenly_spread_values_have_no_test(of_offices, make_cases):
    """Of 24 assignments every one has a mirror image with the same |t|: p = 2/24 at best."""
    refusal = refusal_of(of_offices([10, 11, 12, 13]), make_cases)
    assert "no exact permutation test at 5 % exists with 4 offices and 4 values" in str(refusal)
