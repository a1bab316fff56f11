"""Contrasts with few offices: by hand, on fits of their own case by case, by property, and against a truth."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as t_distribution

from se_outcomes.inference.cluster_covariance import bias_reduced, cluster_covariance
from se_outcomes.inference.cluster_diagnostics import diagnose_clusters
from se_outcomes.inference.ibragimov_mueller import by_cluster, ibragimov_mueller
from se_outcomes.inference.jackknife import jackknife_covariance
from se_outcomes.inference.score_bootstrap import score_bootstrap
from se_outcomes.regression.logit import fit_logit
from se_outcomes.study.contrasts import ESTIMATE_COLUMNS, office_draws
from se_outcomes.study.office_evidence import OFFICE_COLUMNS
from se_outcomes.study.referral import estimate_referral

MEASURES = ["log_odds", "odds_ratio", "ame", "risk_ratio"]
TESTS = ["p_value", "jackknife_p_value", "cr2_p_value", "cv1_p_value"]
AGES = ["18-19", "20-24", "25-29", "30+"]


def codes(frame):
    return frame["office_id"].str.removeprefix("office").astype(int).to_numpy()


def fit_slope(frame, *, office_effects=True, scale=None):
    """The logit of referral on scaled motivation, case by case."""
    known = frame if scale is None else scale
    x = ((frame["motivation"] - known["motivation"].mean()) / known["motivation"].std()).to_numpy()
    y, offices = frame["referred"].astype(float).to_numpy(), codes(frame)
    if office_effects:
        return fit_logit(y, x[:, None], clusters=offices, intercepts=offices)
    return fit_logit(y, np.column_stack([x, np.ones(len(x))]), clusters=offices)


def fit_ages(frame):
    """The logit of referral on dummies of age, case by case."""
    X = np.column_stack([frame["age_group"] == age for age in AGES[1:]]).astype(float)
    offices = codes(frame)
    return fit_logit(frame["referred"].astype(float), X, clusters=offices, intercepts=offices)


def mean_share(fit, X):
    """Predicted share, the fit's intercepts and coefficients put together by hand."""
    eta = X @ fit.beta + (fit.intercept_values[fit.cells.group] if fit.cells.group is not None else 0.0)
    return np.average(1 / (1 + np.exp(-eta)), weights=fit.cells.counts)


def row_of(result, contrast, measure, adjustment="crude"):
    found = result.estimates.query(
        "contrast == @contrast and measure == @measure and adjustment == @adjustment"
    )
    assert len(found) == 1
    return found.iloc[0]


@pytest.fixture(scope="module")
def frame():
    """Five offices, so that every draw of the bootstrap is taken."""
    return pd.DataFrame(_make(900, 5, seed=8))


@pytest.fixture
def result(frame, make_cases):
    return estimate_referral(make_cases(frame), adjust_for=("sex",))


def _make(n, n_offices, seed):
    random = np.random.default_rng(seed)
    office, motivation = random.integers(0, n_offices, n), random.integers(0, 11, n)
    shift = random.normal(0, 0.4, n_offices)[office]
    slope = 0.25 + random.normal(0, 0.06, n_offices)[office]
    referred = random.random(n) < 1 / (1 + np.exp(-(slope * (motivation - 5) + shift - 0.3)))
    return {
        "office_id": [f"office{code}" for code in office],
        "motivation": motivation.astype(float),
        "referred": pd.array(referred, "boolean"),
        "accepted": pd.array([pd.NA] * n, "boolean"),
        "placed": pd.array(random.random(n) < 0.3, "boolean"),
        "sex": random.choice(["female", "male"], n),
        "age_group": random.choice(AGES, n),
    }


# by hand


def tables(expand, cells):
    rows = []
    for office, (a, b, c, d) in cells.items():
        for abroad, passed, failed in ((True, a, b), (False, c, d)):
            rows += [(office, abroad, 5.0, True, passed), (office, abroad, 5.0, False, failed)]
    frame = expand(rows, ["office_id", "born_abroad", "motivation", "referred"])
    return frame.assign(
        accepted=pd.array([pd.NA] * len(frame), "boolean"), placed=pd.array([False] * len(frame), "boolean")
    )


