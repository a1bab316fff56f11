"""The score bootstrap: by hand, by reference (R on cbpp, boottest's score bootstrap), by property, by refusal."""

import itertools

import numpy as np
import pytest

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import cluster_covariance
from se_outcomes.inference.score_bootstrap import (
    ScoreBootstrap,
    compare,
    draw_weights,
    score_bootstrap,
    score_hypothesis,
)
from se_outcomes.inference.score_bootstrap_interval import bootstrap_interval
from se_outcomes.regression.logit import fit_logit
from se_outcomes.regression.probit import fit_probit
from se_outcomes.regression.selection_probit import fit_selection_probit

# lme4::cbpp as in test_cluster_covariance.py: new cases / animals by herd and period
CBPP = (
    "2/14 3/12 4/9 0/5", "3/22 1/18 1/21", "8/22 2/16 0/16 2/20", "2/10 0/10 2/9 0/6", "5/18 0/25 0/24 1/4",
    "3/17 0/17 0/18 1/20", "8/16 1/10 3/9 0/5", "12/34", "2/9 0/6 0/8 0/6", "1/22 1/22 0/18 2/22",
    "0/25 5/27 3/22 1/22", "2/10 1/8 0/6 0/5", "1/21 2/24 0/19 0/23", "11/19 0/2 0/3 0/2", "1/19 1/15 1/15 0/15",
)  # fmt: skip


def cbpp():
    rows = [
        (herd, *map(int, cell.split("/")), period)
        for herd, line in enumerate(CBPP)
        for period, cell in enumerate(line.split(), start=1)
    ]
    herd, cases, animals, period = np.array(rows).T
    X = np.column_stack([np.ones(len(herd)), *(period == p for p in (2, 3, 4))]).astype(float)
    counts = np.r_[cases, animals - cases]
    return fit_logit(
        np.repeat([1, 0], len(herd)), np.vstack([X, X]), counts=counts, clusters=np.r_[herd, herd]
    )


def data(n_offices=5, size=60, seed=1, effect=0.3):
    random = np.random.default_rng(seed)
    office = np.repeat(np.arange(n_offices), size)
    x, w = random.normal(size=len(office)), random.integers(0, 2, len(office)).astype(float)
    eta = -0.3 + effect * x + 0.3 * w + random.normal(0, 0.5, n_offices)[office]
    y = (random.random(len(office)) < 1 / (1 + np.exp(-eta))).astype(float)
    return y, np.column_stack([np.ones(len(office)), x, w]), office


def fitted(**kwargs):
    y, X, office = data(**kwargs)
    return fit_logit(y, X, clusters=office)


# ------------------------------------------------------------------------------------------------ by hand


def slow_p_value(fit, column, draws, variant):
    """The formulas of MacKinnon, Nielsen and Webb, draw by draw and office by office."""
    restricted = fit.refit(restrict={column: 0.0})
    scores, information = restricted.scores, restricted.information
    G, k = scores.shape
    inverse = np.linalg.inv(information.sum(axis=0))
    others = [place for place in range(k) if place != column]
    if variant == "S":
        scores = scores.copy()
        for g in range(G):
            rest = (information.sum(axis=0) - information[g])[np.ix_(others, others)]
            scores[g] += information[g][:, others] @ np.linalg.solve(rest, restricted.scores[g][others])
    factor = G / (G - 1) * (fit.n_cases - 1) / (fit.n_cases - k)
    beyond = 0
    observed = abs(fit.beta[column]) / cluster_covariance(fit, kind="CV1").std_error[column]
    for draw in draws:
        step = inverse @ (draw @ scores)
        residuals = [draw[g] * scores[g] - information[g] @ step for g in range(G)]
        spread = factor * sum(np.outer(residual, residual) for residual in residuals)
        beyond += abs(step[column]) / np.sqrt((inverse @ spread @ inverse)[column, column]) > observed
    return beyond / len(draws)


@pytest.mark.parametrize("variant", ["C", "S"])
def test_p_value_draw_by_draw(variant):
    fit = fitted(n_offices=5)
    every = np.array(list(itertools.product([-1.0, 1.0], repeat=5)))
    found = score_bootstrap(fit, 1, variant=variant, weights="rademacher")
    assert (found.enumerated, found.n_draws) == (True, 32)
    assert found.p_value == pytest.approx(max(slow_p_value(fit, 1, every, variant), 1 / 16), abs=1e-12)
    drawn = draw_weights(5)
    some = drawn.values[::37]
    expected = slow_p_value(fit, 1, some, variant)
    restricted = score_hypothesis(fit.refit(restrict={1: 0.0}), [1], variant=variant)
    statistic = score_bootstrap(fit, 1).statistic
    assert np.mean(restricted.statistics(some) > statistic) == pytest.approx(expected, abs=1e-12)


