"""Averages of a two-equation fit: by hand, their gradients by differences, their sets in a large sample."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import multivariate_normal, norm

from se_outcomes.errors import EstimationError
from se_outcomes.regression.paired import evaluate
from se_outcomes.regression.paired_marginal import (
    average,
    average_at,
    placement,
    placement_given_selection,
    placement_slope,
)
from se_outcomes.regression.profiled_averages import functional_set, profile_averages
from se_outcomes.regression.selection_probit import fit_selection_probit

#: accepted, open gate, gap, its part on recorded and its part on other grounds
PARTS = np.array([[1.0, 0, 0], [0, 1, 0], [1, -1, 0], [0, -1, 1], [1, 0, -1]])


def simulate(n, seed, rho=0.5):
    random = np.random.default_rng(seed)
    x, z, u, v = random.normal(size=(4, n))
    X, Z = np.column_stack([np.ones(n), x]), np.column_stack([np.ones(n), x, z])
    selected = Z @ [0.2, 0.5, 0.8] + u > 0
    y = np.where(selected, X @ [-0.2, 0.5] + rho * u + np.sqrt(1 - rho**2) * v > 0, np.nan)
    return y, X, selected, Z


@pytest.fixture(scope="module")
def data():
    return simulate(500, 2)


@pytest.fixture(scope="module")
def fit(data):
    return fit_selection_probit(*data)


@pytest.fixture(scope="module")
def tally():
    """Eight rows with counts whose fit is known: a = -.4, .7, b = .3, rho = .6."""
    a, b, rho = np.array([-0.4, 0.7]), 0.3, 0.6
    passed = ndtr(a)
    placed = np.array([multivariate_normal.cdf([value, b], cov=[[1, rho], [rho, 1]]) for value in a])
    z = np.array([0.0, 1, 0, 1, 0, 1])
    selected, y = np.array([0, 0, 1, 1, 1, 1]), np.array([0, 0, 0, 0, 1, 1])
    counts = 500 * np.r_[1 - passed, passed - placed, placed]
    fit = fit_selection_probit(y, np.ones((6, 1)), selected, np.column_stack([np.ones(6), z]), counts=counts)
    return fit, b, passed, placed


# ------------------------------------------------------------------------------------------------- by hand


def test_averages_of_a_tally_by_hand(tally):
    fit, b, passed, placed = tally
    averages = average_at(
        fit.model,
        fit.profile.nodes[int(np.argmax(fit.profile.loglik))],
        [placement(), placement(accepted_only=True), placement_given_selection(), placement_slope(0)],
    )
    given = placed.sum() / passed.sum()  # the accepted are 500 passed in each half
    np.testing.assert_allclose(averages.values, [ndtr(b), ndtr(b), given, norm.pdf(b) * b], atol=1e-6)
    np.testing.assert_allclose(averages.n_cases, [1000, 500 * passed.sum(), 500 * passed.sum(), 1000])
    # the accepted's predicted placement is their share with the outcome, whatever the model
    assert averages.values[2] == pytest.approx(given, abs=1e-6)


def test_covariance_of_a_tally_by_hand(tally):
    """With one value of b the open gate's variance is phi(b)^2 var(b); nobody differs, so nothing is added."""
    fit, b, passed, placed = tally
    node = next(node for node in fit.profile.nodes if node.t == fit.peak.t)
    averages = average_at(fit.model, node, [placement(), placement_given_selection()])
    assert averages.covariance[0, 0] == pytest.approx(norm.pdf(b) ** 2 * node.covariance[2, 2], rel=1e-6)
    rates, accepted = placed / passed, 500 * passed.sum()
    # P(Y = 1 | S = 1) differs between the halves: who was accepted adds its variance
    given = placed.sum() / passed.sum()
    between = (500 * passed * (rates - given) ** 2).sum() / accepted**2
    assert averages.covariance[1, 1] > between
    np.testing.assert_allclose(averages.covariance, averages.covariance.T)


def test_a_setting_is_the_column_at_that_value(data, fit):
    _, X, selected, Z = data
    found = average(
        fit.model,
        fit.peak.state,
        fit.covariance[:-1, :-1],
        [
            placement(setting={1: 1.0}),
            placement_slope(1, setting={1: 1.0}),
            placement_slope(1),
            placement(accepted_only=True),
            placement_given_selection(setting={1: 0.0}),
        ],
    )
    b = X @ fit.beta
    at_one, at_nought = fit.beta.sum(), fit.beta[0]
    joint = multivariate_normal(cov=[[1, fit.rho], [fit.rho, 1]])
    a = (Z @ fit.gamma)[selected]
    given = joint.cdf(np.column_stack([a, np.full(len(a), at_nought)])) / ndtr(a)
    expected = [
        ndtr(at_one),
        norm.pdf(at_one) * fit.beta[1],
        norm.pdf(b).mean() * fit.beta[1],
        ndtr(b[selected]).mean(),
        given.mean(),
    ]
    np.testing.assert_allclose(found.values, expected, atol=2e-5)
    np.testing.assert_array_equal(found.n_cases, [500, 500, 500, selected.sum(), selected.sum()])


