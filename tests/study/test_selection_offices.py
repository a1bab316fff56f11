"""Selected placement across offices: by refits of its own, at correlations of its own, by property, by refusal."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from scipy.stats import t as t_distribution

import se_outcomes as so
from se_outcomes.errors import EstimationError
from se_outcomes.inference.jackknife import jackknife_covariance
from se_outcomes.inference.projection import SHARE_OF_NUISANCE
from se_outcomes.inference.score_bootstrap import score_bootstrap
from se_outcomes.regression.paired_marginal import placement, placement_slope
from se_outcomes.regression.paired_replicates import replicate_averages
from se_outcomes.regression.selection_probit import fit_selection_probit
from se_outcomes.study.selected_placement import estimate_selected_placement
from se_outcomes.study.selection_offices import AcrossOffices
from se_outcomes.study.selection_question import ask_selected_placement


def simulated(n, seed, **options):
    return so.simulate_cases(n, seed=seed, outcome_observed="accepted", **options).cases


def fresh_fit(cases, exclusion=None, without=None):
    """The selection probit of the cases asked about, and their arrays, without an office."""
    _, sample, _ = ask_selected_placement(
        cases,
        exclusion=exclusion,
        outcome_observed=None,
        at_risk="referred",
        exposure=None,
        adjust_for=(),
        office_effects=True,
    )
    keep = sample.offices != (-1 if without is None else without)
    fit = fit_selection_probit(
        np.nan_to_num(sample.placed[keep]),
        sample.X[keep],
        sample.selected[keep],
        sample.Z[keep],
        observed=~np.isnan(sample.placed[keep]),
        counts=sample.counts[keep],
        clusters=sample.offices[keep],
        intercepts=sample.offices[keep],
    )
    return fit, sample, keep


def told(fit, sample, keep):
    """AME, log risk ratio of one SD more, open gate and predicted placement of the accepted, by hand."""
    codes = np.searchsorted(fit.intercept_codes, sample.offices[keep])
    counts, x = sample.counts[keep], sample.X[keep]
    b = x @ fit.beta + fit.intercept_values[codes, 1]
    ame = np.average(norm.pdf(b) * fit.beta[0], weights=counts)
    ratio = np.log(
        np.average(norm.cdf(b + fit.beta[0]), weights=counts) / np.average(norm.cdf(b), weights=counts)
    )
    accepted = counts * sample.selected[keep]
    observed = np.average(norm.cdf(b), weights=accepted)
    return np.array([ame, ratio, np.average(norm.cdf(b), weights=counts), observed, *fit.beta])


def ends(result, measure):
    rows = result.averages.set_index("measure")
    if measure in rows.index:
        return tuple(rows.loc[measure, ["conf_low", "conf_high"]])
    row = result.estimates.query("model == 'corrected' and measure == @measure").iloc[0]
    return row["conf_low"], row["conf_high"]


def keys(result):
    return {notice.key for notice in result.warnings}


@pytest.fixture(scope="module")
def inside():
    """Five offices whose correlation stays inside its range, without any of them too; one maximum."""
    return simulated(3000, 5)


@pytest.fixture(scope="module")
def found(inside):
    return estimate_selected_placement(inside, adjust_for=())


@pytest.fixture(scope="module")
def projected(inside):
    return estimate_selected_placement(inside, exclusion=(), adjust_for=())


@pytest.fixture(scope="module")
def at_edge():
    """A study whose likelihood is highest where the correlation is 1."""
    return estimate_selected_placement(simulated(1200, 1), adjust_for=())


# by refits of its own


def test_the_office_jackknife_by_hand(inside, found):
    """The correlation is estimated anew without each office; everything told moves with it."""
    assert "sets_projected" not in keys(found)
    full = told(*fresh_fit(inside))
    left = np.array([told(*fresh_fit(inside, without=office)) for office in range(5)])
    error = np.sqrt(np.diag(jackknife_covariance(full, left)))
    half = t_distribution.ppf(0.975, 4) * error
    slopes = found.estimates.query("model == 'corrected'").set_index("measure")
    assert slopes.loc["ame", "estimate"] == pytest.approx(full[0], abs=1e-6)
    assert slopes.loc["ame", "std_error"] == pytest.approx(error[0], rel=1e-4)
    assert ends(found, "ame") == pytest.approx((full[0] - half[0], full[0] + half[0]), abs=1e-5)
    assert slopes.loc["risk_ratio", "estimate"] == pytest.approx(np.exp(full[1]), abs=1e-6)
    assert slopes.loc["risk_ratio", "std_error"] == pytest.approx(np.exp(full[1]) * error[1], rel=1e-4)
    assert np.log(ends(found, "risk_ratio")) == pytest.approx(
        (full[1] - half[1], full[1] + half[1]), abs=1e-4
    )
    assert slopes.loc["coefficient", "std_error"] == pytest.approx(error[4], rel=1e-4)
    assert ends(found, "open_gate") == pytest.approx(
        np.clip((full[2] - half[2], full[2] + half[2]), 0, 1), abs=1e-5
    )
    observed = np.sqrt(jackknife_covariance(full[3] - full[2], (left[:, 3] - left[:, 2])[:, None])[0, 0])
    reach = t_distribution.ppf(0.975, 4) * observed
    middle = full[3] - full[2]
    assert ends(found, "gap_observed") == pytest.approx((middle - reach, middle + reach), abs=1e-5)
    assert "office jackknife (CV3), t(4)" in found.method


# at correlations of its own


def test_the_set_of_rho_is_where_the_score_bootstrap_does_not_reject(inside, found):
    fit, *_ = fresh_fit(inside)
    last = len(fit.parameters) - 1
    verdicts = []
    for rho in (-0.9, -0.6, -0.4, -0.15, 0.0, 0.3, 0.7, 0.95):
        p = score_bootstrap(
            fit, last, null=float(np.arctanh(rho)), statistic="score", recentre="share"
        ).p_value
        verdicts.append(p > 0.05)
        assert any(low <= rho <= high for low, high in found.rho_sets) == verdicts[-1], rho
    assert True in verdicts
    assert False in verdicts


def test_independence_is_tested_like_every_other_correlation(inside, found):
    fit, *_ = fresh_fit(inside)
    test = score_bootstrap(fit, len(fit.parameters) - 1, statistic="score", recentre="share")
    assert found.independence.p_value == pytest.approx(test.p_value, abs=1e-12)
    assert found.independence.statistic == pytest.approx(test.statistic, rel=1e-5)
    assert found.independence.distribution == "score bootstrap (S)"
    at_zero = found.profile.loc[found.profile["rho"] == 0, "p_value"].item()
    assert at_zero == pytest.approx(test.p_value, abs=1e-12)


def test_the_projected_set_is_the_union_over_correlations(inside, projected):
    """At every correlation that is not rejected at 1 % the interval at 96 %, of fits with the correlation held."""
    fit, *_ = fresh_fit(inside, exclusion=())
    last = len(fit.parameters) - 1
    spent = 0.05 * SHARE_OF_NUISANCE
    reach = t_distribution.ppf(1 - (0.05 - spent) / 2, 4)
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for t in (-6.0, -2.6, -1.5, -0.9, -0.45, 0.0, 0.45, 0.9, 1.5, 2.6, 6.0):
        p = score_bootstrap(fit, last, null=t, statistic="score", recentre="share").p_value
        assert p > spent or abs(t) > 2.6  # with this study all are accepted
        held = replicate_averages(fit.refit(restrict={last: t}), [placement_slope(0), placement()])
        half = reach * np.sqrt(np.diag(jackknife_covariance(held.values, held.replicates)))
        low, high = np.minimum(low, held.values - half), np.maximum(high, held.values + half)
    low[1], high[1] = np.clip((low[1], high[1]), 0, 1)  # a share
    for place, measure in enumerate(("ame", "open_gate")):
        told_low, told_high = ends(projected, measure)
        # each of these intervals is held, and not much more: there are other correlations in between
        more = 0.02 * (high[place] - low[place])
        assert low[place] - more < told_low <= low[place] + 1e-6
        assert high[place] - 1e-6 <= told_high < high[place] + more


# by property


def test_the_projected_set_holds_every_interval_of_the_profile(projected):
    assert "sets_projected" in keys(projected)
    rows = projected.profile.loc[projected.profile["inside"]].assign(
        open_gate_low=lambda rows: rows["open_gate_low"].clip(0, 1),
        open_gate_high=lambda rows: rows["open_gate_high"].clip(0, 1),
    )
    assert len(rows) > 10
    for measure in ("ame", "open_gate"):
        low, high = ends(projected, measure)
        assert low <= rows[f"{measure}_low"].min() + 1e-9
        assert high >= rows[f"{measure}_high"].max() - 1e-9


def test_the_projected_set_is_wider_than_the_naive_interval(projected):
    """Independence is not rejected: the naive interval is one of those in the union, at a higher level."""
    assert projected.independence.p_value > 0.05
    for measure in ("ame", "risk_ratio", "coefficient"):
        low, high = ends(projected, measure)
        naive = projected.estimates.query("model == 'naive' and measure == @measure").iloc[0]
        assert low < naive["conf_low"] < naive["conf_high"] < high
    curves = projected.curve.set_index(["model", "scaled"])
    corrected, naive = curves.loc["corrected"], curves.loc["naive"]
    assert (corrected["conf_low"] <= naive["conf_low"] + 1e-9).all()
    assert (corrected["conf_high"] >= naive["conf_high"] - 1e-9).all()


def test_a_projected_set_has_no_standard_error(projected, at_edge):
    for result in (projected, at_edge):
        corrected = result.estimates.query("model == 'corrected'")
        assert corrected["std_error"].isna().all()
        assert (corrected["conf_low"] < corrected["conf_high"]).all()
        assert result.equations["std_error"].notna().all()  # with the correlation held


@pytest.mark.parametrize(("n", "seed", "edge"), [(1200, 1, 1.0), (1200, 6, -1.0), (2500, 0, 1.0)])
def test_a_set_touches_the_edge_where_the_maximum_is(n, seed, edge):
    result = estimate_selected_placement(simulated(n, seed), adjust_for=())
    assert result.boundary
    assert result.rho == edge
    assert edge in {end for interval in result.rho_sets for end in interval}
    assert {"rho_at_edge", "sets_projected"} <= keys(result)
    corrected = result.estimates.query("model == 'corrected'")
    assert (
        (corrected["conf_low"] <= corrected["estimate"]) & (corrected["estimate"] <= corrected["conf_high"])
    ).all()


@pytest.mark.parametrize(("n", "seed"), [(3000, 2), (6000, 4), (2500, 4)])
def test_the_profile_is_inside_where_the_set_of_rho_is(n, seed):
    """Also where a piece without a maximum is not rejected: it is no part of the set."""
    result = estimate_selected_placement(simulated(n, seed), adjust_for=())
    rho = result.profile["rho"]
    within = np.any([(low <= rho) & (rho <= high) for low, high in result.rho_sets], axis=0)
    np.testing.assert_array_equal(result.profile["inside"], within)


def test_every_naive_measure_has_the_same_test(found, projected):
    for result in (found, projected):
        naive = result.estimates.query("model == 'naive'")
        assert naive["measure"].tolist() == ["ame", "risk_ratio", "coefficient"]
        assert naive["p_value"].nunique() == 1
    corrected = projected.estimates.query("model == 'corrected'")
    assert corrected[["statistic", "p_value"]].isna().all(axis=None)
    corrected = found.estimates.query("model == 'corrected' and measure != 'risk_ratio'")
    statistic = corrected["estimate"] / corrected["std_error"]
    np.testing.assert_allclose(corrected["statistic"], statistic, rtol=1e-12)
    dof = found.glance()["n_offices"] - 1
    np.testing.assert_allclose(
        corrected["p_value"], 2 * t_distribution.sf(np.abs(statistic), dof), rtol=1e-12
    )
    one, two = (result.estimates.query("model == 'naive'") for result in (found, projected))
    # the naive model knows no exclusion
    np.testing.assert_allclose(one["std_error"], two["std_error"], rtol=1e-5)


def test_risk_ratio_goes_with_the_marginal_effect(found):
    """To first order it is 1 + AME / open gate."""
    ratio = found.estimates.query("measure == 'risk_ratio'").set_index("model")["estimate"]
    ame = found.estimates.query("measure == 'ame'").set_index("model")["estimate"]
    assert ((ratio > 1) == (ame > 0)).all()
    open_gate = found.averages.set_index("measure")["estimate"]
    for model, gate in (("naive", "open_gate_naive"), ("corrected", "open_gate")):
        assert ratio[model] == pytest.approx(1 + ame[model] / open_gate[gate], abs=0.05)


def test_calls_can_be_repeated_to_the_last_digit(inside, found):
    again = estimate_selected_placement(inside, adjust_for=())
    for name in ("estimates", "averages", "profile", "curve", "equations"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(again, name), check_exact=True)
    assert (found.rho_sets, found.independence) == (again.rho_sets, again.independence)


# by refusal


@pytest.mark.parametrize("office_effects", [True, False])
def test_one_office_is_refused(office_effects):
    with pytest.raises(EstimationError, match="one office only") as refused:
        estimate_selected_placement(
            simulated(1200, 1, n_offices=1), adjust_for=(), office_effects=office_effects
        )
    assert refused.value.reason == "one_office"


# which pieces of a set are kept, by hand


def pieces(p_values, *, deviance, peaks):
    """The 95 % set of made-up tests at t = -2, -1.5 ... 2."""
    t = np.linspace(-2, 2, 9)
    zero = np.zeros((9, 1))
    return AcrossOffices(
        t=t,
        deviance=np.asarray(deviance, float),
        p_values=np.asarray(p_values, float),
        peaks=np.asarray(peaks, float),
        values=zero,
        std_errors=zero,
        estimate=np.zeros(1),
        std_error=np.full(1, np.nan),
        n_offices=5,
        inside=False,
    ).accepted


def test_a_piece_that_the_likelihood_rules_out_is_left():
    p = [0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.0]
    far = [9, 9, 9, 9, 5, 4, 1, 0, 4]
    ((low, high),) = pieces(p, deviance=far, peaks=[1.5])
    assert 0.5 < low < 1.0
    assert 1.5 < high < 2.0
    near = [3, 3, 9, 9, 5, 4, 1, 0, 4]
    assert len(pieces(p, deviance=near, peaks=[1.5])) == 2  # plausible by the likelihood: kept
    assert len(pieces(p, deviance=far, peaks=[1.5, -2.0])) == 2  # with a maximum of its own: kept


def test_a_hole_too_small_to_tell_is_closed():
    p = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.04, 0.5]
    ((low, high),) = pieces(p, deviance=np.zeros(9), peaks=[0.0])  # from .904 to .907
    assert (low, high) == (-2.0, 2.0)
    wide = [0.5, 0.5, 0.5, 0.0, 0.0, 0.5, 0.5, 0.5, 0.5]
    assert len(pieces(wide, deviance=np.zeros(9), peaks=[0.0])) == 2
