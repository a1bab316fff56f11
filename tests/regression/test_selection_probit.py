"""The probit with sample selection: by hand, by an independent likelihood, by what must not matter, by refusal."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_ndtr, ndtr, owens_t
from scipy.stats import chi2

from se_outcomes.errors import EstimationError
from se_outcomes.regression import paired_search
from se_outcomes.regression.paired_marginal import placement, placement_given_selection
from se_outcomes.regression.probit import fit_probit
from se_outcomes.regression.profiled_averages import profile_averages
from se_outcomes.regression.selection_probit import (
    fit_selection_probit,
    inverse_mills,
    probit_alone,
    probit_weight,
)


def simulate(n, seed, rho=0.5, *, whole=False):
    """Arguments of a fit; ``whole``: columns with few values, for tallies."""
    random = np.random.default_rng(seed)
    x, z = random.integers(-2, 3, size=(2, n)) / 2 if whole else random.normal(size=(2, n))
    u, v = random.normal(size=(2, n))
    X, Z = np.column_stack([np.ones(n), x]), np.column_stack([np.ones(n), x, z])
    selected = Z @ [0.2, 0.5, 0.8] + u > 0
    y = np.where(selected, X @ [-0.2, 0.5] + rho * u + np.sqrt(1 - rho**2) * v > 0, np.nan)
    return y, X, selected, Z


@pytest.fixture(scope="module")
def data():
    return simulate(600, 0)


@pytest.fixture(scope="module")
def fit(data):
    return fit_selection_probit(*data)


@pytest.fixture(scope="module")
def offices():
    """Twelve offices with levels of their own, among them one that lets everybody through and one that never places."""
    random = np.random.default_rng(8)
    y, X, _, Z = simulate(900, 8)
    office = np.repeat(np.arange(12), 75)
    level = 0.4 * random.normal(size=(12, 2))
    u, v = random.normal(size=(2, 900))
    selected = Z @ [0.2, 0.5, 0.8] + level[office, 0] + u > 0
    selected[office == 3] = True
    y = (X @ [-0.2, 0.5] + level[office, 1] + 0.5 * u + 0.8 * v > 0).astype(float)
    y[office == 5] = 0.0
    return np.where(selected, y, np.nan), X, selected, Z, office


def cdf(h, k, rho):
    """The bivariate normal distribution function by Owen's T."""
    root = np.sqrt(1 - rho**2)
    opposite = np.where(h * k < 0, 0.5, 0.0)
    first, second = owens_t(h, (k / h - rho) / root), owens_t(k, (h / k - rho) / root)
    return (ndtr(h) + ndtr(k)) / 2 - first - second - opposite


def reference_loglik(theta, y, X, selected, Z, observed=None):
    kz = Z.shape[1]
    a, b, rho = Z @ theta[:kz], X @ theta[kz:-1], np.tanh(theta[-1])
    seen = selected if observed is None else selected & observed
    joint = cdf(a, b, rho)
    probability = np.where(y == 1, joint, ndtr(a) - joint)
    alone = log_ndtr(np.where(selected, a, -a))
    return np.where(seen, np.log(np.maximum(probability, 1e-300)), alone).sum()


def maximise(loglik, starts):
    """The highest of the maxima from several starts, and the negative Hessian there, all by differences."""

    def slope(point, step=1e-5):
        moves = step * np.eye(len(point))
        return np.array([(loglik(point + move) - loglik(point - move)) / (2 * step) for move in moves])

    found = [
        minimize(lambda p: -loglik(p), start, jac=lambda p: -slope(p), options={"gtol": 1e-6}).x
        for start in starts
    ]
    best = max(found, key=loglik)
    moves = 1e-4 * np.eye(len(best))
    information = -np.array([(slope(best + move) - slope(best - move)) / 2e-4 for move in moves])
    return best, loglik(best), (information + information.T) / 2


# ------------------------------------------------------------------------------------------------- by hand


