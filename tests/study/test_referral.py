"""Referral: by hand, by reference (statsmodels with dummies, office by office), by property, by refusal."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import t as t_distribution

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import cluster_covariance
from se_outcomes.inference.score_bootstrap import score_bootstrap
from se_outcomes.regression.logit import fit_logit
from se_outcomes.results import TIDY_COLUMNS, Result
from se_outcomes.study.referral import estimate_referral

COLUMNS = ["office_id", "born_abroad", "motivation", "referred", "accepted", "placed"]


def two_by_two(passed_abroad, failed_abroad, passed_home, failed_home, office):
    """Rows of one office's 2 x 2 table of born_abroad by referred."""
    table = []
    for abroad, passed, failed in ((True, passed_abroad, failed_abroad), (False, passed_home, failed_home)):
        table += [
            (office, abroad, 5.0, True, True, True, passed),
            (office, abroad, 5.0, False, None, False, failed),
        ]
    return table


def estimate_of(result, contrast, measure, adjustment="crude"):
    rows = result.estimates
    keep = (rows["contrast"] == contrast) & (rows["measure"] == measure) & (rows["adjustment"] == adjustment)
    assert keep.sum() == 1
    return rows.loc[keep].iloc[0]


# by hand


def test_without_office_effects_it_is_the_two_by_two_table(expand, make_cases):
    frame = expand(two_by_two(20, 10, 15, 30, "a") + two_by_two(10, 30, 5, 40, "b"), COLUMNS)
    result = estimate_referral(make_cases(frame), exposure="born_abroad", office_effects=False)
    odds_ratio = (30 * 70) / (40 * 20)
    assert estimate_of(result, "true_vs_false", "log_odds").estimate == pytest.approx(
        np.log(odds_ratio), abs=1e-9
    )
    assert estimate_of(result, "true_vs_false", "odds_ratio").estimate == pytest.approx(odds_ratio, abs=1e-8)
    assert estimate_of(result, "true_vs_false", "ame").estimate == pytest.approx(30 / 70 - 20 / 90, abs=1e-9)


def test_two_offices_jackknifed_by_hand(expand, make_cases):
    """Without one of two offices the estimate is that of the other; CV3 is half the sum of squares."""
    tables = {"a": (20, 10, 15, 30), "b": (10, 30, 5, 40)}
    frame = expand([row for office, cells in tables.items() for row in two_by_two(*cells, office)], COLUMNS)
    result = estimate_referral(make_cases(frame), exposure="born_abroad", office_effects=False)
    row = estimate_of(result, "true_vs_false", "log_odds")
    alone = [np.log(a * d / (b * c)) for a, b, c, d in tables.values()]
    assert row.std_error == pytest.approx(
        np.sqrt(0.5 * sum((one - row.estimate) ** 2 for one in alone)), abs=1e-8
    )
    assert row.dof == 1
    assert row.conf_high == pytest.approx(row.estimate + 12.7062047 * row.std_error, rel=1e-7)


# by reference


def oracle(frame, adjust_for=()):
    """Slope per SD, marginal effect, and their jackknife, by statsmodels with a dummy for each office."""
    scaled = (frame["motivation"] - frame["motivation"].mean()) / frame["motivation"].std()
    covariates = (
        pd.get_dummies(frame[list(adjust_for)], drop_first=True, dtype=float) if adjust_for else frame[[]]
    )
    y = frame["referred"].astype(float).to_numpy()

    def fit(keep):
        offices = pd.get_dummies(frame.loc[keep, "office_id"], dtype=float)
        X = np.column_stack([scaled[keep], covariates[keep], offices])
        model = sm.GLM(y[keep], X, family=sm.families.Binomial()).fit(tol=1e-13)
        share = model.predict(X)
        return np.array([model.params[0], (share * (1 - share)).mean() * model.params[0]])

    full = fit(np.ones(len(frame), dtype=bool))
    left = np.array(
        [fit((frame["office_id"] != office).to_numpy()) for office in frame["office_id"].unique()]
    )
    n = len(left)
    return full, np.sqrt((n - 1) / n * ((left - full) ** 2).sum(axis=0))


