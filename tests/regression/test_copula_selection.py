"""Copula selection: the normal one as the selection probit, the others by their likelihood written out, refusals."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import norm

from se_outcomes.errors import EstimationError
from se_outcomes.regression.copula_selection import copula_family, fit_copula_selection
from se_outcomes.regression.copulas import COPULAS
from se_outcomes.regression.logit import fit_logit
from se_outcomes.regression.selection_probit import fit_selection_probit


def simulate(n, seed, rho=0.5):
    random = np.random.default_rng(seed)
    x, z = random.integers(-2, 3, size=(2, n)) / 2
    u, e = random.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=n).T
    X, Z = np.column_stack([np.ones(n), x]), np.column_stack([np.ones(n), x, z])
    selected = Z @ [0.2, 0.5, 0.8] + u > 0
    y = np.where(selected, X @ [-0.2, 0.5] + e > 0, np.nan)
    return y, X, selected, Z


@pytest.fixture(scope="module")
def data():
    return simulate(2000, 1)


def frank(u, v, theta):
    return -np.log1p(np.expm1(-theta * u) * np.expm1(-theta * v) / np.expm1(-theta)) / theta


def clayton(u, v, theta):
    return (u**-theta + v**-theta - 1) ** (-1 / theta)


def gumbel(u, v, theta):
    return np.exp(-(((-np.log(u)) ** theta + (-np.log(v)) ** theta) ** (1 / theta)))


@pytest.mark.parametrize(
    ("name", "function", "margin", "start"),
    [
        ("frank", frank, "probit", 3.0),
        ("frank", frank, "logit", 3.0),
        ("clayton", clayton, "logit", 1.0),
        ("gumbel", gumbel, "probit", 1.5),
    ],
)
def test_as_the_likelihood_maximised_directly(data, name, function, margin, start):
    y, X, selected, Z = data
    cdf = {"probit": norm.cdf, "logit": expit}[margin]

    def loss(point):
        u, v = cdf(Z @ point[:3]), cdf(X @ point[3:5])
        joint = function(u, v, point[5])
        return -np.log(np.where(~selected, 1 - u, np.where(y == 1, joint, u - joint))).sum() / 100

    def slope(point, step=1e-5):
        moves = step * np.eye(6)
        return np.array([(loss(point + move) - loss(point - move)) / (2 * step) for move in moves])

    scale = 1.7 if margin == "logit" else 1.0
    found = minimize(
        loss, np.r_[scale * np.array([0.2, 0.5, 0.8, -0.2, 0.5]), start], jac=slope, options={"gtol": 1e-7}
    )
    fit = fit_copula_selection(y, X, selected, Z, copula=name, gate=margin, outcome=margin)
    np.testing.assert_allclose(np.r_[fit.gamma, fit.beta, fit.theta], found.x, atol=1e-5, rtol=1e-6)
    assert fit.loglik == pytest.approx(-100 * found.fun, abs=1e-7)
    assert fit.aic == pytest.approx(12 - 2 * fit.loglik)
    assert not fit.boundary


def test_the_normal_copula_is_the_selection_probit(data):
    fit, probit = fit_copula_selection(*data, copula="normal"), fit_selection_probit(*data)
    np.testing.assert_array_equal(fit.parameters, probit.parameters)
    assert fit.theta == probit.rho
    assert fit.kendall_tau == pytest.approx(2 / np.pi * np.arcsin(probit.rho))


@pytest.mark.parametrize("name", COPULAS)
@pytest.mark.parametrize("rho", [-0.6, 0.6])
def test_every_copula_is_fitted_and_takes_the_sign_it_can(name, rho):
    y, X, selected, Z = simulate(1000, 7, rho)
    fit = fit_copula_selection(y, X, selected, Z, copula=name, clusters=np.arange(1000) % 5)
    low, high = COPULAS[name].tau_range
    if low < np.sign(rho) * 0.1 < high:
        assert not fit.boundary
        assert fit.kendall_tau == pytest.approx(rho * 2 / 3, abs=0.35)
        assert fit.kendall_tau == pytest.approx(COPULAS[name].kendall_tau(fit.parameters[-1]))
        assert fit.loglik > fit.loglik_independent
        size = np.sqrt(np.diag(fit.covariance))
        np.testing.assert_allclose(fit.scores.sum(axis=0) * size, 0, atol=1e-5)
        np.testing.assert_allclose(np.linalg.inv(fit.information.sum(axis=0)), fit.covariance, rtol=1e-6)
    else:
        assert fit.boundary
        assert fit.kendall_tau == 0.0
        assert fit.theta == {"clayton": 0.0}.get(name.rstrip("0123456789"), 1.0)
        assert fit.loglik == pytest.approx(fit.loglik_independent, abs=0.2)


def test_at_independence_it_is_two_logits(data):
    y, X, selected, Z = data
    fit = fit_copula_selection(*data, gate="logit", outcome="logit")
    gate, outcome = fit_logit(selected, Z), fit_logit(y[selected], X[selected])
    assert fit.loglik_independent == pytest.approx(gate.loglik + outcome.loglik, abs=1e-9)
    node = fit.profile.t.tolist().index(0.0)
    np.testing.assert_allclose(fit.profile.coefficients[node], np.r_[gate.beta, outcome.beta], atol=1e-5)
    assert fit.likelihood_ratio_test().p_value < 0.05
    ((low, high),) = fit.dependence_set()
    assert low < fit.theta < high


def test_a_rotated_copula_is_the_mirrored_outcome(data):
    """C turned by 270 degrees, v - C(u, 1 - v) up to the sign: joining (u, v) is joining (u, 1 - v) by C."""
    y, X, selected, Z = data
    fit = fit_copula_selection(y, X, selected, Z, copula="joe")
    mirrored = fit_copula_selection(1 - y, X, selected, Z, copula="joe270")
    np.testing.assert_allclose(mirrored.gamma, fit.gamma, atol=1e-6)
    np.testing.assert_allclose(mirrored.beta, -fit.beta, atol=1e-6)
    assert mirrored.theta == pytest.approx(fit.theta, rel=1e-6)
    assert mirrored.kendall_tau == pytest.approx(-fit.kendall_tau, rel=1e-6)


@pytest.mark.parametrize("name", ["frank", "gumbel180"])
def test_order_units_and_tallies_do_not_matter(data, name):
    y, X, selected, Z = data
    fit = fit_copula_selection(y, X, selected, Z, copula=name)
    order = np.random.default_rng(3).permutation(2000)
    turned = fit_copula_selection(y[order], X[order], selected[order], Z[order], copula=name)
    np.testing.assert_allclose(turned.parameters, fit.parameters, rtol=1e-8)
    scaled = fit_copula_selection(y, X * [1, 1e3], selected, Z * [1, 1e-3, 1e3], copula=name)
    np.testing.assert_allclose(scaled.parameters * [1, 1e-3, 1e3, 1, 1e3, 1], fit.parameters, rtol=1e-8)
    table = np.column_stack([np.nan_to_num(y), X, selected, Z])
    rows, counts = np.unique(table, axis=0, return_counts=True)
    tally = fit_copula_selection(
        rows[:, 0], rows[:, 1:3], rows[:, 3], rows[:, 4:], counts=counts, copula=name
    )
    np.testing.assert_allclose(tally.parameters, fit.parameters, rtol=1e-8)
    assert tally.loglik == pytest.approx(fit.loglik, rel=1e-10)


def test_intercepts_are_dummies_and_count_in_the_criterion(data):
    y, X, selected, Z = (values[:900] for values in data)
    group = np.arange(900) % 3
    dummies = (group[:, None] == np.arange(3)).astype(float)
    inside = fit_copula_selection(y, X[:, 1:], selected, Z[:, 1:], intercepts=group, clusters=group)
    columns = fit_copula_selection(
        y, np.hstack([dummies, X[:, 1:]]), selected, np.hstack([dummies, Z[:, 1:]])
    )
    np.testing.assert_allclose(inside.parameters, columns.parameters[[3, 4, 8, 9]], atol=1e-6)
    assert inside.aic == pytest.approx(columns.aic, abs=1e-7)
    assert inside.refit(without=1).n_clusters == 2


@pytest.mark.parametrize("name", ["frank", "clayton90", "joe180"])
@pytest.mark.parametrize("margins", [("probit", "logit"), ("logit", "probit")])
def test_derivatives_of_the_joint_probability(name, margins):
    family = copula_family(name, *margins)
    random = np.random.default_rng(4)
    a, b = random.normal(size=(2, 20))
    y, s, t = np.where(random.random(20) < 0.5, 1.0, -1.0), np.ones(20), family.nodes[6] + 0.1
    found = family.joint(s, y, a, b, t, 2)
    step = 1e-5
    for row, moves in ((1, (step, 0, 0)), (2, (0, step, 0)), (3, (0, 0, step))):
        high = family.joint(s, y, a + moves[0], b + moves[1], t + moves[2], 0)[0]
        low = family.joint(s, y, a - moves[0], b - moves[1], t - moves[2], 0)[0]
        np.testing.assert_allclose(found[row], (high - low) / (2 * step), rtol=1e-6, atol=1e-8)
    for alone, sign in ((family.gate, y), (family.outcome, y)):
        value, first, second = alone(sign, a)
        np.testing.assert_allclose(first, (alone(sign, a + step)[0] - value) / step, atol=1e-4)
        np.testing.assert_allclose(second, (alone(sign, a + step)[1] - first) / step, atol=1e-4)


def test_nodes_are_spread_in_kendalls_tau():
    for name, copula in COPULAS.items():
        family = copula_family(name)
        assert (family.nodes[0], family.nodes[-1]) == family.limits
        tau = np.array([copula.kendall_tau(t) for t in family.nodes])
        np.testing.assert_allclose(np.diff(tau), np.diff(tau).mean(), rtol=1e-6)
    assert 0.0 in copula_family("frank").nodes


def test_refusals(data):
    y, X, selected, Z = data

    def reason(*arguments, **options):
        with pytest.raises(EstimationError) as refused:
            fit_copula_selection(*arguments, **options)
        return refused.value.reason

    assert reason(y, np.column_stack([X, X[:, 1]]), selected, Z) == "collinearity"
    assert reason(y, np.column_stack([X, y == 1]), selected, Z, copula="joe90") == "separation"
    assert reason(y, X, np.zeros(2000), Z) == "no_variation"
    assert reason(np.zeros(2000), X, selected, Z) == "no_variation"
    one = np.ones((2000, 1))
    assert reason(y, one, selected, one, copula="frank") == "not_identified"


def test_independence_at_the_end_of_the_range_has_no_test(data):
    fit = fit_copula_selection(*data, copula="gumbel")
    with pytest.raises(EstimationError) as refused:
        fit.likelihood_ratio_test()
    assert refused.value.reason == "boundary"


def test_wrong_arguments(data):
    with pytest.raises(ValueError, match="copula must be one of"):
        fit_copula_selection(*data, copula="plackett")
    with pytest.raises(ValueError, match="gate and outcome"):
        fit_copula_selection(*data, gate="cloglog")
    with pytest.raises(ValueError, match="probits only"):
        fit_copula_selection(*data, copula="normal", gate="logit")
