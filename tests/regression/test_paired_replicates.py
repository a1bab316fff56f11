"""Refits of two-equation models without an office, pinned ones, and averages replicated to first order."""

import numpy as np
import pytest
from scipy.special import ndtr

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import cluster_covariance
from se_outcomes.inference.jackknife import jackknife, jackknife_covariance
from se_outcomes.regression.paired import by_cluster
from se_outcomes.regression.paired_marginal import (
    mean_values,
    placement,
    placement_given_selection,
    placement_slope,
)
from se_outcomes.regression.paired_replicates import replicate_averages
from se_outcomes.regression.selection_probit import fit_selection_probit

QUANTITIES = [placement(), placement_slope(0), placement_given_selection(), placement(shift=(0, 1.0))]


def data(n_offices=8, size=150, rho=0.5, seed=1):
    random = np.random.default_rng(seed)
    office = np.repeat(np.arange(n_offices), size)
    x, z, u, v = random.normal(size=(4, len(office)))
    a, b = random.normal(0, 0.3, (2, n_offices))
    selected = 0.3 + 0.5 * x + 0.7 * z + a[office] + u > 0
    y = -0.2 + 0.5 * x + b[office] + rho * u + np.sqrt(1 - rho**2) * v > 0
    return y.astype(float), x, selected, z, office


def fitted(*, intercepts, **kwargs):
    y, x, selected, z, office = data(**kwargs)
    one = np.ones(len(y))
    X = x[:, None] if intercepts else np.column_stack([x, one])
    Z = np.column_stack([x, z] if intercepts else [x, z, one])
    groups = office if intercepts else None
    return fit_selection_probit(y, X, selected, Z, clusters=office, intercepts=groups)


@pytest.fixture(scope="module", params=[True, False], ids=["office intercepts", "none"])
def fit(request):
    return fitted(intercepts=request.param)


def test_a_refit_is_the_fit_of_the_rest(fit):
    y, x, selected, z, office = data()
    rest, one = office != 3, np.ones(len(y))
    groups = fit.model.cells.n_groups > 0
    X = x[:, None] if groups else np.column_stack([x, one])
    Z = np.column_stack([x, z] if groups else [x, z, one])
    fresh = fit_selection_probit(
        y[rest], X[rest], selected[rest], Z[rest], clusters=office[rest],
        intercepts=office[rest] if groups else None,
    )  # fmt: skip
    refit = fit.refit(without=3)
    np.testing.assert_allclose(refit.parameters, fresh.parameters, atol=1e-8)
    assert refit.loglik == pytest.approx(fresh.loglik, abs=1e-9)
    assert refit.likelihood_ratio_test().statistic == pytest.approx(
        fresh.likelihood_ratio_test().statistic, abs=1e-8
    )
    assert refit.clusters.tolist() == [0, 1, 2, 4, 5, 6, 7]


def test_a_pinned_fit_holds_its_dependence(fit):
    last = len(fit.parameters) - 1
    pinned = fit.refit(restrict={last: 0.2})
    assert (pinned.pinned, pinned.boundary) == (True, False)
    assert pinned.parameters[last] == 0.2
    assert not pinned.free[last]
    assert pinned.free[:last].all()
    assert pinned.loglik < fit.loglik
    assert pinned.covariance[last].tolist() == [0.0] * (last + 1)
    np.testing.assert_allclose(pinned.scores.sum(axis=0)[:last], 0, atol=1e-8)
    again = pinned.refit(without=2)
    assert (again.pinned, again.parameters[last]) == (True, 0.2)
    held = pinned.refit(restrict={0: 0.0})
    assert (held.parameters[0], held.parameters[last]) == (0.0, 0.2)


def test_the_profile_node_pinned_is_the_restricted_fit(fit):
    last = len(fit.parameters) - 1
    node = min(fit.profile.nodes, key=lambda node: abs(node.t))
    one, other = fit.pin(node), fit.refit(restrict={last: node.t})
    np.testing.assert_allclose(one.parameters, other.parameters, atol=1e-5)
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-4)