@pytest.mark.parametrize(("adjustment", "adjust_for"), [("crude", ()), ("adjusted", ("age_group", "sex"))])
def test_slope_and_marginal_effect_as_statsmodels_with_dummies(
    adjustment, adjust_for, make_frame, make_cases
):
    frame = make_frame()
    result = estimate_referral(make_cases(frame), adjust_for=adjust_for)
    estimate, std_error = oracle(frame, adjust_for)
    for place, measure in enumerate(("log_odds", "ame")):
        row = estimate_of(result, "per_sd", measure, adjustment)
        assert row.estimate == pytest.approx(estimate[place], abs=1e-7)
        assert row.std_error == pytest.approx(std_error[place], rel=1e-5)


def test_intervals_are_those_of_t_and_tests_those_of_the_score_bootstrap(make_frame, make_cases):
    frame = make_frame()
    row = estimate_of(estimate_referral(make_cases(frame), adjust_for=()), "per_sd", "log_odds")
    half = t_distribution.ppf(0.975, 5) * row.std_error
    assert (row.conf_low, row.conf_high) == pytest.approx((row.estimate - half, row.estimate + half))
    scaled = (frame["motivation"] - frame["motivation"].mean()) / frame["motivation"].std()
    offices = frame["office_id"].str[6:].astype(int)
    fit = fit_logit(
        frame["referred"].astype(float), scaled.to_numpy()[:, None], clusters=offices, intercepts=offices
    )
    assert row.std_error == pytest.approx(cluster_covariance(fit, kind="CV3").std_error[0], rel=1e-6)
    assert row.p_value == pytest.approx(score_bootstrap(fit, 0).p_value, abs=1e-12)
    assert row.jackknife_p_value == pytest.approx(2 * t_distribution.sf(abs(row.estimate / row.std_error), 5))
    assert (row.dof, row.std_error_kind, row.p_value_kind, row.estimator) == (5, "CV3", "WCLR-S", "ml")


def test_odds_ratio_rows_are_exponentiated(cases):
    result = estimate_referral(cases, adjust_for=("sex",))
    for contrast in ("per_sd", "top_vs_bottom"):
        log, ratio = (
            estimate_of(result, contrast, measure, "adjusted") for measure in ("log_odds", "odds_ratio")
        )
        for column in ("estimate", "conf_low", "conf_high", "cv1_conf_low", "cv1_conf_high"):
            assert ratio[column] == pytest.approx(np.exp(log[column]))
        assert ratio.p_value == log.p_value


# by property


def test_row_order_and_labels_change_nothing(make_frame, make_cases):
    frame = make_frame()
    one = estimate_referral(make_cases(frame), adjust_for=("age_group",))
    names = {f"office{code}": f"unit {97 - code}" for code in range(6)}
    shuffled = frame.sample(frac=1, random_state=1).assign(office_id=lambda f: f["office_id"].map(names))
    other = estimate_referral(make_cases(shuffled), adjust_for=("age_group",))
    numbers = one.estimates.select_dtypes("number").columns
    np.testing.assert_allclose(one.estimates[numbers], other.estimates[numbers], rtol=1e-8)
    pd.testing.assert_frame_equal(one.groups, other.groups, rtol=1e-8)
    pd.testing.assert_frame_equal(one.exclusions, other.exclusions)


def test_the_exposures_unit_changes_nothing(make_frame, make_cases):
    frame = make_frame()
    one = estimate_referral(make_cases(frame), adjust_for=())
    other = estimate_referral(
        make_cases(frame.assign(motivation=frame["motivation"] * 10 - 30)), adjust_for=()
    )
    numbers = one.estimates.select_dtypes("number").columns
    np.testing.assert_allclose(one.estimates[numbers], other.estimates[numbers], rtol=1e-8)
    np.testing.assert_allclose(one.curve["estimate"], other.curve["estimate"], rtol=1e-8)
    np.testing.assert_allclose(one.curve["value"] * 10 - 30, other.curve["value"], atol=1e-8)


def test_level_order_of_a_covariate_changes_nothing(make_frame, make_cases):
    frame = make_frame()
    flipped = frame.assign(sex=frame["sex"].map({"female": "male", "male": "female"}))
    one, other = (estimate_referral(make_cases(f), adjust_for=("sex",)) for f in (frame, flipped))
    np.testing.assert_allclose(one.estimates["estimate"], other.estimates["estimate"], rtol=1e-8)