def test_a_saturated_tally_gives_back_the_parameters_it_was_made_from():
    """Two gate rates and two outcome rates among the selected: four numbers for a0, a1, b and rho."""
    a, b, rho = np.array([-0.4, 0.7]), 0.3, 0.6
    passed, placed = ndtr(a), cdf(a, np.full(2, b), rho)
    z = np.array([0.0, 1, 0, 1, 0, 1])
    selected, y = np.array([0, 0, 1, 1, 1, 1]), np.array([0, 0, 0, 0, 1, 1])
    counts = 500 * np.r_[1 - passed, passed - placed, placed]
    Z = np.column_stack([np.ones(6), z])
    fit = fit_selection_probit(y, np.ones((6, 1)), selected, Z, counts=counts)
    np.testing.assert_allclose(fit.gamma, [-0.4, 1.1], atol=1e-9)
    np.testing.assert_allclose(fit.beta, [b], atol=1e-8)
    assert fit.rho == pytest.approx(rho, abs=1e-8)
    assert fit.loglik == pytest.approx(counts @ np.log(np.r_[1 - passed, passed - placed, placed]), abs=1e-9)
    assert fit.n_cases == 1000
    assert fit.n_outcomes == round(500 * passed.sum())


def test_at_no_correlation_it_is_two_probits(data, fit):
    y, X, selected, Z = data
    gate, outcome = fit_probit(selected, Z), fit_probit(y[selected], X[selected])
    assert fit.loglik_independent == pytest.approx(gate.loglik + outcome.loglik, abs=1e-9)
    node = fit.profile.nodes[fit.profile.t.tolist().index(0.0)]
    np.testing.assert_allclose(node.state.point.theta[:-1], np.r_[gate.beta, outcome.beta], atol=1e-5)
    assert node.loglik == pytest.approx(fit.loglik_independent, abs=1e-9)
    np.testing.assert_allclose(node.covariance[:3, :3], gate.covariance, rtol=1e-5)
    np.testing.assert_allclose(node.covariance[3:, 3:], outcome.covariance, rtol=1e-5)
    np.testing.assert_allclose(node.covariance[:3, 3:], 0, atol=1e-12)


def test_the_tests_of_no_correlation_by_their_formulas(data, fit):
    y, X, selected, Z = data
    gate, outcome = fit_probit(selected, Z), fit_probit(y[selected], X[selected])
    a, b, sign = (Z @ gate.beta)[selected], X[selected] @ outcome.beta, 2 * y[selected] - 1
    density = np.exp(-(np.array([a, b]) ** 2) / 2) / np.sqrt(2 * np.pi)
    u, e = density[0] / ndtr(a), sign * density[1] / ndtr(sign * b)
    weight = density[1] / np.sqrt(ndtr(b) * ndtr(-b))
    design, target = weight[:, None] * X[selected], u * weight
    left = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    assert fit.score_test().statistic == pytest.approx((u @ e) ** 2 / (left @ left), rel=1e-6)
    ratio = fit.likelihood_ratio_test()
    assert ratio.statistic == pytest.approx(2 * (fit.loglik - gate.loglik - outcome.loglik), abs=1e-8)
    assert ratio.p_value == pytest.approx(chi2.sf(ratio.statistic, 1))
    assert fit.wald_test().statistic == pytest.approx(np.arctanh(fit.rho) ** 2 / fit.covariance[-1, -1])


def test_the_probit_alone_holds_into_the_tail():
    margin = np.array([-1e60, -1e5, -9e3, -30.0, -3.0, 0.0, 3.0, 50.0, 1e60])
    value, score, curvature = probit_alone(np.ones(9), margin)
    np.testing.assert_array_equal(value[1:-1], log_ndtr(margin[1:-1]))
    assert np.isfinite(value).all()
    np.testing.assert_allclose(score[1:3], -margin[1:3] - 1 / margin[1:3], rtol=1e-12)
    np.testing.assert_allclose(curvature[:3], -1, rtol=1e-7)
    np.testing.assert_allclose(inverse_mills(np.zeros(1)), np.sqrt(2 / np.pi))
    np.testing.assert_allclose(probit_weight(np.zeros(1)), 2 / np.pi)
    assert (curvature <= 0).all()


# ----------------------------------------------------------------------------------------------- by reference