def test_weights():
    webb, signs = draw_weights(3, kind="webb"), draw_weights(4, kind="rademacher")
    assert webb.n_draws == 6**3
    assert len(webb.values) == 6**3 / 2
    both = np.vstack([webb.values, -webb.values])
    assert len(np.unique(both.round(9), axis=0)) == 6**3  # every draw once, up to its sign
    np.testing.assert_allclose(both.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose((both**2).mean(axis=0), 1)
    assert len(np.unique(np.vstack([signs.values, -signs.values]), axis=0)) == 16
    sampled = draw_weights(20, n_draws=5000)
    assert (sampled.enumerated, sampled.kind, sampled.values.shape) == (False, "rademacher", (5000, 20))


@pytest.mark.parametrize(
    ("n_offices", "kind", "enumerated"),
    [
        (5, "webb", True),
        (6, "webb", True),
        (7, "rademacher", True),
        (12, "rademacher", True),
        (16, "rademacher", False),
    ],
)
def test_the_default_weights_are_all_of_them_where_offices_are_few(n_offices, kind, enumerated):
    draws = draw_weights(n_offices)
    assert (draws.kind, draws.enumerated) == (kind, enumerated)


def test_ties_count_half_where_all_draws_are_taken_and_whole_where_they_are_sampled():
    drawn = np.array([1.0, 2.0, 2.0, 3.0])
    assert compare(2.0, drawn, draw_weights(3)) == (1 + 1) / 4
    assert compare(2.0, drawn, draw_weights(20, n_draws=4)) == (1 + 3) / 5
    assert compare(9.0, drawn, draw_weights(3)) == 1 / 4  # never nought
    assert compare(np.inf, np.array([np.inf, 1.0]), draw_weights(3)) == 0.5


# ------------------------------------------------------------------------------------------------ by reference


@pytest.mark.parametrize(("variant", "p_value"), [("C", 0.0232), ("S", 0.0235)])
def test_cbpp_as_in_r(variant, p_value):
    # R: 100,000 sampled draws, so .0005 is one Monte Carlo error; here all 2^15
    found = score_bootstrap(cbpp(), 1, variant=variant, weights="rademacher", n_draws=100_000)
    assert (found.enumerated, found.n_draws) == (True, 2**15)
    assert found.p_value == pytest.approx(p_value, abs=0.0005)
    assert found.statistic == pytest.approx(1.170762725 / 0.4558114, abs=2e-6)


def test_the_score_bootstrap_of_boottest():
    # StatsPAI 1.40.2 wild_cluster_boot after logit (Kline & Santos, as Stata's boottest): p = .0234375, 6 of 256 draws
    # strictly beyond; here the two draws that are the data themselves count half
    random = np.random.default_rng(1)
    office = np.repeat(np.arange(8), 50)
    x, w, a = random.normal(size=400), random.integers(0, 2, 400), random.normal(0, 0.5, 8)
    y = random.random(400) < 1 / (1 + np.exp(-(-0.3 + 0.25 * x + 0.3 * w + a[office])))
    fit = fit_logit(y.astype(float), np.column_stack([np.ones(400), x, w]), clusters=office)
    assert fit.beta[1] == pytest.approx(0.23946513419495738, abs=1e-9)
    found = score_bootstrap(fit, 1, variant="C", weights="rademacher", statistic="score", recentre="share")
    assert found.p_value == pytest.approx(0.0234375 + 1 / 256, abs=1e-12)


# ------------------------------------------------------------------------------------------------ by property


def test_the_same_every_time():
    results = [score_bootstrap(fitted(n_offices=5), 1) for _ in range(2)]
    assert results[0] == results[1]
    assert isinstance(results[0], ScoreBootstrap)
    many = [score_bootstrap(fitted(n_offices=20, size=30), 1) for _ in range(2)]
    assert many[0] == many[1]  # from the fixed seed
    other = score_bootstrap(fitted(n_offices=20, size=30), 1, generator=np.random.default_rng(5))
    assert other.p_value != many[0].p_value
    assert other.p_value == pytest.approx(many[0].p_value, abs=0.02)


@pytest.mark.parametrize("fit_binary", [fit_logit, fit_probit])
def test_cells_scale_and_order_change_nothing(fit_binary):
    y, X, office = data()
    found = score_bootstrap(fit_binary(y, X, clusters=office), 1).p_value
    order = np.random.default_rng(0).permutation(len(y))
    scaled = X * [1.0, 1000.0, 0.01]
    again = fit_binary(y[order], scaled[order], clusters=office[order])
    assert score_bootstrap(again, 1).p_value == pytest.approx(found, abs=1e-12)
    rounded = np.column_stack([X[:, 0], X[:, 1].round(), X[:, 2]])
    rows = score_bootstrap(fit_binary(y, rounded, clusters=office), 1)
    cells, counts = np.unique(np.column_stack([y, rounded, office]), axis=0, return_counts=True)
    tallied = fit_binary(cells[:, 0], cells[:, 1:-1], counts=counts, clusters=cells[:, -1].astype(int))
    assert score_bootstrap(tallied, 1).p_value == pytest.approx(rows.p_value, abs=1e-12)


def test_office_intercepts_may_be_columns_or_profiled_out():
    y, X, office = data(n_offices=6)
    profiled = fit_logit(y, X[:, 1:], clusters=office, intercepts=office)
    columns = fit_logit(y, np.hstack([X[:, 1:], np.eye(6)[office]]), clusters=office)
    # the number of coefficients enters CV1's factor alone, in the observed statistic and every draw alike
    one, other = score_bootstrap(profiled, 0), score_bootstrap(columns, 0)
    assert other.p_value == pytest.approx(one.p_value, abs=1e-12)


def test_one_parameter_jointly_is_the_parameter():
    fit = fitted()
    single, joint = score_bootstrap(fit, 1), score_bootstrap(fit, [1])
    assert single == joint


def test_a_joint_test_does_not_care_how_its_parameters_are_turned():
    y, X, office = data(n_offices=6)
    turned = np.column_stack([X[:, 0], X[:, 1] + X[:, 2], X[:, 1] - X[:, 2]])
    one = score_bootstrap(fit_logit(y, X, clusters=office), [1, 2])
    other = score_bootstrap(fit_logit(y, turned, clusters=office), [1, 2])
    assert other.statistic == pytest.approx(one.statistic, rel=1e-8)
    assert other.p_value == pytest.approx(one.p_value, abs=1e-9)
    swapped = score_bootstrap(fit_logit(y, X, clusters=office), [2, 1])
    assert swapped.p_value == pytest.approx(one.p_value, abs=1e-12)


def test_interval_holds_what_is_not_rejected():
    fit = fitted(effect=0.6)
    low, high = bootstrap_interval(fit, 1)
    assert low < fit.beta[1] < high
    for inside, outside in ((low + 0.01, low - 0.01), (high - 0.01, high + 0.01)):
        assert score_bootstrap(fit, 1, null=inside).p_value > 0.05
        assert score_bootstrap(fit, 1, null=outside).p_value <= 0.05
    narrower = bootstrap_interval(fit, 1, level=0.8)
    assert low < narrower[0] < narrower[1] < high


def test_signs_at_five_offices_bound_nothing():
    assert bootstrap_interval(fitted(), 1, weights="rademacher") == (-np.inf, np.inf)


def test_rho_of_a_selection_model():
    random = np.random.default_rng(2)
    office = np.repeat(np.arange(6), 120)
    z, x, u, v = random.normal(size=(4, len(office)))
    selected = 0.3 + 0.5 * x + 0.8 * z + u > 0
    y = 0.4 * x + 0.8 * u + 0.6 * v > 0
    fit = fit_selection_probit(
        y, x[:, None], selected, np.column_stack([x, z]), clusters=office, intercepts=office
    )
    last = len(fit.parameters) - 1
    at_truth, at_zero, far = (
        score_bootstrap(fit, last, null=t, statistic="score", recentre="share").p_value
        for t in (np.arctanh(0.8), 0.0, -1.5)
    )
    assert at_truth > 0.05 >= max(at_zero, far)


# ------------------------------------------------------------------------------------------------ by refusal


def test_refusals():
    fit = fitted()
    one_office = fit_logit(*data(n_offices=1)[:2])
    with pytest.raises(EstimationError) as refusal:
        score_bootstrap(one_office, 1)
    assert refusal.value.reason == "one_office"
    for call in (
        {"tested": 3},
        {"tested": [1, 1]},
        {"tested": []},
        {"tested": 1, "variant": "X"},
        {"tested": 1, "weights": "mammen"},
        {"tested": 1, "statistic": "t"},
        {"tested": 1, "recentre": "mean"},
        {"tested": 1, "n_draws": 0},
    ):
        with pytest.raises(ValueError, match="must be"):
            score_bootstrap(fit, call.pop("tested"), **call)
    with pytest.raises(ValueError, match="level"):
        bootstrap_interval(fit, 1, level=1.0)


def test_a_singular_null_is_refused():
    y, X, office = data()
    fit = fit_logit(y, X, clusters=office)
    restricted = fit.refit(restrict={1: 0.0})
    # the tested column's information is that of another: nothing tells them apart
    object.__setattr__(
        restricted, "_profiled", (restricted.scores, restricted.information[:, [0, 2, 2]][:, :, [0, 2, 2]])
    )
    with pytest.raises(EstimationError) as refusal:
        score_hypothesis(restricted, [1])
    assert refusal.value.reason == "not_identified"