def test_crude_and_adjusted_are_of_the_same_cases(make_frame, make_cases):
    frame = make_frame()
    frame.loc[frame.index[:40], "sex"] = None
    result = estimate_referral(make_cases(frame), adjust_for=("sex",))
    assert result.estimates["n_cases"].unique().tolist() == [1460]
    crude = estimate_referral(make_cases(frame.dropna(subset="sex")), adjust_for=())
    # the scale is that of all eligible cases, those without a recorded sex too
    ratio = frame["motivation"].std() / frame.dropna(subset="sex")["motivation"].std()
    assert estimate_of(result, "per_sd", "log_odds").estimate == pytest.approx(
        ratio * estimate_of(crude, "per_sd", "log_odds").estimate, abs=1e-8
    )


def test_every_case_is_used_or_has_a_reason(make_frame, make_cases):
    frame = make_frame()
    frame["eligible"] = True
    frame.loc[frame.index[:15], "eligible"] = False
    frame.loc[frame.index[15:25], "referred"] = pd.NA
    frame.loc[frame.index[15:25], "accepted"] = pd.NA
    frame.loc[frame.index[25:45], "motivation"] = np.nan
    frame.loc[frame.index[40:60], "sex"] = None
    frame = pd.concat([frame, frame.iloc[60:70].assign(office_id="office9", referred=False, accepted=pd.NA)])
    result = estimate_referral(make_cases(frame), adjust_for=("sex",))
    expected = {
        "ineligible": 15,
        "referral_unknown": 10,
        "exposure_missing": 20,
        "covariate_missing": 15,
        "office_without_variation": 10,
    }
    assert result.exclusions.set_index("reason")["n"].to_dict() == expected
    assert list(result.exclusions["reason"]) == list(expected)
    assert result.glance()["n_cases"] + sum(expected.values()) == len(frame)
    assert result.used["n"].sum() == len(frame)
    by_level = result.used.groupby("level")["n"].sum().to_dict()
    assert by_level == {**expected, "used": result.glance()["n_cases"]}


def test_bins_and_groups_count_the_cases_used(cases):
    result = estimate_referral(cases, adjust_for=("sex",))
    used = result.glance()
    for frame in (result.bins, result.groups):
        assert frame["n"].sum() == used["n_cases"]
        assert frame["n_passed"].sum() == used["n_events"]
    np.testing.assert_allclose(result.bins["share"], result.bins["n_passed"] / result.bins["n"])
    assert result.bins.groupby("group")["n"].sum().to_dict() == dict(
        zip(*result.groups[["group", "n"]].T.values, strict=True)
    )
    assert ((result.bins["low"] <= result.bins["mean"]) & (result.bins["mean"] <= result.bins["high"])).all()


def test_curve_and_groups_stay_between_nothing_and_all(cases):
    result = estimate_referral(cases, adjust_for=())
    for frame in (result.curve, result.groups):
        assert (frame["conf_low"] > 0).all()
        assert (frame["conf_low"] < frame["estimate"]).all()
        assert (frame["estimate"] < frame["conf_high"]).all()
        assert (frame["conf_high"] < 1).all()
    assert result.curve["value"].iloc[[0, -1]].tolist() == pytest.approx([0, 10])
    top, bottom = result.groups["estimate"].iloc[-1], result.groups["estimate"].iloc[0]
    assert top - bottom == pytest.approx(estimate_of(result, "top_vs_bottom", "ame").estimate, abs=1e-9)


def test_a_curved_relation_is_seen_and_a_straight_one_is_not(make_frame, make_cases):
    frame = make_frame(6000, 12, seed=5)  # signs of 12 offices: p-values down to 1/2048 (of 8: 1/128)
    assert estimate_referral(make_cases(frame), adjust_for=()).linearity.p_value > 0.01
    chance = 1 / (1 + np.exp(-(0.5 - 0.25 * (frame["motivation"] - 5) ** 2)))
    bent = frame.assign(referred=pd.array(np.random.default_rng(0).random(len(frame)) < chance, "boolean"))
    bent["accepted"] = pd.array([pd.NA] * len(bent), "boolean")
    test = estimate_referral(make_cases(bent), adjust_for=()).linearity
    assert test.p_value < 0.001
    assert "linear in motivation" in test.null
    assert test.distribution == "score bootstrap (WCLR-S)"