def test_the_accepted_as_predicted_are_the_accepted_as_seen(data, fit):
    """The probit's score equation for constants holds in the joint model only nearly: within 1 percentage point."""
    y, _, selected, _ = data
    found = average(fit.model, fit.peak.state, fit.covariance[:-1, :-1], [placement_given_selection()])
    assert found.values[0] == pytest.approx(y[selected].mean(), abs=0.01)


# --------------------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize("grouped", [False, True])
def test_gradients_by_differences(grouped):
    """Recovered from the covariance: with a rank-one covariance d d' the variance is (gradient'd)^2."""
    y, X, selected, Z = simulate(500, 4)
    group = np.arange(500) % 4
    if grouped:
        fit = fit_selection_probit(y, X[:, 1:], selected, Z[:, 1:], intercepts=group, clusters=group)
    else:
        fit = fit_selection_probit(y, X, selected, Z)
    quantities = [
        placement(),
        placement(accepted_only=True),
        placement_given_selection(),
        placement_slope(X.shape[1] - 1 - grouped),
        placement(setting={0: 0.7}),
    ]
    state, model = fit.peak.state, fit.model
    p = model.n_parameters - 1
    base = average(model, state, np.zeros((p, p)), quantities)
    for position in range(p):
        direction, step = np.eye(p + 1)[position], 1e-5

        def moved(size, direction=direction):
            """The averages where theta moves and the intercepts follow it."""
            follow = state.evaluation.intercept_response(direction)
            point = type(state.point)(
                state.point.theta + size * direction, state.point.intercepts + size * follow
            )
            other = type(state)(point, evaluate(model, point), state.step, state.decrement, 0)
            return average(model, other, np.zeros((p, p)), quantities).values

        slope = (moved(step) - moved(-step)) / (2 * step)
        found = average(model, state, np.outer(direction[:-1], direction[:-1]), quantities)
        np.testing.assert_allclose(
            found.covariance - base.covariance, np.outer(slope, slope), rtol=1e-5, atol=1e-8
        )


def test_with_intercepts_the_covariance_is_that_of_dummies():
    y, X, selected, Z = simulate(600, 5)
    group = np.arange(600) % 3
    dummies = (group[:, None] == np.arange(3)).astype(float)
    inside = fit_selection_probit(y, X[:, 1:], selected, Z[:, 1:], intercepts=group, clusters=group)
    columns = fit_selection_probit(
        y, np.hstack([dummies, X[:, 1:]]), selected, np.hstack([dummies, Z[:, 1:]])
    )
    quantities = [placement(), placement_given_selection(), placement(accepted_only=True)]
    found = [
        average_at(fit.model, fit.profile.nodes[fit.profile.t.tolist().index(0.0)], quantities)
        for fit in (inside, columns)
    ]
    np.testing.assert_allclose(found[0].values, found[1].values, atol=1e-7)
    np.testing.assert_allclose(found[0].covariance, found[1].covariance, rtol=1e-5, atol=1e-10)


# -------------------------------------------------------------------------------------------------- sets


def test_in_a_large_sample_the_set_is_walds():
    fit = fit_selection_probit(*simulate(40_000, 6))
    for position in (1, 4):
        low, high = functional_set(fit, lambda coefficients, rho, j=position: coefficients[j])
        error = np.sqrt(fit.covariance[position, position])
        estimate = fit.parameters[position]
        np.testing.assert_allclose(
            [low, high], estimate + 1.959964 * error * np.array([-1, 1]), atol=0.03 * error
        )
    low, high = functional_set(fit, lambda coefficients, rho: coefficients[1] - 2 * coefficients[4])
    weights = np.array([0, 1, 0, 0, -2, 0])
    error = np.sqrt(weights @ fit.covariance @ weights)
    expected = weights @ fit.parameters + 1.959964 * error * np.array([-1, 1])
    np.testing.assert_allclose([low, high], expected, atol=0.03 * error)


def test_the_set_of_an_average_in_a_large_sample():
    """Wald's interval of the open gate: coefficients and correlation together, and who the cases are."""
    y, X, selected, Z = simulate(40_000, 7)
    fit = fit_selection_probit(y, X, selected, Z)
    b = X @ fit.beta
    gradient = np.r_[0, 0, 0, norm.pdf(b) @ X / len(b), 0]
    error = np.sqrt(gradient @ fit.covariance @ gradient + ndtr(b).var() / len(b))
    low, high = profile_averages(fit, [placement()]).quadratic_sets()
    expected = ndtr(b).mean() + 1.959964 * error * np.array([-1, 1])
    np.testing.assert_allclose([low[0], high[0]], expected, atol=0.03 * error)