def test_risk_ratio_of_two_tables_by_hand(expand, make_cases):
    """Without one of two offices it is that of the other; the error of the ratio is by the delta method."""
    cells = {"a": (20, 10, 15, 30), "b": (10, 30, 5, 40)}
    cases = make_cases(tables(expand, cells))
    row = row_of(
        estimate_referral(cases, exposure="born_abroad", office_effects=False), "true_vs_false", "risk_ratio"
    )
    assert row.estimate == pytest.approx((30 / 70) / (20 / 90), abs=1e-9)
    alone = [np.log((a / (a + b)) / (c / (c + d))) for a, b, c, d in cells.values()]
    error = np.sqrt(0.5 * sum((one - np.log(row.estimate)) ** 2 for one in alone))
    assert row.std_error == pytest.approx(row.estimate * error, rel=1e-7)
    half = t_distribution.ppf(0.975, 1) * error
    assert row.conf_low == pytest.approx(row.estimate * np.exp(-half), rel=1e-6)
    assert row.conf_high == pytest.approx(row.estimate * np.exp(half), rel=1e-6)


def test_with_two_offices_nothing_is_found_that_cv1_finds(expand, make_cases):
    """Webb's weights of two offices are 18 draws up to sign, so no p-value is below 1/18."""
    cases = make_cases(tables(expand, {"a": (400, 10, 10, 400), "b": (398, 12, 12, 398)}))
    row = row_of(estimate_referral(cases, exposure="born_abroad"), "true_vs_false", "log_odds")
    assert row.cv1_p_value < 0.05 < 1 / 18 <= row.p_value


# by reference


def test_slope_against_a_fit_case_by_case(frame, make_cases):
    result, fit = estimate_referral(make_cases(frame), adjust_for=()), fit_slope(frame)
    row = row_of(result, "per_sd", "log_odds")
    assert row.p_value == pytest.approx(score_bootstrap(fit, 0).p_value, abs=1e-12)
    for kind, prefix in (("CV3", ""), ("CR2", "cr2_"), ("CV1", "cv1_")):
        covariance = cluster_covariance(fit, kind=kind)
        error, dof = covariance.std_error[0], float(np.ravel(covariance.dof)[0])
        half = t_distribution.ppf(0.975, dof) * error
        assert row[f"{prefix}std_error"] == pytest.approx(error, rel=1e-6)
        assert row[f"{prefix}conf_low"] == pytest.approx(row.estimate - half, abs=1e-6)
        assert row[f"{prefix}conf_high"] == pytest.approx(row.estimate + half, abs=1e-6)
        p_name = {"": "jackknife_p_value"}.get(prefix, f"{prefix}p_value")
        assert row[p_name] == pytest.approx(2 * t_distribution.sf(row.estimate / error, dof), rel=1e-5)
    assert row.cr2_dof < row.dof == 4


def test_risk_ratio_and_marginal_effect_per_sd_jackknifed_by_refits(frame, make_cases):
    result = estimate_referral(make_cases(frame), adjust_for=())

    def told(keep):
        fit = fit_slope(frame[keep], scale=frame)
        more, as_is = fit.cells.X.copy() + 1, fit.cells.X
        eta = as_is @ fit.beta + fit.intercept_values[fit.cells.group]
        p = 1 / (1 + np.exp(-eta))
        effect = np.average(p * (1 - p), weights=fit.cells.counts) * fit.beta[0]
        return [effect, np.log(mean_share(fit, more) / mean_share(fit, as_is))]

    full = told(np.ones(len(frame), dtype=bool))
    left = [told(codes(frame) != office) for office in range(5)]
    error = np.sqrt(np.diag(jackknife_covariance(full, left)))
    ame, ratio = row_of(result, "per_sd", "ame"), row_of(result, "per_sd", "risk_ratio")
    assert (ame.estimate, ame.std_error) == pytest.approx((full[0], error[0]), rel=1e-6)
    assert (ratio.estimate, ratio.std_error) == pytest.approx(
        (np.exp(full[1]), np.exp(full[1]) * error[1]), rel=1e-6
    )
    half = t_distribution.ppf(0.975, 4) * error[1]
    assert (ratio.conf_low, ratio.conf_high) == pytest.approx(
        (np.exp(full[1] - half), np.exp(full[1] + half)), rel=1e-6
    )


