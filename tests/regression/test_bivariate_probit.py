"""The bivariate and the recursive probit: tables by hand, the likelihood written out once more, refusals."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal, norm

from se_outcomes.errors import EstimationError
from se_outcomes.regression.bivariate_probit import fit_bivariate_probit, fit_recursive_probit
from se_outcomes.regression.probit import fit_probit


def simulate(n, seed, effect=0.6, rho=0.4):
    """Predictors of few values, so that the direct likelihood needs few bivariate integrals."""
    random = np.random.default_rng(seed)
    x, z = random.integers(-1, 2, size=(2, n)).astype(float)
    u, e = random.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=n).T
    X, Z = np.column_stack([np.ones(n), x]), np.column_stack([np.ones(n), x, z])
    accepted = (Z @ [0.2, 0.3, 0.8] + u > 0).astype(float)
    y = (X @ [-0.3, 0.5] + effect * accepted + e > 0).astype(float)
    return y, X, accepted, Z


def direct_loglik(theta, y1, X1, y2, X2):
    rows, counts = np.unique(np.column_stack([y1, y2, X1, X2]), axis=0, return_counts=True)
    q1, q2, k = 2 * rows[:, 0] - 1, 2 * rows[:, 1] - 1, X1.shape[1]
    a, b = q1 * (rows[:, 2 : 2 + k] @ theta[:k]), q2 * (rows[:, 2 + k :] @ theta[k:-1])
    total = 0.0
    for sign in (-1, 1):
        own, rho = q1 * q2 == sign, sign * np.tanh(theta[-1])
        joint = multivariate_normal([0, 0], [[1, rho], [rho, 1]])
        total += counts[own] @ np.log(np.atleast_1d(joint.cdf(np.column_stack([a[own], b[own]]))))
    return total


def reason(function, *arguments, **options):
    with pytest.raises(EstimationError) as refused:
        function(*arguments, **options)
    return refused.value.reason


@pytest.fixture(scope="module")
def data():
    return simulate(2000, 1)


@pytest.fixture(scope="module")
def fit(data):
    return fit_recursive_probit(*data, clusters=np.arange(2000) % 9)


def test_a_table_by_hand():
    """Half of the cases each way and 3/8, 1/8, 1/8, 3/8 in the cells: P(1, 1) = 1/4 + arcsin(rho) / (2 pi)."""
    one = np.ones((4, 1))
    fit = fit_bivariate_probit([1, 1, 0, 0], one, [1, 0, 1, 0], one, counts=[30, 10, 10, 30])
    assert fit.rho == pytest.approx(np.sin(np.pi / 4), abs=1e-7)
    np.testing.assert_allclose([fit.beta1[0], fit.beta2[0]], 0, atol=1e-7)
    assert fit.loglik == pytest.approx(60 * np.log(3 / 8) + 20 * np.log(1 / 8), abs=1e-10)


def test_uneven_tables_are_fitted_exactly():
    one = np.ones((4, 1))
    counts = np.array([12, 30, 9, 71])
    fit = fit_bivariate_probit([1, 1, 0, 0], one, [1, 0, 1, 0], one, counts=counts)
    assert fit.beta1[0] == pytest.approx(norm.ppf(42 / 122), abs=1e-7)
    assert fit.beta2[0] == pytest.approx(norm.ppf(21 / 122), abs=1e-7)
    assert fit.loglik == pytest.approx(counts @ np.log(counts / 122), abs=1e-10)


def test_an_empty_cell_is_the_boundary():
    one = np.ones((4, 1))
    fit = fit_bivariate_probit([1, 1, 0, 0], one, [1, 0, 1, 0], one, counts=[30, 20, 0, 40])
    assert fit.boundary
    assert fit.rho == 1.0


def test_independent_equations_are_two_probits(data, fit):
    y, X, accepted, Z = data
    first = fit_probit(accepted, Z)
    second = fit_probit(y, np.column_stack([X, accepted]))
    assert fit.loglik_independent == pytest.approx(first.loglik + second.loglik, abs=1e-9)
    node = fit.profile.t.tolist().index(0.0)
    np.testing.assert_allclose(fit.profile.coefficients[node], np.r_[first.beta, second.beta], atol=1e-5)


def test_as_the_likelihood_maximised_directly(data, fit):
    y, X, accepted, Z = data
    whole = np.column_stack([X, accepted])

    def loss(theta):
        return -direct_loglik(theta, accepted, Z, y, whole) / 100

    def slope(theta, step=1e-4):
        moves = step * np.eye(len(theta))
        return np.array([(loss(theta + move) - loss(theta - move)) / (2 * step) for move in moves])

    truth = np.array([0.2, 0.3, 0.8, -0.3, 0.5, 0.6, np.arctanh(0.4)])
    found = minimize(loss, truth, jac=slope, options={"gtol": 1e-6})
    np.testing.assert_allclose(fit.parameters, found.x, atol=1e-5)
    assert fit.loglik == pytest.approx(-100 * found.fun, abs=1e-7)
    np.testing.assert_array_equal(np.r_[fit.gamma, fit.beta, np.arctanh(fit.rho)][:-1], fit.parameters[:-1])
    assert fit.effect == fit.beta[-1]


def test_the_recursive_probit_is_the_bivariate_one(data, fit):
    y, X, accepted, Z = data
    same = fit_bivariate_probit(accepted, Z, y, np.column_stack([X, accepted]))
    np.testing.assert_allclose(np.r_[same.beta1, same.beta2, np.arctanh(same.rho)], fit.parameters, atol=1e-9)
    swapped = fit_bivariate_probit(y, np.column_stack([X, accepted]), accepted, Z)
    np.testing.assert_allclose(np.r_[swapped.beta2, swapped.beta1], fit.parameters[:-1], atol=1e-7)
    np.testing.assert_allclose(swapped.rho, fit.rho, atol=1e-7)


def test_scores_sum_to_zero_and_information_to_the_inverse_covariance(fit):
    assert fit.scores.shape == (9, 7)
    np.testing.assert_allclose(fit.scores.sum(axis=0) * np.sqrt(np.diag(fit.covariance)), 0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.inv(fit.information.sum(axis=0)), fit.covariance, rtol=1e-8)
    assert fit.n_cases == fit.n_outcomes == 2000


def test_order_units_and_tallies_do_not_matter(data, fit):
    y, X, accepted, Z = data
    order = np.random.default_rng(3).permutation(2000)
    turned = fit_recursive_probit(y[order], X[order], accepted[order], Z[order])
    np.testing.assert_allclose(turned.parameters, fit.parameters, rtol=1e-9)
    scaled = fit_recursive_probit(y, X * [1, 1e3], accepted, Z * [1, 1e-3, 1e3])
    back = scaled.parameters * [1, 1e-3, 1e3, 1, 1e3, 1, 1]
    np.testing.assert_allclose(back, fit.parameters, rtol=1e-8)
    rows, counts = np.unique(np.column_stack([y, X, accepted, Z]), axis=0, return_counts=True)
    tally = fit_recursive_probit(rows[:, 0], rows[:, 1:3], rows[:, 3], rows[:, 4:], counts=counts)
    np.testing.assert_allclose(tally.parameters, fit.parameters, rtol=1e-10)


def test_intercepts_are_dummies_and_refits_are_fits(data):
    y, X, accepted, Z = (values[:800] for values in data)
    group = np.arange(800) % 4
    dummies = (group[:, None] == np.arange(4)).astype(float)
    inside = fit_recursive_probit(y, X[:, 1:], accepted, Z[:, 1:], intercepts=group, clusters=group)
    columns = fit_recursive_probit(
        y, np.hstack([dummies, X[:, 1:]]), accepted, np.hstack([dummies, Z[:, 1:]])
    )
    np.testing.assert_allclose(inside.parameters, columns.parameters[[4, 5, 10, 11, 12]], atol=1e-7)
    assert inside.loglik == pytest.approx(columns.loglik, abs=1e-8)
    keep = group != 1
    fresh = fit_recursive_probit(y[keep], X[keep, 1:], accepted[keep], Z[keep, 1:], intercepts=group[keep])
    np.testing.assert_allclose(inside.refit(without=1).parameters, fresh.parameters, atol=1e-7)
    none = inside.refit(restrict={3: 0.0})
    assert none.effect == 0.0
    assert none.loglik < inside.loglik


def test_refusals(data):
    y, X, accepted, Z = data
    assert reason(fit_recursive_probit, accepted, X, accepted, Z) == "separation"
    settled = np.where(accepted == 1, 1.0, y)
    assert reason(fit_recursive_probit, settled, X, accepted, Z) == "separation"
    assert reason(fit_recursive_probit, y, X, np.ones(2000), Z) == "no_variation"
    assert reason(fit_recursive_probit, np.zeros(2000), X, accepted, Z) == "no_variation"
    assert reason(fit_recursive_probit, y, np.column_stack([X, accepted]), accepted, Z) == "collinearity"
    assert reason(fit_bivariate_probit, y, X, accepted, np.column_stack([Z, 2 * Z[:, 1]])) == "collinearity"


def test_a_saturated_recursive_probit_is_not_identified():
    """Three free cell probabilities, and four parameters."""
    one = np.ones((4, 1))
    table = [1, 0, 1, 0], one, [1, 1, 0, 0], one
    assert reason(fit_recursive_probit, *table, counts=[12, 30, 9, 71]) == "not_identified"


def test_wrong_arguments(data):
    y, X, accepted, Z = data
    with pytest.raises(ValueError, match="accepted must be"):
        fit_recursive_probit(y, X, accepted[:5], Z)
    with pytest.raises(ValueError, match="0 or 1"):
        fit_bivariate_probit(y, X, accepted + 0.5, Z)