@pytest.mark.parametrize(("n", "seed", "rho"), [(600, 0, 0.5), (400, 3, -0.7), (500, 5, 0.0)])
def test_as_an_independent_likelihood_maximised_from_several_starts(n, seed, rho):
    data = simulate(n, seed, rho)
    fit = fit_selection_probit(*data)
    starts = [np.r_[0.2, 0.5, 0.8, -0.2, 0.5, t] for t in (-1.0, 0.0, 1.0)]
    best, loglik, information = maximise(lambda theta: reference_loglik(theta, *data), starts)
    assert fit.loglik == pytest.approx(loglik, abs=1e-6)
    np.testing.assert_allclose(fit.parameters, best, atol=1e-5)
    np.testing.assert_allclose(
        np.sqrt(np.diag(fit.covariance)), np.sqrt(np.diag(np.linalg.inv(information))), rtol=1e-4
    )
    assert fit.rho == pytest.approx(np.tanh(best[-1]), abs=1e-5)
    assert not fit.boundary
    assert [top.edge for top in fit.local_maxima].count(False) == 1


def test_the_profile_and_its_set_as_the_independent_likelihood(data, fit):
    for t in (-0.3, 0.9):
        _, loglik, _ = maximise(
            lambda rest, t=t: reference_loglik(np.r_[rest, t], *data), [fit.parameters[:-1]]
        )
        assert fit.profile.curve(t) == pytest.approx(loglik, abs=2e-3)
    ((low, high),) = fit.dependence_set()
    assert low < fit.rho < high
    for end in (low, high):
        _, loglik, _ = maximise(
            lambda rest, end=end: reference_loglik(np.r_[rest, np.arctanh(end)], *data),
            [fit.parameters[:-1]],
        )
        assert 2 * (fit.loglik - loglik) == pytest.approx(3.841459, abs=5e-3)
    ((low90, high90),) = fit.dependence_set(0.9)
    assert low < low90 < high90 < high


@pytest.mark.parametrize("seed", range(8))
def test_no_start_leads_higher(seed):
    """80 cases, the gate's own column weak: hardly identified, often at the boundary."""
    data = simulate(80, 100 + seed, (-0.8, 0.0, 0.8)[seed % 3])
    fit = fit_selection_probit(*data)
    for t in (-3.0, -1.0, 0.0, 1.0, 3.0):
        start = np.r_[0.2, 0.5, 0.8, -0.2, 0.5, t]
        found = minimize(
            lambda theta: -reference_loglik(theta, *data),
            start,
            method="L-BFGS-B",
            bounds=[(-8, 8)] * 5 + [(-6, 6)],
        )
        assert -found.fun <= fit.loglik + 1e-6


def test_two_maxima_inside_the_range():
    """Without an exclusion, 120 cases: two summits of nearly the same height, which Newton's method alone confuses."""
    y, X, selected, _ = simulate(120, 290, 0.3)
    data = (y, X, selected, X)
    fit = fit_selection_probit(*data)
    inside = [top for top in fit.local_maxima if not top.edge]
    assert len(inside) == 2
    assert inside[0].loglik - inside[1].loglik < 0.01
    for top in inside:
        start = np.r_[fit.parameters[:-1], np.arctanh(top.dependence)]
        best, loglik, _ = maximise(lambda theta: reference_loglik(theta, *data), [start])
        assert loglik == pytest.approx(top.loglik, abs=1e-6)
        assert np.tanh(best[-1]) == pytest.approx(top.dependence, abs=1e-4)
    assert fit.rho == inside[0].dependence
    ((low, high),) = fit.dependence_set()
    assert low < inside[0].dependence < inside[1].dependence < high


def test_the_walk_is_given_up_where_nothing_can_be_found():
    """In a large sample the profile has fallen by thousands before the end: the deviance stays high there."""
    fit = fit_selection_probit(*simulate(5000, 1, 0.5))
    assert fit.profile.t[0] > -6
    assert (fit.profile.deviance(np.array([-6.0, -4.0, -3.0])) > 30).all()
    assert fit.profile.deviance(np.array([fit.peak.t]))[0] == pytest.approx(0, abs=1e-7)