def test_other_errors_of_the_marginal_effect_by_differences(frame, make_cases):
    """The coefficient's part by moving it and profiling the intercepts anew; the cases' own part with G/(G - 1)."""
    row, fit = row_of(estimate_referral(make_cases(frame), adjust_for=()), "per_sd", "ame"), fit_slope(frame)

    def effects(at):
        eta = at.cells.X @ at.beta + at.intercept_values[at.cells.group]
        return at.beta[0] / (2 + np.exp(eta) + np.exp(-eta))

    n, step = fit.cells.counts, 1e-4
    up, down = (
        np.average(effects(fit.refit(restrict={0: fit.beta[0] + s})), weights=n) for s in (step, -step)
    )
    gradient = (up - down) / (2 * step)
    away = n * (effects(fit) - np.average(effects(fit), weights=n)) / n.sum()
    own = np.bincount(fit.cells.cluster, weights=away, minlength=5)
    reduced = bias_reduced(fit, np.array([[gradient]]))
    cr2 = np.sqrt(((reduced.influence[:, 0] + np.sqrt(5 / 4) * own) ** 2).sum())
    assert row.cr2_std_error == pytest.approx(cr2, rel=1e-5)
    covariance = cluster_covariance(fit, kind="CV1")
    influence = own + gradient * fit.scores[:, 0] / fit.information.sum(axis=0)[0, 0]
    assert row.cv1_std_error == pytest.approx(np.sqrt(covariance.factor * influence @ influence), rel=1e-5)
    assert row.cr2_dof == pytest.approx(reduced.dof[0], rel=1e-6)


def test_levels_against_a_fit_case_by_case(frame, make_cases):
    result = estimate_referral(make_cases(frame), exposure="age_group", adjust_for=())
    fit = fit_ages(frame)
    covariances = {kind: cluster_covariance(fit, kind=kind) for kind in ("CV3", "CR2", "CV1")}
    for column, age in enumerate(AGES[1:]):
        row = row_of(result, f"{age}_vs_18-19", "log_odds")
        assert row.estimate == pytest.approx(fit.beta[column], abs=1e-7)
        assert row.std_error == pytest.approx(covariances["CV3"].std_error[column], rel=1e-5)
        assert row.cr2_std_error == pytest.approx(covariances["CR2"].std_error[column], rel=1e-5)
        assert row.cr2_dof == pytest.approx(covariances["CR2"].dof[column], rel=1e-5)
        assert row.cv1_std_error == pytest.approx(covariances["CV1"].std_error[column], rel=1e-5)
        assert row.p_value == pytest.approx(score_bootstrap(fit, column).p_value, abs=1e-12)


def test_all_levels_together_are_tested_jointly(frame, make_cases):
    """In five offices three columns can be; of the last model. Not with two levels, nor of a number."""
    result = estimate_referral(make_cases(frame), exposure="age_group", adjust_for=())
    test = score_bootstrap(fit_ages(frame), [0, 1, 2])
    assert result.joint.p_value == pytest.approx(test.p_value, abs=1e-12)
    assert result.joint.statistic == pytest.approx(test.statistic, rel=1e-5)
    assert "levels of age_group" in result.joint.null
    assert result.joint.null in result.summary()
    for exposure in ("sex", "motivation"):
        assert estimate_referral(make_cases(frame), exposure=exposure, adjust_for=()).joint is None
    few = frame.loc[frame["office_id"] != "office4"]
    assert estimate_referral(make_cases(few), exposure="age_group", adjust_for=()).joint is None


def test_the_joint_test_does_not_hang_on_the_reference(frame, make_cases):
    cycled = frame.assign(age_group=frame["age_group"].map(dict(zip(AGES, AGES[1:] + AGES[:1], strict=True))))
    one, other = (
        estimate_referral(make_cases(f), exposure="age_group", adjust_for=()).joint for f in (frame, cycled)
    )
    assert one.p_value == pytest.approx(other.p_value, abs=1e-3)
    assert one.statistic == pytest.approx(other.statistic, rel=1e-6)