def test_result_obeys_the_protocol_and_hands_out_copies(cases):
    result = estimate_referral(cases, adjust_for=("sex",))
    assert isinstance(result, Result)
    tidy = result.tidy()
    assert list(tidy.columns[:7]) == list(TIDY_COLUMNS)
    tidy.loc[:, "estimate"] = 0
    assert (result.tidy()["estimate"] != 0).all()
    assert tidy[list(TIDY_COLUMNS[1:])].notna().all(axis=None)
    for word in ("referred of the eligible", "CV3", "t(5)"):
        assert word in result.summary()
    assert result.specification.adjust_for == ("sex",)
    with pytest.raises(AttributeError):
        result.method = "another"


# other exposures


def test_levels_are_compared_with_the_first_of_the_code_list(cases):
    result = estimate_referral(cases, exposure="age_group", adjust_for=())
    assert result.estimates["contrast"].unique().tolist() == [
        "20-24_vs_18-19",
        "25-29_vs_18-19",
        "30+_vs_18-19",
    ]
    assert result.curve.empty
    assert result.linearity is None
    assert result.bins["bin"].tolist() == ["18-19", "20-24", "25-29", "30+"]
    assert result.bins[["low", "high", "mean"]].isna().all(axis=None)


def test_another_number_takes_motivations_place(cases):
    result = estimate_referral(cases, exposure="months_worked_prev_24m", adjust_for=("motivation",))
    assert set(result.estimates["contrast"]) == {"per_sd", "top_vs_bottom"}
    assert set(result.estimates["adjustment"]) == {"crude", "adjusted"}


def test_the_plan_says_what_the_call_does_not(make_frame, make_cases):
    cases = make_cases(make_frame(), exposure="motivation", adjust_for=["sex"])
    assert estimate_referral(cases).specification.adjust_for == ("sex",)
    assert estimate_referral(cases, adjust_for=()).specification.adjust_for == ()
    other = estimate_referral(cases, exposure="sex").specification
    assert (other.exposure, other.adjust_for) == ("sex", ())


# small offices


def test_small_offices_get_a_sentence_and_the_conditional_logit(make_frame, make_cases):
    result = estimate_referral(make_cases(make_frame(400, 20, seed=3)), adjust_for=())
    assert any("cases per office" in warning for warning in result.warnings)
    beside = result.conditional
    assert set(beside["measure"]) == {"log_odds", "odds_ratio"}
    ordinary = estimate_of(result, "per_sd", "log_odds").estimate
    conditional = beside.query("contrast == 'per_sd' and measure == 'log_odds'")["estimate"].item()
    assert 0 < conditional < ordinary  # intercepts pull the ordinary slope away from zero
    assert estimate_referral(make_cases(make_frame()), adjust_for=()).conditional.empty
    # no bootstrap of the conditional likelihood: interval and p-value are the linear jackknife's
    assert set(beside["estimator"]) == {"conditional"}
    assert set(beside["std_error_kind"]) == set(beside["p_value_kind"]) == {"CV3L"}
    assert (beside["p_value"] == beside["jackknife_p_value"]).all()
    row = beside.query("contrast == 'per_sd' and measure == 'log_odds'").iloc[0]
    assert row["p_value"] == pytest.approx(2 * t_distribution.sf(abs(row["statistic"]), row["dof"]))
    assert beside.notna().all(axis=None)


def test_small_offices_where_a_level_separates(make_frame, make_cases):
    """Firth's logit is given; the conditional one, of maximum likelihood, is not, and that is said."""
    frame = make_frame(400, 20, seed=3)
    frame.loc[frame["age_group"] == "30+", ["referred", "accepted"]] = [False, pd.NA]
    result = estimate_referral(make_cases(frame), exposure="age_group", adjust_for=())
    assert (result.estimates["estimator"] == "firth").all()
    assert result.conditional.empty
    assert {"penalised", "small_offices_refused"} <= {notice.key for notice in result.warnings}


# by refusal


def refusal_of(cases, **call):
    with pytest.raises(EstimationError) as refusal:
        estimate_referral(cases, **{"adjust_for": (), **call})
    return refusal.value