def test_selected_cases_whose_outcome_is_unknown_count_in_the_gate(data):
    y, X, selected, Z = data
    observed = np.random.default_rng(9).random(600) < 0.8
    fit = fit_selection_probit(np.where(observed, y, np.nan), X, selected, Z, observed=observed)
    starts = [np.r_[0.2, 0.5, 0.8, -0.2, 0.5, t] for t in (0.0, 1.0)]
    best, loglik, _ = maximise(lambda theta: reference_loglik(theta, *data, observed), starts)
    assert fit.loglik == pytest.approx(loglik, abs=1e-6)
    np.testing.assert_allclose(fit.parameters, best, atol=1e-5)
    assert fit.n_outcomes == (selected & observed).sum()
    assert fit.n_cases == 600


# ------------------------------------------------------------------------------------------------ by property


def reported(fit):
    """Every number of a fit in one array."""
    averages = profile_averages(fit, [placement(), placement_given_selection()])
    return np.concatenate(
        [
            fit.parameters,
            [fit.rho, fit.loglik, fit.loglik_independent, fit.condition],
            fit.covariance.ravel(),
            fit.scores.ravel(),
            fit.information.ravel(),
            np.ravel(fit.dependence_set()),
            [test.statistic for test in (fit.likelihood_ratio_test(), fit.score_test(), fit.wald_test())],
            np.ravel(averages.quadratic_sets()),
            [fit.n_cases, fit.n_outcomes],
        ]
    )


def test_the_order_of_rows_does_not_matter():
    y, X, selected, Z = simulate(500, 1)
    cluster = np.arange(500) % 5
    order = np.random.default_rng(2).permutation(500)
    fit = fit_selection_probit(y, X, selected, Z, clusters=cluster)
    turned = fit_selection_probit(y[order], X[order], selected[order], Z[order], clusters=cluster[order])
    np.testing.assert_allclose(reported(turned), reported(fit), rtol=1e-9, atol=1e-9)