def test_offices_frame_is_what_the_diagnostics_say(frame, make_cases):
    result, fit = estimate_referral(make_cases(frame), adjust_for=()), fit_slope(frame)
    assert list(result.offices.columns) == list(OFFICE_COLUMNS)
    row = result.offices.query("contrast == 'per_sd'").iloc[0]
    found, alone = diagnose_clusters(fit, 0), ibragimov_mueller(by_cluster(fit, 0))
    assert row["n_offices"] == 5
    assert row["effective_offices"] == pytest.approx(found.effective_slopes, rel=1e-6)
    assert row["largest_leverage"] == pytest.approx(found.partial_leverage.max(), rel=1e-6)
    assert row["largest_share"] == pytest.approx(pd.Series(codes(frame)).value_counts(normalize=True).max())
    assert row["cr2_dof"] == pytest.approx(found.satterthwaite, rel=1e-6)
    for name in ("estimate", "conf_low", "conf_high", "p_value"):
        assert row[f"by_office_{name}"] == pytest.approx(getattr(alone, name), rel=1e-5)
    own = [fit_slope(frame[codes(frame) == office], scale=frame).beta[0] for office in range(5)]
    assert row["by_office_estimate"] == pytest.approx(np.mean(own), abs=1e-7)


def test_offices_compared_as_wholes_are_counted_as_wholes(frame, make_cases):
    result = estimate_referral(make_cases(frame), adjust_for=(), office_effects=False)
    fit = fit_slope(frame, office_effects=False)
    found = diagnose_clusters(fit, 0, constant=1)
    row = result.offices.query("contrast == 'per_sd'").iloc[0]
    assert row["effective_offices"] == pytest.approx(found.effective_common, rel=1e-5)
    assert row["effective_offices"] != pytest.approx(found.effective_slopes, rel=1e-2)
    assert row["by_office_estimate"] == pytest.approx(by_cluster(fit, 0).mean(), abs=1e-6)


def test_the_tests_kept_for_other_questions_are_those_told(result):
    told = result.estimates.query("measure == 'log_odds'")
    assert [one.labels["contrast"] for one in result.tested] == told["contrast"].tolist()
    draws = office_draws(5)
    for one, row in zip(result.tested, told.itertuples(), strict=True):
        assert one.verdicts.statistic == pytest.approx(abs(row.estimate) / row.cv1_std_error)
        drawn = one.verdicts.hypothesis.statistics(draws.values)
        # a share of the draws: within half the ties of the p-value told
        assert row.p_value == pytest.approx(
            max((drawn > one.verdicts.statistic).mean(), 1 / len(drawn)), abs=1e-3
        )


# by property


def test_every_measure_of_a_contrast_has_the_same_tests(result):
    assert list(result.estimates.columns) == list(ESTIMATE_COLUMNS)
    groups = result.estimates.groupby(["contrast", "adjustment"])
    assert len(groups) == 4
    for _, rows in groups:
        assert rows["measure"].tolist() == MEASURES
        assert (rows[TESTS].nunique() == 1).all()
    assert groups["jackknife_p_value"].first().nunique() == 4


def test_ratios_of_standardised_shares(result, frame, make_cases):
    share = result.groups.set_index("group")["estimate"]
    row = row_of(result, "top_vs_bottom", "risk_ratio", "adjusted")
    assert row.estimate == pytest.approx(share["q4"] / share["q1"], rel=1e-12)
    levels = estimate_referral(make_cases(frame), exposure="age_group", adjust_for=("sex",))
    share = levels.groups.set_index("group")["estimate"]
    for age in AGES[1:]:
        row = row_of(levels, f"{age}_vs_18-19", "risk_ratio", "adjusted")
        assert row.estimate == pytest.approx(share[age] / share["18-19"], rel=1e-12)
        assert row_of(levels, f"{age}_vs_18-19", "ame", "adjusted").estimate == pytest.approx(
            share[age] - share["18-19"], abs=1e-12
        )


def test_interval_of_a_ratio_is_that_of_its_logarithm(result):
    ratios = result.estimates.query("measure in ('odds_ratio', 'risk_ratio')")
    for prefix in ("", "cr2_", "cv1_"):
        low, high = np.log(ratios[f"{prefix}conf_low"]), np.log(ratios[f"{prefix}conf_high"])
        np.testing.assert_allclose((low + high) / 2, np.log(ratios["estimate"]), atol=1e-12)
        dof = {"": ratios["dof"], "cr2_": ratios["cr2_dof"]}.get(prefix, 4.0)
        half = t_distribution.ppf(0.975, dof) * ratios[f"{prefix}std_error"] / ratios["estimate"]
        np.testing.assert_allclose((high - low) / 2, half, rtol=1e-9)


