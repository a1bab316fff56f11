"""The linear selection model: its likelihood written out once more, least squares, statsmodels, and refusals."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize
from scipy.stats import norm

from se_outcomes.errors import EstimationError
from se_outcomes.regression.heckman import fit_heckman, linear_selection_joint, log_normal_cdf
from se_outcomes.regression.probit import fit_probit

TRUTH = np.array([0.3, 0.5, 0.8, 3.0, 0.4, np.log(2.0), np.arctanh(0.5)])


def simulate(n, seed, rho=0.5):
    random = np.random.default_rng(seed)
    x, z = random.normal(size=(2, n))
    u, e = random.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=n).T
    X, Z = np.column_stack([np.ones(n), x]), np.column_stack([np.ones(n), x, z])
    selected = Z @ TRUTH[:3] + u > 0
    y = np.where(selected, X @ TRUTH[3:5] + 2 * e, np.nan)
    return y, X, selected, Z


def case_logliks(theta, y, X, selected, Z):
    """The log-likelihood of each case as the textbook has it."""
    kz, kx = Z.shape[1], X.shape[1]
    index, sigma, rho = Z @ theta[:kz], np.exp(theta[-2]), np.tanh(theta[-1])
    e = (np.where(selected, y, 0.0) - X @ theta[kz : kz + kx]) / sigma
    seen = norm.logpdf(e) - np.log(sigma) + norm.logcdf((index + rho * e) / np.sqrt(1 - rho**2))
    return np.where(selected, seen, norm.logcdf(-index))


def differences(function, theta, step=1e-5):
    moves = step * np.eye(len(theta))
    return np.array([(function(theta + move) - function(theta - move)) / (2 * step) for move in moves])


@pytest.fixture(scope="module")
def data():
    return simulate(1500, 1)


@pytest.fixture(scope="module")
def fit(data):
    return fit_heckman(*data, clusters=np.arange(1500) % 7)


# ------------------------------------------------------------------------------------------------ by reference


def test_as_the_textbook_likelihood_maximised_directly(data, fit):
    found = minimize(
        lambda theta: -case_logliks(theta, *data).sum(),
        TRUTH,
        jac=lambda theta: -differences(lambda at: case_logliks(at, *data).sum(), theta),
        options={"gtol": 1e-5},
    )
    np.testing.assert_allclose(fit.parameters, found.x, atol=1e-6)
    assert fit.loglik == pytest.approx(-found.fun, abs=1e-8)
    assert (fit.sigma, fit.rho) == (np.exp(fit.parameters[-2]), np.tanh(fit.parameters[-1]))
    np.testing.assert_array_equal(np.r_[fit.gamma, fit.beta], fit.parameters[:-2])


def test_scores_and_information_are_the_derivatives_cluster_by_cluster(data, fit):
    clusters = np.arange(1500) % 7

    def by_cluster(theta):
        return np.bincount(clusters, case_logliks(theta, *data))

    def gradients(theta):
        return differences(by_cluster, theta, 1e-4).T

    np.testing.assert_allclose(fit.scores, gradients(fit.parameters), atol=2e-5)
    hessians = differences(gradients, fit.parameters, 1e-3)  # (p, G, p)
    np.testing.assert_allclose(-fit.information, hessians.transpose(1, 0, 2), rtol=1e-4, atol=2e-3)
    np.testing.assert_allclose(fit.covariance, np.linalg.inv(fit.information.sum(axis=0)), rtol=1e-8)
    np.testing.assert_allclose(fit.scores.sum(axis=0) * np.sqrt(np.diag(fit.covariance)), 0, atol=1e-6)


def test_held_coefficients_and_their_scores(data, fit):
    held = fit.refit(restrict={4: 0.7, 5: np.log(1.9)})
    assert held.parameters[4] == pytest.approx(0.7, abs=1e-14)
    assert held.sigma == pytest.approx(1.9, abs=1e-14)
    assert held.covariance[4].max() == held.covariance[5].max() == 0
    assert held.loglik < fit.loglik
    np.testing.assert_allclose(
        held.scores.sum(axis=0),
        differences(lambda theta: case_logliks(theta, *data).sum(), held.parameters),
        atol=1e-4,
    )


def test_two_steps_as_statsmodels(data):
    y, X, selected, Z = data
    fit = fit_heckman(*data, method="two_step")
    gate = sm.Probit(selected.astype(float), Z).fit(disp=False, tol=1e-14)
    index = (Z @ gate.params)[selected]
    mills = norm.pdf(index) / norm.cdf(index)
    W = np.column_stack([X[selected], mills])
    outcome = sm.OLS(y[selected], W).fit()
    np.testing.assert_allclose(fit.gamma, gate.params, atol=1e-8)
    np.testing.assert_allclose(np.r_[fit.beta, fit.mills], outcome.params, atol=1e-8)
    delta = mills * (mills + index)
    sigma = np.sqrt(np.mean(outcome.resid**2) + delta.mean() * outcome.params[-1] ** 2)
    rho = outcome.params[-1] / sigma
    assert fit.sigma == pytest.approx(sigma, rel=1e-8)
    assert fit.rho == pytest.approx(rho, rel=1e-8)
    bread = np.linalg.inv(W.T @ W)
    through = W.T @ (Z[selected] * delta[:, None])
    Q = rho**2 * through @ gate.cov_params() @ through.T
    greene = sigma**2 * bread @ (W.T @ (W * (1 - rho**2 * delta)[:, None]) + Q) @ bread
    np.testing.assert_allclose(fit.covariance[3:, 3:], greene, rtol=1e-6)
    np.testing.assert_allclose(fit.covariance[:3, :3], gate.cov_params(), rtol=1e-6)
    assert np.linalg.eigvalsh(fit.covariance).min() > 0
    assert fit.condition == pytest.approx(np.linalg.cond(W / np.linalg.norm(W, axis=0)), rel=1e-8)
    assert (fit.n_cases, fit.n_outcomes) == (1500, selected.sum())


# ------------------------------------------------------------------------------------------------ by hand


def test_at_independence_it_is_a_probit_and_least_squares(data, fit):
    y, X, selected, Z = data
    gate = fit_probit(selected, Z)
    b, left = np.linalg.lstsq(X[selected], y[selected], rcond=None)[:2]
    n, sigma = selected.sum(), np.sqrt(left[0] / selected.sum())
    assert fit.loglik_independent == pytest.approx(
        gate.loglik - n * (np.log(sigma) + np.log(2 * np.pi) / 2 + 0.5), abs=1e-8
    )
    node = fit.profile.t.tolist().index(0.0)
    np.testing.assert_allclose(fit.profile.coefficients[node], np.r_[gate.beta, b, np.log(sigma)], atol=1e-6)


def test_score_test_asks_whether_the_mills_ratio_explains_the_residual(data, fit):
    y, X, selected, Z = data
    own, index = X[selected], (Z @ fit_probit(selected, Z).beta)[selected]
    mills = norm.pdf(index) / norm.cdf(index)
    residual = y[selected] - own @ np.linalg.lstsq(own, y[selected], rcond=None)[0]
    left_over = mills - own @ np.linalg.lstsq(own, mills, rcond=None)[0]
    statistic = (mills @ residual) ** 2 / residual.var() / (left_over @ left_over)
    assert fit.score_test().statistic == pytest.approx(statistic, rel=1e-6)


def test_constants_alone_identify_rho_by_skewness_only():
    """The selected y are then skew-normal: without skewness rho = 0 is a maximum without curvature, and mirrored
    outcomes mirror rho."""
    y, one = np.array([-1.0, 1.0, -2.0, 2.0, 0.0, np.nan]), np.ones((6, 1))
    even, skewed = [20, 20, 5, 5, 30, 60], [20, 22, 1, 12, 30, 60]
    assert reason(y, one, np.isfinite(y), one, counts=even) == "not_identified"
    fit = fit_heckman(y, one, np.isfinite(y), one, counts=skewed)
    mirrored = fit_heckman(-y, one, np.isfinite(y), one, counts=skewed)
    np.testing.assert_allclose(mirrored.parameters, fit.parameters * [1, -1, 1, -1], atol=1e-6)
    assert mirrored.loglik == pytest.approx(fit.loglik, abs=1e-9)


def test_perfect_dependence_is_told_as_the_boundary():
    y, X, selected, Z = simulate(150, 3, rho=0.999999)
    fit = fit_heckman(y, X, selected, Z)
    assert fit.boundary
    assert fit.rho == 1.0
    assert (fit.covariance[-1] == 0).all()
    assert np.isfinite(fit.parameters).all()
    assert fit.local_maxima[0].edge


# ------------------------------------------------------------------------------------------------ by property


def test_order_of_rows_and_units_do_not_matter(data, fit):
    y, X, selected, Z = data
    order = np.random.default_rng(5).permutation(len(y))
    turned = fit_heckman(y[order], X[order], selected[order], Z[order])
    np.testing.assert_allclose(turned.parameters, fit.parameters, rtol=1e-10)
    scaled = fit_heckman(1e3 * y, X * [1, 1e3], selected, Z * [1, 1e3, 1e-3])
    units = np.array([1, 1e3, 1e-3, 1e-3, 1, 1, 1])
    back = scaled.parameters * units - [0, 0, 0, 0, 0, np.log(1e3), 0]
    np.testing.assert_allclose(back, fit.parameters, rtol=1e-8)
    shifted = fit_heckman(y + 1e6, X, selected, Z)
    np.testing.assert_allclose(
        shifted.parameters[[0, 1, 2, 4, 5, 6]], fit.parameters[[0, 1, 2, 4, 5, 6]], rtol=1e-6
    )


@pytest.mark.parametrize("method", ["ml", "two_step"])
def test_a_tally_is_the_rows(data, method):
    y, X, selected, Z = (values[:300] for values in data)
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 4, size=300)
    tally = fit_heckman(y, X, selected, Z, counts=counts, method=method)
    rows = fit_heckman(*(np.repeat(values, counts, axis=0) for values in (y, X, selected, Z)), method=method)
    for name in ("gamma", "beta", "sigma", "rho", "covariance"):
        np.testing.assert_allclose(getattr(tally, name), getattr(rows, name), rtol=1e-9, atol=1e-11)


def test_outcomes_and_predictors_of_those_not_selected_are_not_looked_at(data, fit):
    y, X, selected, Z = data
    other = np.where(selected, y, 99.0), np.where(selected[:, None], X, np.nan)
    np.testing.assert_allclose(fit_heckman(*other, selected, Z).parameters, fit.parameters, rtol=1e-10)


def test_intercepts_of_groups_are_dummies(data):
    y, X, selected, Z = (values[:600] for values in data)
    group = np.arange(600) % 4
    dummies = (group[:, None] == np.arange(4)).astype(float)
    inside = fit_heckman(y, X[:, 1:], selected, Z[:, 1:], intercepts=group, clusters=group)
    columns = fit_heckman(
        y, np.hstack([X[:, 1:], dummies]), selected, np.hstack([Z[:, 1:], dummies]), clusters=group
    )
    assert inside.loglik == pytest.approx(columns.loglik, abs=1e-8)
    own = [0, 1, 6, 11, 12]
    np.testing.assert_allclose(inside.parameters, columns.parameters[own], atol=1e-7)
    np.testing.assert_allclose(inside.covariance, columns.covariance[np.ix_(own, own)], atol=1e-8)
    np.testing.assert_allclose(
        inside.intercept_values, np.column_stack([columns.gamma[2:], columns.beta[1:]]), atol=1e-6
    )
    np.testing.assert_allclose(inside.scores.sum(axis=0), 0, atol=1e-5)
    without = inside.refit(without=2)
    rest = group != 2
    fresh = fit_heckman(y[rest], X[rest, 1:], selected[rest], Z[rest, 1:], intercepts=group[rest])
    np.testing.assert_allclose(without.parameters, fresh.parameters, atol=1e-7)


def test_refit_without_a_cluster_holds_what_no_longer_varies(data):
    y, X, selected, Z = data
    clusters = np.arange(1500) % 7
    only = (clusters == 3).astype(float)
    y = y + only
    fit = fit_heckman(y, np.column_stack([X, only]), selected, Z, clusters=clusters)
    rest = fit.refit(without=3)
    assert rest.held.nonzero()[0].tolist() == [5]
    assert rest.beta[2] == pytest.approx(fit.beta[2], abs=1e-12)
    keep = clusters != 3
    fresh = fit_heckman(y[keep], X[keep], selected[keep], Z[keep])
    np.testing.assert_allclose(rest.parameters[[0, 1, 2, 3, 4, 6, 7]], fresh.parameters, atol=1e-7)


def test_the_set_holds_the_truth_and_ends_where_the_likelihood_ratio_does(fit):
    ((low, high),) = fit.dependence_set()
    assert low < 0.5 < high
    ends = fit.profile.deviance(np.arctanh([low, high]))
    np.testing.assert_allclose(ends, 3.841459, atol=1e-3)
    assert fit.likelihood_ratio_test().p_value < 0.001
    assert fit.profile.coefficients.shape[1] == 6


@pytest.mark.parametrize("t", [-5.5, -1.0, 0.0, 0.4, 3.0])
def test_derivatives_of_the_density(t):
    a, b = (grid.ravel() for grid in np.meshgrid([-4.0, -0.7, 0.0, 1.3, 5.0], [-3.0, -0.4, 0.2, 2.5]))
    s = np.ones_like(a)
    found = linear_selection_joint(s, s, a, b, t, 2)
    assert (linear_selection_joint(s, s, a, b, t, 0)[0] == found[0]).all()
    step, pick = 1e-6, {"a": (step_a := 1e-6, 0, 0), "b": (0, 1e-6, 0), "t": (0, 0, 1e-6)}
    assert step_a == step
    first, second = {"a": 1, "b": 2, "t": 3}, {"aa": 4, "ab": 5, "bb": 6, "at": 7, "bt": 8, "tt": 9}

    def difference(name, row):
        da, db, dt = pick[name]
        high = linear_selection_joint(s, s, a + da, b + db, t + dt, 2)[row]
        return (high - linear_selection_joint(s, s, a - da, b - db, t - dt, 2)[row]) / (2 * step)

    for name, row in first.items():
        np.testing.assert_allclose(found[row], difference(name, 0), rtol=1e-5, atol=1e-4 * np.cosh(t))
    for name, row in second.items():
        scale = np.abs(found[row]).max()
        np.testing.assert_allclose(
            found[row], difference(name[1], first[name[0]]), rtol=1e-5, atol=1e-7 * scale
        )


def test_the_far_tail_keeps_its_digits():
    m = np.array([-1e8, -1e4, -50.0000001, -49.9999999, -5.0, 0.0, 5.0, 60.0])
    value, first, second = log_normal_cdf(m)
    assert np.isfinite(value).all()
    assert (first >= 0).all()
    assert ((second <= 0) & (second >= -1)).all()
    assert second[2] == pytest.approx(second[3], rel=1e-10)
    assert first[1] + m[1] == pytest.approx(1e-4, rel=1e-6)
    np.testing.assert_allclose(first[4:7], norm.pdf(m[4:7]) / norm.cdf(m[4:7]), rtol=1e-12)


# ------------------------------------------------------------------------------------------------ by refusal


def reason(*arguments, **options):
    with pytest.raises(EstimationError) as refused:
        fit_heckman(*arguments, **options)
    return refused.value.reason


@pytest.mark.parametrize("method", ["ml", "two_step"])
def test_refusals(data, method):
    y, X, selected, Z = (values[:300] for values in data)
    twice = np.column_stack([X, 2 * X[:, 1]])
    assert reason(y, twice, selected, Z, method=method) == "collinearity"
    assert reason(y, X, selected, np.column_stack([Z, Z[:, 1]]), method=method) == "collinearity"
    assert reason(X @ [3.0, 0.4], X, selected, Z, method=method) == "perfect_fit"
    assert reason(np.full(300, 2.0), X, selected, Z, method=method) == "no_variation"
    assert reason(y, X, np.zeros(300), Z, method=method) == "no_variation"
    assert reason(np.nan_to_num(y), X, np.ones(300), Z, method=method) == "no_variation"
    apart = np.column_stack([Z, np.where(selected, 1.0, -1.0) * (1 + Z[:, 1] ** 2)])
    assert reason(y, X, selected, apart, method=method) == "separation"


def test_a_perfect_fit_without_a_cluster(data):
    y, X, selected, Z = (values[:300].copy() for values in data)
    clusters = np.arange(300) % 2
    y[clusters == 1] = X[clusters == 1] @ [3.0, 0.4]
    fit = fit_heckman(y, X, selected, Z, clusters=clusters)
    with pytest.raises(EstimationError) as refused:
        fit.refit(without=0)
    assert refused.value.reason == "perfect_fit"


def test_two_steps_without_a_curved_mills_ratio_are_refused():
    """Four cells in Z and as many in X: any function of the index is a linear combination of X."""
    random = np.random.default_rng(1)
    d, f = random.integers(0, 2, size=(2, 400))
    Z = np.column_stack([np.ones(400), d, f, d * f])
    selected = random.random(400) < 0.3 + 0.2 * d + 0.2 * f
    assert reason(random.normal(size=400), Z, selected, Z, method="two_step") == "not_identified"


def test_wrong_arguments(data):
    y, X, selected, Z = data
    with pytest.raises(ValueError, match="method"):
        fit_heckman(*data, method="three_step")
    with pytest.raises(ValueError, match="independent cases"):
        fit_heckman(*data, method="two_step", clusters=np.arange(1500))
    with pytest.raises(ValueError, match="finite"):
        fit_heckman(np.full(1500, np.nan), X, selected, Z)
    with pytest.raises(ValueError, match=r"\(n, k\)"):
        fit_heckman(y, X[:10], selected, Z)
    with pytest.raises(ValueError, match="restrict"):
        fit_heckman(*data).refit(restrict={6: 0.0})