def test_scores_and_information_by_office_add_up(fit):
    scores, information = by_cluster(fit.model, fit.peak.state.point)
    np.testing.assert_allclose(scores.sum(axis=0), 0, atol=1e-7)
    total = -fit.peak.state.evaluation.profiled_hessian
    np.testing.assert_allclose(information.sum(axis=0), total, rtol=1e-9, atol=1e-9)
    sizes = fit.cluster_sizes
    assert sizes.sum() == fit.n_cases
    assert sizes.tolist() == [150.0] * 8


def test_the_one_step_replicate_is_near_the_refit(fit):
    exact = jackknife(lambda refit: refit.parameters, fit, kind="CV3")
    linear = jackknife(lambda refit: refit.parameters, fit, kind="CV3L")
    np.testing.assert_allclose(
        linear.std_error, exact.std_error, rtol=0.3
    )  # the correlation is far from linear
    step = fit.parameters - np.linalg.solve(fit.information.sum(axis=0) - fit.information[4], fit.scores[4])
    np.testing.assert_allclose(fit.approximate(without=4).parameters, step, atol=1e-9)


def test_covariances_exist_for_two_equations(fit):
    k = len(fit.parameters)
    for kind in ("CV1", "CV3", "CV3L", "CR2"):
        robust = cluster_covariance(fit, kind=kind)
        assert robust.covariance.shape == (k, k)
        assert (robust.std_error > 0).all()


def test_replicated_averages_are_those_of_refits_to_first_order(fit):
    last = len(fit.parameters) - 1
    pinned = fit.refit(restrict={last: 0.5})
    found = replicate_averages(pinned, QUANTITIES)

    def functional(refit):
        return mean_values(refit.model, refit.peak.state.point, QUANTITIES)

    exact = jackknife(functional, pinned)
    np.testing.assert_allclose(found.values, exact.estimate, rtol=1e-12)
    moved = exact.replicates - exact.estimate
    assert np.abs(found.replicates - exact.replicates).max() < 0.05 * np.abs(moved).max()
    linear = np.sqrt(np.diag(jackknife_covariance(found.values, found.replicates)))
    np.testing.assert_allclose(linear, exact.std_error, rtol=0.03)
    coefficients = jackknife(lambda refit: refit.parameters[:-1], pinned, kind="CV3L")
    np.testing.assert_allclose(found.coefficient_replicates, coefficients.replicates, atol=1e-9)


def test_shift_moves_everybody(fit):
    at, shifted = mean_values(fit.model, fit.peak.state.point, [placement(), placement(shift=(0, 1.0))])
    y, x, _, _, office = data()
    b = fit.beta[0]
    values = fit.intercept_values[office, 1] if fit.model.cells.n_groups else np.full(len(y), fit.beta[-1])
    from_normal = ndtr(values + b * (x + 1))
    assert shifted == pytest.approx(from_normal.mean(), abs=1e-9)
    assert shifted > at


def test_an_average_over_one_office_has_no_replicate():
    y, x, selected, z, office = data(n_offices=3)
    selected[office > 0] = np.arange((office > 0).sum()) % 2 == 0
    fit = fit_selection_probit(
        y, np.column_stack([x, np.ones(len(y))]), selected, np.column_stack([x, z, np.ones(len(y))]),
        clusters=np.zeros(len(y), dtype=int),
    )  # fmt: skip
    with pytest.raises(EstimationError) as refusal:
        replicate_averages(fit.refit(restrict={len(fit.parameters) - 1: 0.1}), [placement()])
    assert refusal.value.reason == "no_cases"


def test_at_the_edge_the_dependence_is_not_free():
    fit = None
    for seed in range(40):
        found = fitted(intercepts=False, n_offices=4, size=40, rho=0.95, seed=seed)
        if found.boundary:
            fit = found
            break
    assert fit is not None
    assert not fit.free[-1]
    assert (cluster_covariance(fit, kind="CV1").covariance[-1] == 0).all()
    refit = fit.refit(without=1)
    assert refit.loglik <= 0
