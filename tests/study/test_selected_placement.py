"""Placement corrected for selection: against the methods below it, against the truth, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, norm
from scipy.stats import t as t_distribution

import se_outcomes as so
from se_outcomes.cases.check import check_cases
from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import cluster_covariance
from se_outcomes.inference.score_bootstrap import score_bootstrap
from se_outcomes.regression.probit import fit_probit
from se_outcomes.regression.selection_probit import fit_selection_probit
from se_outcomes.results import TIDY_COLUMNS, Result
from se_outcomes.study.selected_placement import estimate_selected_placement
from se_outcomes.study.selection_answer import AVERAGES
from se_outcomes.study.selection_sample import draw_selection_sample

EXCLUSION = ("caseload_at_referral",)


@pytest.fixture(scope="module")
def cases():
    return so.simulate_cases(6000, seed=4, outcome_observed="accepted").cases


@pytest.fixture(scope="module")
def result(cases):
    return estimate_selected_placement(cases)


@pytest.fixture(scope="module")
def without(cases):
    return estimate_selected_placement(cases, exclusion=())


def dummies(sample):
    return np.eye(sample.offices.max() + 1)[sample.offices]


@pytest.fixture(scope="module")
def sample(cases):
    return draw_selection_sample(
        cases,
        at_risk="referred",
        exposure="motivation",
        adjust_for=("age_group", "education_level"),
        exclusion=EXCLUSION,
        office_effects=True,
        outcome_observed="accepted",
    )


# ---------------------------------------------------------------------------------------------- by the methods


def test_a_result_like_every_other(result):
    assert isinstance(result, Result)
    assert list(result.tidy().columns[:7]) == list(TIDY_COLUMNS)
    assert result.question == "selected_placement"
    assert "intervals: office jackknife (CV3), t(4)" in result.method
    assert result.summary() == repr(result)


def test_the_plan_names_the_exclusion(cases, result):
    assert cases.plan.exclusion == EXCLUSION == result.specification.exclusion
    assert result.point_identified


def test_same_maximum_as_the_fit_with_office_dummies(result, sample):
    X, Z = np.hstack([sample.X, dummies(sample)]), np.hstack([sample.Z, dummies(sample)])
    fit = fit_selection_probit(np.nan_to_num(sample.placed), X, sample.selected, Z, counts=sample.counts)
    assert result.glance()["loglik"] == pytest.approx(fit.loglik, abs=1e-7)
    assert result.rho == pytest.approx(fit.rho, abs=1e-6)
    found = result.equations.query("equation == 'placement'")["estimate"].to_numpy()
    assert found == pytest.approx(fit.beta[: len(found)], abs=1e-6)


def test_naive_is_a_probit_of_the_accepted(result, sample):
    accepted = sample.selected == 1
    fit = fit_probit(
        sample.placed[accepted],
        sample.X[accepted],
        counts=sample.counts[accepted],
        clusters=sample.offices[accepted],
        intercepts=sample.offices[accepted],
    )
    row = result.estimates.query("model == 'naive' and measure == 'coefficient'").iloc[0]
    assert row["estimate"] == pytest.approx(fit.beta[0], abs=1e-7)
    error = cluster_covariance(fit, kind="CV3L").std_error[0]
    assert row["std_error"] == pytest.approx(error, rel=1e-5)
    half = t_distribution.ppf(0.975, 4) * error
    assert (row["conf_low"], row["conf_high"]) == pytest.approx(
        (fit.beta[0] - half, fit.beta[0] + half), abs=1e-6
    )
    naive = result.estimates.query("model == 'naive'")
    assert naive["p_value"].tolist() == pytest.approx([score_bootstrap(fit, 0).p_value] * 3, abs=1e-12)


def test_counts(result, sample):
    found = result.glance()
    assert found["n_cases"] == sample.counts.sum() == sample.used["n"].sum()
    assert found["n_accepted"] == sample.counts @ sample.selected
    assert found["n_events"] == np.nansum(sample.counts * sample.placed)
    assert found["n_cases"] + found["n_excluded"] == 6000


def test_gap_is_the_sum_of_its_parts_and_the_difference_of_the_levels(result):
    value = result.averages.set_index("measure")["estimate"]
    assert list(result.averages["measure"]) == list(AVERAGES)
    assert value["gap"] == pytest.approx(value["gap_observed"] + value["gap_unobserved"], abs=1e-12)
    assert value["gap"] == pytest.approx(value["accepted"] - value["open_gate"], abs=1e-12)


def test_predicted_placement_of_the_accepted_is_about_the_observed(result):
    found = result.glance()
    value = result.averages.set_index("measure").loc["accepted", "estimate"]
    assert value == pytest.approx(found["n_events"] / found["n_accepted"], abs=0.005)


def test_profile_at_zero_is_the_naive_model(result):
    at_zero = result.profile.loc[result.profile["rho"] == 0].iloc[0]
    naive = result.estimates.query("model == 'naive' and measure == 'ame'").iloc[0]
    for name, column in (("ame", "estimate"), ("ame_low", "conf_low"), ("ame_high", "conf_high")):
        assert at_zero[name] == pytest.approx(naive[column], abs=1e-5)
    assert chi2.sf(at_zero["deviance"], 1) == pytest.approx(
        result.diagnostics["likelihood_ratio_p"], abs=1e-6
    )
    assert at_zero["p_value"] == pytest.approx(result.independence.p_value, abs=1e-12)


def test_the_set_of_rho_is_where_the_profile_says(result):
    """Several pieces are possible; of the profile what lies in one of them is inside, and not rejected."""
    rho = result.profile["rho"]
    within = np.any([(low <= rho) & (rho <= high) for low, high in result.rho_sets], axis=0)
    np.testing.assert_array_equal(result.profile["inside"], within)
    assert (result.profile.loc[result.profile["inside"], "p_value"] > 0.05).all()
    assert any(low < result.rho < high for low, high in result.rho_sets)
    assert within.any()
    assert not within.all()


def test_conclusion_flips_where_the_interval_meets_zero(result):
    significant = (result.profile["ame_low"] > 0) | (result.profile["ame_high"] < 0)
    flips = int((significant != significant.shift()).iloc[1:].sum())
    assert len(result.breakdown) >= flips
    assert result.breakdown
    for rho in result.breakdown:
        ends = [
            np.interp(rho, result.profile["rho"], result.profile[name]) for name in ("ame_low", "ame_high")
        ]
        assert min(np.abs(ends)) < 2e-4


def test_intervals_hold_their_estimates(result):
    rows = pd.concat([result.estimates, result.averages, result.curve])
    assert (rows["conf_low"] <= rows["estimate"] + 1e-9).all()
    assert (rows["estimate"] <= rows["conf_high"] + 1e-9).all()


def test_office_of_one_kind_changes_nothing_else(cases):
    one = estimate_selected_placement(cases, adjust_for=())
    two = estimate_selected_placement(cases, adjust_for=(), office_effects=False)
    assert one.glance()["loglik"] > two.glance()["loglik"]


# ------------------------------------------------------------------------------------------ without exclusion


def test_without_exclusion_a_set_and_no_point(without):
    assert not without.point_identified
    assert np.isnan(without.rho)
    corrected = without.estimates.query("model == 'corrected'")
    assert corrected["estimate"].isna().all()
    assert corrected["conf_low"].notna().all()
    assert {"no_exclusion", "sets_projected"} <= {notice.key for notice in without.warnings}
    assert "at every correlation that a score bootstrap does not reject" in without.method


# ------------------------------------------------------------------------------------------------- everybody seen


def test_seen_for_all_is_a_recursive_probit():
    cases = so.simulate_cases(3000, seed=4).cases
    result = estimate_selected_placement(cases)
    assert result.outcome_observed == "all"
    assert "Recursive" in result.method
    terms = result.equations.query("equation == 'placement'")["term"]
    assert terms.iloc[-1] == "accepted"


def test_eligible_opens_both_gates(cases):
    result = estimate_selected_placement(cases, at_risk="eligible", adjust_for=())
    assert result.specification.exclusion == ()
    assert not result.point_identified
    assert result.glance()["n_cases"] > 4000


# -------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("planned", "asked", "reason"),
    [
        ("accepted", "all", "outcome_for_accepted_only"),
        ("all", "accepted", "outcome_for_all"),
    ],
)
def test_the_other_situations_model_is_refused(planned, asked, reason):
    cases = so.simulate_cases(300, seed=1, outcome_observed=planned).cases
    with pytest.raises(EstimationError) as refused:
        estimate_selected_placement(cases, outcome_observed=asked)
    assert refused.value.reason == reason


def test_nobody_has_said_who_was_observed():
    frame = so.simulate_cases(300, seed=1)._frame
    with pytest.raises(EstimationError, match="two need different models") as refused:
        estimate_selected_placement(check_cases(frame))
    assert refused.value.reason == "outcome_observed_unknown"


def test_motivation_is_no_exclusion(cases):
    with pytest.raises(EstimationError, match="motivation is the exposure") as refused:
        estimate_selected_placement(cases, exclusion="motivation")
    assert refused.value.reason == "collinearity"


def test_merged_gates_have_no_referred():
    cases = so.simulate_cases(300, seed=1, gates="merged").cases
    with pytest.raises(EstimationError) as refused:
        estimate_selected_placement(cases)
    assert refused.value.reason == "gates_merged"


def test_separation_names_the_variable():
    frame = so.simulate_cases(600, seed=2, outcome_observed="accepted")._frame
    perfect = frame.assign(sex=np.where(frame["accepted"].fillna(False).astype(bool), "female", "male"))
    cases = check_cases(perfect, mapping={"study": {"outcome_observed": "accepted", "adjust_for": ["sex"]}})
    with pytest.raises(EstimationError, match="sex") as refused:
        estimate_selected_placement(cases)
    assert refused.value.reason in ("separation", "collinearity")


@pytest.mark.parametrize(
    "wrong", [{"at_risk": "accepted"}, {"outcome_observed": "some"}, {"exposure": "sex"}]
)
def test_wrong_words(cases, wrong):
    with pytest.raises(ValueError, match=r"must be|not a number"):
        estimate_selected_placement(cases, **wrong)


def test_small_offices_are_refused_intercepts_and_asked_without():
    cases = so.simulate_cases(1500, n_offices=60, seed=3, outcome_observed="accepted").cases
    with pytest.raises(EstimationError, match="office_effects=False") as refused:
        estimate_selected_placement(cases, adjust_for=())
    assert refused.value.reason == "small_offices"
    assert estimate_selected_placement(cases, adjust_for=(), office_effects=False).glance()["n_offices"] > 40


def test_offices_that_are_not_large_are_warned_of():
    cases = so.simulate_cases(600, seed=1, outcome_observed="accepted").cases
    found = estimate_selected_placement(cases, adjust_for=())
    assert "selection_small_offices" in {notice.key for notice in found.warnings}


def test_offices_without_variation_are_said():
    frame = so.simulate_cases(3000, n_offices=8, seed=5, outcome_observed="accepted")._frame
    offices = sorted(frame["office_id"].unique())
    same = frame["placed"].mask((frame["office_id"] == offices[0]) & frame["placed"].notna(), False)
    refused = frame.loc[~((frame["office_id"] == offices[1]) & (frame["accepted"] == False))]  # noqa: E712
    frame = refused.assign(placed=same.loc[refused.index])
    frame = frame.loc[:, ["case_id", "office_id", "eligible", "motivation", "referred", "accepted", "placed"]]
    cases = check_cases(frame, mapping={"study": {"outcome_observed": "accepted"}})
    result = estimate_selected_placement(cases)
    assert {"averages_of_other_offices", "offices_without_gate"} <= {notice.key for notice in result.warnings}
    assert (result.diagnostics["left_out_groups_outcome"], result.diagnostics["left_out_groups_gate"]) == (
        1,
        1,
    )
    n_cases = result.averages.set_index("measure")["n_cases"]
    assert n_cases["open_gate"] < result.glance()["n_cases"]


# ----------------------------------------------------------------------------------- by cases whose truth is known


def normal_study(observed, n=4000, effect=0.0, rho=0.6):
    """Cases of five offices with normal errors: a case frame's study, and what is true of these very cases."""
    random = np.random.default_rng(77)
    office, load = random.integers(0, 5, n), random.integers(5, 30, n)
    motivation = np.clip(np.round(5.5 + 2.2 * random.normal(size=n)), 0, 10)
    scaled = (motivation - motivation.mean()) / motivation.std()
    u, v = random.normal(size=(2, n))
    gate = np.array([-0.3, 0.2, 0.1, 0, -0.1])[office]
    outcome = np.array([0.2, -0.2, 0, 0.1, 0])[office]
    accepted = 0.5 * scaled - 0.07 * (load - 17) + gate + u > 0
    b = 0.35 * scaled + outcome - 0.2 + effect
    placed = b - effect * ~accepted + rho * u + np.sqrt(1 - rho**2) * v > 0
    frame = pd.DataFrame(
        {
            "case_id": [f"s{number}" for number in range(n)],
            "office_id": [f"k{number}" for number in office],
            "eligible": True,
            "motivation": motivation,
            "referred": True,
            "accepted": accepted,
            "placed": pd.array(placed, dtype="boolean"),
            "caseload_at_referral": load,
        }
    )
    if observed == "accepted":
        frame["placed"] = frame["placed"].mask(~accepted)
    plan = {"outcome_observed": observed, "exclusion": ["caseload_at_referral"]}
    truth = {
        "ame": float((0.35 * norm.pdf(b)).mean()),
        "open_gate": float(norm.cdf(b).mean()),
        "gap_observed": float(norm.cdf(b[accepted]).mean() - norm.cdf(b).mean()),
        "gap": float(placed[accepted].mean() - norm.cdf(b).mean()),
    }
    return check_cases(frame, mapping={"study": plan}), truth


@pytest.mark.parametrize(("observed", "effect"), [("accepted", 0.0), ("all", 0.4)])
def test_the_truth_is_found_and_the_naive_model_misses_it(observed, effect):
    cases, truth = normal_study(observed, effect=effect)
    result = estimate_selected_placement(cases)
    averages, slopes = result.averages.set_index("measure"), result.estimates.set_index(["measure", "model"])
    for name in ("open_gate", "gap", "gap_observed"):
        row = averages.loc[name]
        assert row["conf_low"] < truth[name] < row["conf_high"], name
    corrected, naive = slopes.loc[("ame", "corrected")], slopes.loc[("ame", "naive")]
    assert corrected["conf_low"] < truth["ame"] < corrected["conf_high"]
    assert not naive["conf_low"] < truth["ame"] < naive["conf_high"]
    naive = averages.loc["open_gate_naive"]
    assert not naive["conf_low"] < truth["open_gate"] < naive["conf_high"]
    assert result.rho_sets[0][0] < 0.6 < result.rho_sets[-1][1]
