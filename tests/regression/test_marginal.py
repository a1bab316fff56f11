"""Marginal effects and standardised shares: by hand, by differences, and the influence by perturbation."""

import numpy as np
import pytest
import statsmodels.api as sm

from se_outcomes.regression.logit import fit_logit
from se_outcomes.regression.marginal import average_derivative, standardised_curve, standardised_share
from se_outcomes.regression.probit import fit_probit


def cells(seed=2, n_offices=5):
    random = np.random.default_rng(seed)
    y, x, z, office = (
        grid.ravel()
        for grid in np.meshgrid([0, 1], [0, 1, 2, 3], [0, 1], np.arange(n_offices), indexing="ij")
    )
    counts = random.integers(2, 30, y.size).astype(float)
    return y, np.column_stack([x, z]).astype(float), counts, office


def test_saturated_model_standardises_to_the_tables_own_shares():
    # office 0: 10 of 20 pass at x = 1, 5 of 20 at x = 0; one office, so the standardised shares are the
    # observed ones
    fit = fit_logit(
        [1, 0, 1, 0], [[1.0], [1.0], [0.0], [0.0]], counts=[10, 10, 5, 15], intercepts=[0, 0, 0, 0]
    )
    assert standardised_share(fit, {0: 1.0}).value == pytest.approx(0.5)
    assert standardised_share(fit, {0: 0.0}).value == pytest.approx(0.25)


def test_average_marginal_effect_is_that_of_statsmodels():
    y, X, counts, _ = cells()
    design = np.column_stack([np.ones(len(y)), X])
    times = counts.astype(int)
    rows = np.repeat(design, times, axis=0)
    oracle = sm.Logit(np.repeat(y, times), rows).fit(disp=False, tol=1e-13).get_margeff()
    fit = fit_logit(y, design, counts=counts)
    assert average_derivative(fit, 1).value == pytest.approx(oracle.margeff[0], abs=1e-8)


@pytest.mark.parametrize("fit_family", [fit_logit, fit_probit])
def test_average_marginal_effect_is_the_slope_of_the_average(fit_family):
    y, X, counts, office = cells()
    fit = fit_family(y, X, counts=counts, clusters=office, intercepts=office)
    step = 1e-5
    ends = []
    for sign in (1, -1):
        moved = fit.cells.X.copy()
        moved[:, 0] += sign * step
        ends.append(fit.cells.counts @ fit.family.mean(fit.linear_predictor(moved)) / counts.sum())
    assert average_derivative(fit, 0).value == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-9)


def test_curve_goes_through_the_standardised_shares():
    y, X, counts, office = cells()
    fit = fit_logit(y, X, counts=counts, clusters=office, intercepts=office)
    curve = standardised_curve(fit, 0, np.array([0.0, 2.5]))
    np.testing.assert_allclose(curve, [standardised_share(fit, {0: value}).value for value in (0.0, 2.5)])


@pytest.mark.parametrize("fit_family", [fit_logit, fit_probit])
@pytest.mark.parametrize("quantity", ["derivative", "difference"])
def test_influence_is_what_weighing_an_office_does(fit_family, quantity):
    """d(average)/d(weight of an office), through composition, coefficients, intercepts: the influence."""
    y, X, counts, office = cells()

    def average(weights):
        fit = fit_family(y, X, counts=counts * weights[office], clusters=office, intercepts=office)
        if quantity == "derivative":
            return average_derivative(fit, 0)
        return standardised_share(fit, {0: 3.0}) - standardised_share(fit, {0: 0.0})

    found, step = average(np.ones(5)).influence, 1e-4
    for g in range(5):
        shift = step * (np.arange(5) == g)
        slope = (average(1 + shift).value - average(1 - shift).value) / (2 * step)
        assert found[g] == pytest.approx(slope, abs=1e-7)
    assert found.sum() == pytest.approx(0, abs=1e-10)


def test_influence_without_intercepts():
    y, X, counts, office = cells()
    design = np.column_stack([X, np.ones(len(y))])

    def average(weights):
        return average_derivative(fit_logit(y, design, counts=counts * weights[office], clusters=office), 0)

    found = average(np.ones(5)).influence
    shift = 1e-4 * (np.arange(5) == 1)
    slope = (average(1 + shift).value - average(1 - shift).value) / 2e-4
    assert found[1] == pytest.approx(slope, abs=1e-7)