def test_one_office(make_frame, make_cases):
    refusal = refusal_of(make_cases(make_frame(300, 1)))
    assert refusal.reason == "one_office"
    assert "count_funnel" in str(refusal)


def test_one_office_with_variation(make_frame, make_cases):
    frame = make_frame()
    frame.loc[frame["office_id"] != "office2", ["referred", "accepted"]] = [False, pd.NA]
    assert refusal_of(make_cases(frame)).reason == "one_office"


def test_nobody_or_everybody_referred(make_frame, make_cases):
    frame = make_frame().assign(referred=True, accepted=True)
    assert refusal_of(make_cases(frame)).reason == "no_variation"


def test_referral_decided_by_office(make_frame, make_cases):
    frame = make_frame()
    frame["referred"] = pd.array(frame["office_id"] < "office3", "boolean")
    frame["accepted"] = pd.array([pd.NA] * len(frame), "boolean")
    refusal = refusal_of(make_cases(frame))
    assert refusal.reason == "no_variation_within_offices"
    assert "office_effects=False" in str(refusal)
    across = estimate_referral(make_cases(frame), adjust_for=(), office_effects=False)
    assert "without office effects" in across.method


def test_collinear_columns_are_named(make_frame, make_cases):
    frame = make_frame()
    frame["weeks_worked_12m"] = (frame["months_worked_prev_24m"] * 2).astype("float64")
    call = {"exposure": "motivation", "adjust_for": ("months_worked_prev_24m", "weeks_worked_12m")}
    refusal = refusal_of(make_cases(frame), **call)
    assert refusal.reason == "collinearity"
    assert set(refusal.details["columns"]) == {"months_worked_prev_24m", "weeks_worked_12m"}


def test_exposure_adjusted_for_itself(cases):
    assert refusal_of(cases, exposure="sex", adjust_for=("sex",)).reason == "collinearity"


def test_missing_column(cases):
    refusal = refusal_of(cases, adjust_for=("education_level",))
    assert refusal.reason == "column_missing"
    assert "education_level" in str(refusal)


def test_merged_gates(make_frame, make_cases):
    refusal = refusal_of(make_cases(make_frame(), gates="merged"))
    assert refusal.reason == "gates_merged"
    assert "estimate_acceptance" in str(refusal)


def test_constant_exposure(make_frame, make_cases):
    assert refusal_of(make_cases(make_frame().assign(motivation=5.0))).reason == "exposure_constant"


@pytest.mark.parametrize(("n_late", "told"), [(3, "fewer than 5"), (40, "40")])
def test_motivation_rated_after_referral(n_late, told, make_frame, make_cases):
    frame = make_frame()
    referred = frame.index[frame["referred"].astype(bool)]
    frame["referral_date"] = pd.NaT
    frame.loc[referred, "referral_date"] = pd.Timestamp("2024-03-01")
    frame["motivation_date"] = pd.Timestamp("2024-02-01")
    frame.loc[referred[:n_late], "motivation_date"] = pd.Timestamp("2024-03-15")
    refusal = refusal_of(make_cases(frame))
    assert refusal.reason == "rated_after_gate"
    assert refusal.details["count"] == told
    assert "rating_after_gate" in str(refusal)
    kept = estimate_referral(make_cases(frame, rating_after_gate="keep"), adjust_for=())
    assert any("after the referral" in warning for warning in kept.warnings)
    # another exposure is not touched by when motivation was rated
    assert (
        estimate_referral(make_cases(frame), exposure="sex", adjust_for=()).estimates["n_cases"].iloc[0]
        == 1500
    )


def test_two_offices_that_disagree_have_an_interval_without_an_upper_end(expand, make_cases):
    """t with one degree of freedom, 12.7 standard errors: the odds ratio's upper end is beyond any number."""
    frame = expand(two_by_two(4000, 1, 1, 4000, "a") + two_by_two(1, 4000, 4000, 1, "b"), COLUMNS)
    row = estimate_of(
        estimate_referral(make_cases(frame), exposure="born_abroad"), "true_vs_false", "odds_ratio"
    )
    assert row.conf_low == pytest.approx(0, abs=1e-30)
    assert row.conf_high > 1e30