def test_a_tally_is_its_rows():
    y, X, selected, Z = simulate(800, 4, whole=True)
    table = np.column_stack([np.nan_to_num(y), X, selected, Z, np.arange(800) % 4])
    rows, counts = np.unique(table, axis=0, return_counts=True)
    assert len(rows) < 700
    fit = fit_selection_probit(y, X, selected, Z, clusters=np.arange(800) % 4)
    tally = fit_selection_probit(
        rows[:, 0], rows[:, 1:3], rows[:, 3], rows[:, 4:7], counts=counts, clusters=rows[:, 7].astype(int)
    )
    np.testing.assert_allclose(reported(tally), reported(fit), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("scale", [1e3, 1e-3])
def test_units_do_not_matter(data, fit, scale):
    y, X, selected, Z = data
    scaled = fit_selection_probit(y, X * [1, scale], selected, Z * [1, 1 / scale, scale])
    back = np.array([1, 1 / scale, scale, 1, scale, 1])
    np.testing.assert_allclose(scaled.parameters * back, fit.parameters, rtol=1e-8)
    np.testing.assert_allclose(
        np.sqrt(np.diag(scaled.covariance)) * back, np.sqrt(np.diag(fit.covariance)), rtol=1e-8
    )
    np.testing.assert_allclose(scaled.dependence_set(), fit.dependence_set(), rtol=1e-8)
    for test in ("likelihood_ratio_test", "score_test", "wald_test"):
        assert getattr(scaled, test)().statistic == pytest.approx(getattr(fit, test)().statistic, rel=1e-8)


def test_names_of_offices_do_not_matter(offices):
    y, X, selected, Z, office = offices
    fit = fit_selection_probit(y, X[:, 1:], selected, Z[:, 1:], intercepts=office, clusters=office)
    other = 1000 - 7 * office
    renamed = fit_selection_probit(y, X[:, 1:], selected, Z[:, 1:], intercepts=other, clusters=other)
    np.testing.assert_allclose(renamed.parameters, fit.parameters, rtol=1e-9)
    np.testing.assert_allclose(renamed.covariance, fit.covariance, rtol=1e-8)
    np.testing.assert_allclose(renamed.scores[::-1], fit.scores, atol=1e-8)
    np.testing.assert_allclose(renamed.intercept_values[::-1], fit.intercept_values, rtol=1e-8)
    np.testing.assert_allclose(renamed.dependence_set(), fit.dependence_set(), rtol=1e-8)
    np.testing.assert_array_equal(renamed.clusters, np.unique(other))


def test_scores_and_information_of_clusters_add_up(offices):
    y, X, selected, Z, office = offices
    inside = fit_selection_probit(y, X[:, 1:], selected, Z[:, 1:], intercepts=office, clusters=office)
    plain = fit_selection_probit(y, X, selected, Z, clusters=office)
    for fit in (inside, plain):
        size = np.sqrt(np.diag(fit.covariance))
        np.testing.assert_allclose(fit.scores.sum(axis=0) * size, 0, atol=1e-6)
        np.testing.assert_allclose(np.linalg.inv(fit.information.sum(axis=0)), fit.covariance, rtol=1e-7)
        assert fit.n_clusters == 12


def test_intercepts_are_dummies():
    y, X, selected, Z = simulate(600, 6)
    group = np.arange(600) % 4
    dummies = (group[:, None] == np.arange(4)).astype(float)
    inside = fit_selection_probit(y, X[:, 1:], selected, Z[:, 1:], intercepts=group, clusters=group)
    columns = fit_selection_probit(
        y, np.hstack([dummies, X[:, 1:]]), selected, np.hstack([dummies, Z[:, 1:]]), clusters=group
    )
    own = [4, 5, 10, 11]
    np.testing.assert_allclose(inside.parameters, columns.parameters[own], atol=1e-7)
    np.testing.assert_allclose(inside.covariance, columns.covariance[np.ix_(own, own)], atol=1e-8)
    np.testing.assert_allclose(
        inside.intercept_values,
        np.column_stack([columns.parameters[:4], columns.parameters[6:10]]),
        atol=1e-6,
    )
    np.testing.assert_allclose(inside.scores, columns.scores[:, own], atol=1e-6)
    assert inside.loglik == pytest.approx(columns.loglik, abs=1e-9)
    np.testing.assert_allclose(inside.dependence_set(), columns.dependence_set(), atol=1e-7)
    quantities = [placement(), placement_given_selection()]
    np.testing.assert_allclose(
        profile_averages(inside, quantities).quadratic_sets(),
        profile_averages(columns, quantities).quadratic_sets(),
        atol=1e-7,
    )


def test_offices_without_variation_leave_the_equation(offices):
    y, X, selected, Z, office = offices
    fit = fit_selection_probit(y, X[:, 1:], selected, Z[:, 1:], intercepts=office, clusters=office)
    assert fit.n_left_out == {
        "groups_gate": 1,
        "cases_gate": 75,
        "groups_outcome": 1,
        "cases_outcome": int(selected[office == 5].sum()),
        "cases": 0,
    }
    assert np.isinf(fit.intercept_values[[3, 5], [0, 1]]).all()
    assert np.isfinite(fit.intercept_values).sum() == 22
    alone = fit_selection_probit(
        y, X[:, 1:], selected, Z[:, 1:], intercepts=office, clusters=np.zeros(900, dtype=int)
    )
    np.testing.assert_allclose(alone.parameters, fit.parameters, rtol=1e-8)


def test_the_fit_without_a_cluster_is_the_fit_of_the_rest(offices):
    y, X, selected, Z, office = offices
    fit = fit_selection_probit(y, X[:, 1:], selected, Z[:, 1:], intercepts=office, clusters=office)
    rest = office != 7
    other = fit_selection_probit(
        y[rest], X[rest, 1:], selected[rest], Z[rest, 1:], intercepts=office[rest], clusters=office[rest]
    )
    refitted = fit.refit(without=7)
    np.testing.assert_allclose(refitted.parameters, other.parameters, rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(refitted.clusters, np.delete(np.arange(12), 7))
    assert not refitted.held.any()
    plain = fit_selection_probit(y, X, selected, Z, clusters=office).refit(without=2)
    keep = office != 2
    direct = fit_selection_probit(y[keep], X[keep], selected[keep], Z[keep])
    np.testing.assert_allclose(plain.parameters, direct.parameters, rtol=1e-7, atol=1e-9)


def test_columns_that_only_the_left_out_cluster_moves_are_held():
    y, X, selected, Z = simulate(600, 6)
    cluster = np.arange(600) % 4
    rare = np.where(cluster == 2, np.random.default_rng(1).integers(0, 2, 600), 0)[:, None]
    fit = fit_selection_probit(y, np.hstack([X, rare]), selected, np.hstack([Z, rare]), clusters=cluster)
    refitted = fit.refit(without=2)
    np.testing.assert_array_equal(np.flatnonzero(refitted.held), [3, 6])
    np.testing.assert_array_equal(refitted.parameters[[3, 6]], fit.parameters[[3, 6]])
    assert (np.diag(refitted.covariance)[[3, 6]] == 0).all()


def test_coefficients_held_at_a_value(data, fit):
    held = fit.refit(restrict={2: 0.5, 4: 0.0})
    np.testing.assert_array_equal(held.parameters[[2, 4]], [0.5, 0.0])

    def loglik(free):
        return reference_loglik(np.r_[free[:2], 0.5, free[2], 0.0, free[3]], *data)

    best, highest, _ = maximise(loglik, [np.r_[0.2, 0.5, -0.2, t] for t in (-1.0, 0.0, 1.0)])
    assert held.loglik == pytest.approx(highest, abs=1e-6)
    np.testing.assert_allclose(held.parameters[[0, 1, 3, 5]], best, atol=2e-5)
    assert held.loglik < fit.loglik
    same = fit.refit(restrict={4: fit.parameters[4]})
    assert same.loglik == pytest.approx(fit.loglik, abs=1e-9)
    with pytest.raises(ValueError, match="positions 0 to 5"):
        fit.refit(restrict={6: 0.0})


@pytest.mark.parametrize(("seed", "rho"), [(1, 0.5), (2, -0.95), (3, 0.0)])
def test_looking_at_a_sample_first_finds_the_same_maximum(monkeypatch, seed, rho):
    data = simulate(1500, seed, rho)
    whole = fit_selection_probit(*data)
    monkeypatch.setattr(paired_search, "SAMPLED_FROM", 1000)
    monkeypatch.setattr(paired_search, "SAMPLE", 500)
    sampled = fit_selection_probit(*data)
    np.testing.assert_allclose(sampled.parameters, whole.parameters, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(sampled.covariance, whole.covariance, rtol=1e-5, atol=1e-10)
    assert sampled.loglik == pytest.approx(whole.loglik, abs=1e-9)
    np.testing.assert_allclose(sampled.dependence_set(), whole.dependence_set(), atol=2e-4)


# ---------------------------------------------------------------------------------------------- at the boundary


@pytest.mark.parametrize("sign", [1, -1])
def test_errors_that_are_one_have_their_maximum_at_the_boundary(sign):
    random = np.random.default_rng(11)
    x, z, u = random.normal(size=(3, 600))
    X, Z = np.column_stack([np.ones(600), x]), np.column_stack([np.ones(600), x, z])
    selected = 0.1 + 0.4 * x + 0.8 * z + u > 0
    y = (-0.1 + 0.4 * x + sign * u > 0).astype(float)
    fit = fit_selection_probit(y, X, selected, Z, clusters=np.arange(600) % 6)
    assert fit.boundary
    assert fit.rho == sign
    assert fit.covariance[-1, -1] == 0
    assert (np.diag(fit.covariance)[:-1] > 0).all()
    assert np.isfinite(fit.condition)
    np.testing.assert_allclose(
        fit.scores[:, :-1].sum(axis=0) * np.sqrt(np.diag(fit.covariance))[:-1], 0, atol=1e-5
    )
    ((low, high),) = fit.dependence_set()
    assert (high if sign == 1 else low) == sign
    assert 0 < sign * (low if sign == 1 else high) < 1
    with pytest.raises(EstimationError) as refused:
        fit.wald_test()
    assert refused.value.reason == "boundary"
    assert fit.likelihood_ratio_test().p_value < 1e-6
    # at rho = 1 the joint probability is that of the smaller predictor
    a, b = Z @ fit.gamma, X @ fit.beta
    passed = ndtr(np.minimum(a, b)) if sign == 1 else np.maximum(ndtr(a) + ndtr(b) - 1, 0)
    probability = np.where(y == 1, passed, ndtr(a) - passed)
    limit = np.log(np.where(selected, np.maximum(probability, 1e-300), ndtr(-a))).sum()
    assert fit.loglik == pytest.approx(limit, abs=0.05)


# ------------------------------------------------------------------------------------------------- by refusal


def refusal(*arguments, **options):
    with pytest.raises(EstimationError) as refused:
        fit_selection_probit(*arguments, **options)
    return refused.value


def test_constants_alone_identify_nothing():
    one = np.ones((200, 1))
    y, _, selected, _ = simulate(200, 1)
    assert refusal(y, one, selected, one).reason == "not_identified"


def test_saturated_equations_identify_nothing():
    y, X, selected, _ = simulate(200, 1)
    both = np.column_stack([np.ones(200), X[:, 1] > 0])
    assert refusal(y, both, selected, both).reason == "not_identified"


def test_separation_in_either_equation(data):
    y, X, selected, Z = data
    gate = refusal(y, X, selected, np.column_stack([Z, selected & (Z[:, 1] > 0)]))
    assert (gate.reason, gate.details["equation"], gate.details["columns"]) == ("separation", "gate", (3,))
    outcome = refusal(y, np.column_stack([X, (y == 1) & (X[:, 1] > 0)]), selected, Z)
    assert (outcome.reason, outcome.details["equation"]) == ("separation", "outcome")
    assert outcome.details["columns"] == (2,)
    assert "outcome equation separate" in str(outcome)


def test_collinearity_in_either_equation(data):
    y, X, selected, Z = data
    gate = refusal(y, X, selected, np.column_stack([Z, Z[:, 1] + Z[:, 2]]))
    assert (gate.reason, gate.details["equation"], gate.details["columns"]) == (
        "collinearity",
        "gate",
        (1, 2, 3),
    )
    # a column that varies among those who were not selected alone
    hidden = np.where(selected, 1.0, Z[:, 2])
    outcome = refusal(y, np.column_stack([X, hidden]), selected, Z)
    assert (outcome.reason, outcome.details["equation"], outcome.details["columns"]) == (
        "collinearity",
        "outcome",
        (0, 2),
    )


def test_nothing_to_explain(data):
    y, X, selected, Z = data
    assert refusal(y, X, np.zeros(600), Z).reason == "no_variation"
    assert refusal(np.zeros(600), X, np.ones(600), Z).reason == "no_variation"
    assert refusal(np.ones(600), X, selected, Z).reason == "no_variation"
    assert refusal(y, X, selected, Z, observed=np.zeros(600, dtype=bool)).reason == "no_cases"
    assert refusal(y, X, selected, Z, counts=np.zeros(600)).reason == "no_cases"
    everyone = np.arange(600)
    within = refusal(y, X[:, 1:], selected, Z[:, 1:], intercepts=everyone)
    assert within.reason == "no_variation_within_offices"


def test_what_is_not_selected_is_not_looked_at(data, fit):
    y, X, selected, Z = data
    filled = fit_selection_probit(np.where(selected, y, 1.0), X, selected, Z)
    np.testing.assert_array_equal(filled.parameters, fit.parameters)


def test_wrong_arguments(data):
    y, X, selected, Z = data
    with pytest.raises(ValueError, match="outcome must be 0 or 1 wherever it is seen"):
        fit_selection_probit(np.full(600, np.nan), X, selected, Z)
    with pytest.raises(ValueError, match="gate must be 0 or 1"):
        fit_selection_probit(y, X, selected + 0.5, Z)
    with pytest.raises(ValueError, match=r"designs \(n, k\)"):
        fit_selection_probit(y, X[:-1], selected, Z)
    with pytest.raises(ValueError, match="counts"):
        fit_selection_probit(y, X, selected, Z, counts=-np.ones(600))
    with pytest.raises(ValueError, match="one cluster"):
        fit_selection_probit(
            y, X, selected, Z, clusters=np.arange(600) % 2, intercepts=np.repeat(np.arange(3), 200)
        )