def test_ratios_lie_on_the_side_of_one_where_the_coefficient_lies_on_zeros(result):
    wide = result.estimates.pivot(index=["contrast", "adjustment"], columns="measure", values="estimate")
    sign = np.sign(wide["log_odds"])
    for measure, null in (("odds_ratio", 1), ("ame", 0), ("risk_ratio", 1)):
        assert (np.sign(wide[measure] - null) == sign).all()
    # shares are below the odds they belong to: a risk ratio is nearer to one than its odds ratio
    assert (np.abs(np.log(wide["risk_ratio"])) < np.abs(np.log(wide["odds_ratio"]))).all()


def test_calls_can_be_repeated_to_the_last_digit(frame, make_cases):
    one, two = (estimate_referral(make_cases(frame), adjust_for=("sex",)) for _ in range(2))
    for name in ("estimates", "offices", "curve", "groups"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name), check_exact=True)
    assert one.linearity == two.linearity


def test_sampled_draws_can_be_repeated_too(make_frame, make_cases):
    """Of sixteen offices not all signs are taken: they come from a fixed seed."""
    one, two = (
        estimate_referral(make_cases(make_frame(1500, 16)), exposure="sex", adjust_for=()) for _ in range(2)
    )
    assert not office_draws(16).enumerated
    assert "9,999 draws" in one.method
    pd.testing.assert_frame_equal(one.estimates, two.estimates, check_exact=True)


@pytest.mark.parametrize(("seed", "straddles"), [(14, True), (31, True), (34, False), (0, False)])
def test_tests_on_both_sides_of_five_per_cent_are_said(seed, straddles, make_frame, make_cases):
    result = estimate_referral(make_cases(make_frame(400, 5, seed)), exposure="sex", adjust_for=())
    p = result.estimates[["p_value", "jackknife_p_value", "cr2_p_value"]].iloc[0]
    assert (p.min() < 0.05 <= p.max()) == straddles
    assert ("tests_disagree" in {notice.key for notice in result.warnings}) == straddles


def test_an_office_that_cannot_be_asked_alone_leaves_no_test_by_office(frame, make_cases):
    """Of office 1 all have one sex: it cannot be asked, what the others say is kept by the bootstrap."""
    same = frame.assign(sex=frame["sex"].mask(frame["office_id"] == "office1", "male"))
    result = estimate_referral(make_cases(same), exposure="sex", adjust_for=())
    by_office = [name for name in OFFICE_COLUMNS if name.startswith("by_office")]
    assert result.offices[by_office].isna().all(axis=None)
    assert result.estimates["p_value"].between(0, 1).all()
    assert result.offices["effective_offices"].item() < 4.5  # office 1 says nothing about it


# against a truth


def test_intervals_cover_and_the_test_holds_its_level(make_cases):
    """Thirty studies of five offices: those of 25-29 have a known effect, those of 20-24 none.

    Binomial limits of three standard errors: below 95 %, and above 5 %.
    """
    random = np.random.default_rng(20_260_101)
    effect, covered, rejected, n_studies, n = 0.8, 0, 0, 30, 600
    for _ in range(n_studies):
        office, age = random.integers(0, 5, n), random.integers(0, 3, n)
        shift = random.normal(0, 0.5, 5)[office]
        referred = random.random(n) < 1 / (1 + np.exp(-(effect * (age == 2) + shift)))
        study = pd.DataFrame(
            {
                "office_id": [f"office{code}" for code in office],
                "age_group": np.array(AGES)[age],
                "motivation": 5.0,
                "referred": pd.array(referred, "boolean"),
                "accepted": pd.array([pd.NA] * n, "boolean"),
                "placed": pd.array([False] * n, "boolean"),
            }
        )
        result = estimate_referral(make_cases(study), exposure="age_group", adjust_for=())
        row = row_of(result, "25-29_vs_18-19", "log_odds")
        covered += row.conf_low < effect < row.conf_high
        rejected += row_of(result, "20-24_vs_18-19", "risk_ratio").p_value < 0.05
    limit = 3 * np.sqrt(0.05 * 0.95 / n_studies)
    assert covered / n_studies > 0.95 - limit
    assert rejected / n_studies < 0.05 + limit