def test_a_function_of_the_dependence_alone_has_the_profile_set(fit):
    ((first, last),) = fit.dependence_set()
    low, high = functional_set(fit, lambda coefficients, rho: rho)
    np.testing.assert_allclose([low, high], [first, last], atol=2e-3)


def test_a_set_of_one_coefficient_is_near_its_likelihood_ratio_set(fit):
    low, high = functional_set(fit, lambda coefficients, rho: coefficients[4])
    for end in (low, high):
        deviance = 2 * (fit.loglik - fit.refit(restrict={4: end}).loglik)
        assert deviance == pytest.approx(3.84, abs=0.35)


def test_the_parts_of_the_gap_add_up(fit):
    quantities = [placement_given_selection(), placement(), placement(accepted_only=True)]
    found = profile_averages(fit, quantities, weights=PARTS)
    accepted, everybody, gap, recorded, other = found.values.T
    np.testing.assert_allclose(gap, accepted - everybody, atol=1e-14)
    np.testing.assert_allclose(recorded + other, gap, atol=1e-14)
    # at no correlation the accepted differ by recorded grounds alone
    at_nought, error = found.at(np.zeros(1))
    assert at_nought[0, 4] == pytest.approx(0, abs=1e-5)
    assert at_nought[0, 2] == pytest.approx(at_nought[0, 3], abs=1e-5)
    assert (error >= 0).all()


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_a_set_holds_its_estimate_and_grows_with_the_level(fit, level):
    quantities = [placement(), placement_given_selection(), placement_slope(1)]
    found = profile_averages(fit, quantities)
    estimate = average(fit.model, fit.peak.state, fit.covariance[:-1, :-1], quantities).values
    low, high = found.quadratic_sets(level)
    assert (low < estimate).all()
    assert (estimate < high).all()
    wider_low, wider_high = found.quadratic_sets(0.995)
    assert (wider_low < low).all()
    assert (high < wider_high).all()


def test_the_set_is_the_union_over_the_profile(fit):
    """Each psi on the grid is in the set if the smallest quadratic deviance over t is below the quantile."""
    found = profile_averages(fit, [placement()])
    ((first, last),) = fit.profile.likelihood_set(0.999)
    t = np.linspace(first, last, 2001)
    value, error = (part[:, 0] for part in found.at(t))
    psi = np.linspace(value.min() - 0.1, value.max() + 0.1, 4001)
    smallest = (fit.profile.deviance(t) + ((value - psi[:, None]) / error) ** 2).min(axis=1)
    inside = psi[smallest <= 3.841459]
    low, high = found.quadratic_sets()
    np.testing.assert_allclose([low[0], high[0]], [inside.min(), inside.max()], atol=5e-4)


def test_the_order_of_rows_does_not_matter(data, fit):
    y, X, selected, Z = data
    order = np.random.default_rng(1).permutation(500)
    turned = fit_selection_probit(y[order], X[order], selected[order], Z[order])
    quantities = [placement(), placement_given_selection(), placement_slope(1)]
    np.testing.assert_allclose(
        profile_averages(turned, quantities).quadratic_sets(),
        profile_averages(fit, quantities).quadratic_sets(),
        atol=1e-9,
    )


def test_everywhere_is_the_whole_profile(fit):
    found = profile_averages(fit, [placement()], everywhere=True)
    np.testing.assert_array_equal(found.t, fit.profile.t)
    few = profile_averages(fit, [placement()])
    assert set(few.t) <= set(found.t)
    np.testing.assert_allclose(few.quadratic_sets(), found.quadratic_sets(), atol=1e-6)


def test_offices_out_of_the_outcome_are_not_averaged_over():
    y, X, selected, Z = simulate(400, 8)
    group = np.arange(400) % 4
    y[(group == 1) & selected] = 1.0
    fit = fit_selection_probit(y, X[:, 1:], selected, Z[:, 1:], intercepts=group, clusters=group)
    found = profile_averages(fit, [placement(), placement_given_selection()])
    np.testing.assert_array_equal(found.n_cases, [300, (selected & (group != 1)).sum()])


def test_nobody_to_average_over(fit):
    def nobody(model, point, chunk):
        share = placement()(model, point, chunk)
        return type(share)(0 * share.include, share.value, share.by_a, share.by_b, share.X)

    with pytest.raises(EstimationError) as refused:
        profile_averages(fit, [nobody])
    assert refused.value.reason == "no_cases"
